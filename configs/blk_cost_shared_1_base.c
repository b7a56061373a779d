/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_cost_shared_1_base.c - 1 at a time, fewer: configs/blk_cost.h. */
#include "configs/blk_cost.h"

COST_SHARED("blk_cost_shared_1_base", COST_BASE, COST_1);
