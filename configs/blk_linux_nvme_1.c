/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_linux_nvme_1.c - a Linux guest on an NVMe disk: configs/blk_linux.h. */
#include "configs/blk_linux.h"

static const struct partition_config partitions[] = { BLK_LINUX_1 };

BLK_LINUX_SYSTEM("blk_linux_nvme_1", 1, BLK_LINUX_NVME);
