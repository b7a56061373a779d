/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_isolation.c - 10,000 reads beside a flood: configs/blk_isolation.h. */
#include "configs/blk_isolation.h"

ISOLATION_SYSTEM("blk_isolation", ISOLATION_FLOOD("103"), "102", "520", 110);
