/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_isolation_cores.c - a flood, and rounds on another core: configs/blk_isolation.h. */
#include "configs/blk_isolation.h"

ISOLATION_CORES("blk_isolation_cores", ISOLATION_FLOOD("60"), "25", 6);
