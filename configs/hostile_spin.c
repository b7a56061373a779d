/* SPDX-License-Identifier: Apache-2.0 */
/* configs/hostile_spin.c - a neighbour that spins with interrupts off: configs/hostile.h. */
#include "configs/hostile.h"

HOSTILE_SYSTEM("hostile_spin", "hostile.elf", "mode=spin");
