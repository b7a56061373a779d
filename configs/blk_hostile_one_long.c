/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_hostile_one_long.c - a million blows on one core: configs/blk_hostile.h. */
#include "configs/blk_hostile.h"

HOSTILE_ONE_CORE("blk_hostile_one_long", HOSTILE_ARGS("1000000"), 3600);
