/* SPDX-License-Identifier: Apache-2.0 */
/* configs/hostile_baseline.c - no hostile guest, a neighbour that computes: configs/hostile.h. */
#include "configs/hostile.h"

HOSTILE_SYSTEM("hostile_baseline", "compute.elf", NULL);
