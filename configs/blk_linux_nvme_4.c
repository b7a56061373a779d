/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_linux_nvme_4.c - 4 Linux guests on an NVMe disk: configs/blk_linux.h. */
#include "configs/blk_linux.h"

static const struct partition_config partitions[] = { BLK_LINUX_4 };

BLK_LINUX_SYSTEM("blk_linux_nvme_4", 4, BLK_LINUX_NVME);
