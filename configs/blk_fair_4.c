/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_fair_4.c - four busy guests, 4 requests each: configs/blk_fair.h. */
#include "configs/blk_fair.h"

FAIR_ALL("blk_fair_4", "4");
