/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_fair_1.c - four busy guests, 1 requests each: configs/blk_fair.h. */
#include "configs/blk_fair.h"

FAIR_ALL("blk_fair_1", "1");
