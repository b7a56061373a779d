/* SPDX-License-Identifier: Apache-2.0 */
/* configs/hostile_calls.c - a neighbour that floods hypercalls: configs/hostile.h. */
#include "configs/hostile.h"

HOSTILE_SYSTEM("hostile_calls", "hostile.elf", "mode=calls");
