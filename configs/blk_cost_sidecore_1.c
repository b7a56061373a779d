/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_cost_sidecore_1.c - 1 at a time: configs/blk_cost.h. */
#include "configs/blk_cost.h"

COST_SIDECORE("blk_cost_sidecore_1", COST_MANY, COST_1);
