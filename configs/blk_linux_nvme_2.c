/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_linux_nvme_2.c - 2 Linux guests on an NVMe disk: configs/blk_linux.h. */
#include "configs/blk_linux.h"

static const struct partition_config partitions[] = { BLK_LINUX_2 };

BLK_LINUX_SYSTEM("blk_linux_nvme_2", 2, BLK_LINUX_NVME);
