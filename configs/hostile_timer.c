/* SPDX-License-Identifier: Apache-2.0 */
/* configs/hostile_timer.c - a neighbour that floods its own timer interrupt: configs/hostile.h. */
#include "configs/hostile.h"

HOSTILE_SYSTEM("hostile_timer", "hostile.elf", "mode=timer");
