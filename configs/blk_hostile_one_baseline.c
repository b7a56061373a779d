/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_hostile_one_baseline.c - beside an honest guest: configs/blk_hostile.h. */
#include "configs/blk_hostile.h"

HOSTILE_ONE_CORE("blk_hostile_one_baseline", HONEST_ARGS, 5);
