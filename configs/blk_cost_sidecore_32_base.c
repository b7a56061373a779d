/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_cost_sidecore_32_base.c - 32 at a time, fewer: configs/blk_cost.h. */
#include "configs/blk_cost.h"

COST_SIDECORE("blk_cost_sidecore_32_base", COST_BASE, COST_32);
