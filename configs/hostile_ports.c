/* SPDX-License-Identifier: Apache-2.0 */
/* configs/hostile_ports.c - a neighbour that uses I/O ports it does not own: configs/hostile.h. */
#include "configs/hostile.h"

HOSTILE_SYSTEM("hostile_ports", "hostile.elf", "mode=ports");
