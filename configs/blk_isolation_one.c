/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_isolation_one.c - a flood, all on one core: configs/blk_isolation.h. */
#include "configs/blk_isolation.h"

ISOLATION_ONE("blk_isolation_one", ISOLATION_FLOOD("1000"));
