/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_hostile_baseline.c - the neighbours of an honest guest: configs/blk_hostile.h. */
#include "configs/blk_hostile.h"

HOSTILE_CORES("blk_hostile_baseline", HONEST_ARGS, 60);
