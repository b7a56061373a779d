/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_linux_2.c - 2 Linux guests on the memory disk: configs/blk_linux.h. */
#include "configs/blk_linux.h"

static const struct partition_config partitions[] = { BLK_LINUX_2 };

BLK_LINUX_SYSTEM("blk_linux_2", 2, BLK_LINUX_MEMORY_DISK(2));
