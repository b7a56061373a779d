/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_hostile_long.c - a million requests that break rules: configs/blk_hostile.h. */
#include "configs/blk_hostile.h"

HOSTILE_CORES("blk_hostile_long", HOSTILE_ARGS("1000000"), 1800);
