/* SPDX-License-Identifier: Apache-2.0 */
/* configs/hostile_memory.c - a neighbour that touches memory it does not own: configs/hostile.h. */
#include "configs/hostile.h"

HOSTILE_SYSTEM("hostile_memory", "hostile.elf", "mode=memory");
