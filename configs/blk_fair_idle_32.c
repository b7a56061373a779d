/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_fair_idle_32.c - as configs/blk_fair.h says: 32 requests each, one idle. */
#include "configs/blk_fair.h"

FAIR_BUT_ONE("blk_fair_idle_32", "32");
