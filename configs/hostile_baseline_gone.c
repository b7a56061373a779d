/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/hostile_baseline_gone.c - no hostile guest, a neighbour that ends at once: what rt is
 * compared with beside a guest that is stopped. configs/hostile.h.
 */
#include "configs/hostile.h"

HOSTILE_SYSTEM("hostile_baseline_gone", "tasks.elf", "tasks=once:0.1:1 jobs=1 epoch=1");
