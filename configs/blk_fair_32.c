/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_fair_32.c - four busy guests, 32 requests each: configs/blk_fair.h. */
#include "configs/blk_fair.h"

FAIR_ALL("blk_fair_32", "32");
