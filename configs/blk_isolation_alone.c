/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_isolation_alone.c - 10,000 reads without the flood: configs/blk_isolation.h. */
#include "configs/blk_isolation.h"

ISOLATION_SYSTEM("blk_isolation_alone", ISOLATION_QUIET, "102", "520", 110);
