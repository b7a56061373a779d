/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_fair_idle_1.c - as configs/blk_fair.h says: 1 request each, one idle. */
#include "configs/blk_fair.h"

FAIR_BUT_ONE("blk_fair_idle_1", "1");
