/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_cost_own_32.c - 32 at a time: configs/blk_cost.h. */
#include "configs/blk_cost.h"

COST_OWN("blk_cost_own_32", COST_MANY, COST_32);
