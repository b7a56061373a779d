/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_isolation_short.c - reads beside a flood, for a test: configs/blk_isolation.h. */
#include "configs/blk_isolation.h"

ISOLATION_SYSTEM("blk_isolation_short", ISOLATION_FLOOD("6"), "5", "25", 9);
