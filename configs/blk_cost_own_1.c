/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_cost_own_1.c - 1 at a time: configs/blk_cost.h. */
#include "configs/blk_cost.h"

COST_OWN("blk_cost_own_1", COST_MANY, COST_1);
