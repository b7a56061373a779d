/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_fair_idle_32.c - three busy guests, 32 requests each, and an idle one: configs/blk_fair.h. */
#include "configs/blk_fair.h"

FAIR_BUT_ONE("blk_fair_idle_32", "32");
