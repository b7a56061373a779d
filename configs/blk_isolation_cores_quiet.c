/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_isolation_cores_quiet.c - the same without the flood: configs/blk_isolation.h. */
#include "configs/blk_isolation.h"

ISOLATION_CORES("blk_isolation_cores_quiet", ISOLATION_QUIET, "25", 6);
