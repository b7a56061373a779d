/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_cost_sidecore_32.c - 32 requests at a time, polled by a side core: configs/blk_cost.h. */
#include "configs/blk_cost.h"

COST_SYSTEM("blk_cost_sidecore_32", "depth=32 coalesce=16", COST_SIDECORE);
