/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_hostile_one.c - an attack for a while, on one core: configs/blk_hostile.h. */
#include "configs/blk_hostile.h"

HOSTILE_ONE_CORE("blk_hostile_one", HOSTILE_ARGS("1000000"), 5);
