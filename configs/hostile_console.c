/* SPDX-License-Identifier: Apache-2.0 */
/* configs/hostile_console.c - a neighbour that floods its console: configs/hostile.h. */
#include "configs/hostile.h"

HOSTILE_SYSTEM("hostile_console", "hostile.elf", "mode=console");
