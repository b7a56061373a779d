/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_fair_short.c - four busy guests for a test: configs/blk_fair.h. */
#include "configs/blk_fair.h"

FAIR_TEST("blk_fair_short", "4");
