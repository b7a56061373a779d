/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_hostile_one.c - the short attack on one core: configs/blk_hostile.h. */
#include "configs/blk_hostile.h"

HOSTILE_ONE_CORE("blk_hostile_one", HOSTILE_ARGS("20000"), 120);
