/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_cost_shared_1.c - one request at a time, served in a reservation: configs/blk_cost.h. */
#include "configs/blk_cost.h"

COST_SYSTEM("blk_cost_shared_1", "depth=1", COST_SHARED);
