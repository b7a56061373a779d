/* SPDX-License-Identifier: Apache-2.0 */
/* configs/hostile_cr.c - a neighbour that writes control registers: configs/hostile.h. */
#include "configs/hostile.h"

HOSTILE_SYSTEM("hostile_cr", "hostile.elf", "mode=cr");
