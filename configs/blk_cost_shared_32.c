/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_cost_shared_32.c - 32 requests at a time, served in a reservation: configs/blk_cost.h. */
#include "configs/blk_cost.h"

COST_SYSTEM("blk_cost_shared_32", "depth=32 coalesce=16", COST_SHARED);
