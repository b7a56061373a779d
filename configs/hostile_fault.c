/* SPDX-License-Identifier: Apache-2.0 */
/* configs/hostile_fault.c - a neighbour that faults without end: configs/hostile.h. */
#include "configs/hostile.h"

HOSTILE_SYSTEM("hostile_fault", "hostile.elf", "mode=fault");
