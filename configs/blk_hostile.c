/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_hostile.c - a short attack on a virtio disk: configs/blk_hostile.h. */
#include "configs/blk_hostile.h"

HOSTILE_CORES("blk_hostile", HOSTILE_ARGS("20000"), 60);
