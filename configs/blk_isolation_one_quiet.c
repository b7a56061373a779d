/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_isolation_one_quiet.c - the same without the flood: configs/blk_isolation.h. */
#include "configs/blk_isolation.h"

ISOLATION_ONE("blk_isolation_one_quiet", ISOLATION_QUIET);
