/* SPDX-License-Identifier: Apache-2.0 */
/* configs/blk_verify_gpt.c - shares of an NVMe disk by the names of its GPT partitions: tools/rig --disk. */
#include "configs/blk.h"

#define GPT_GUEST(part_name, arguments, gpt_name) \
	{ \
		.name = part_name, .cpu = RESERVATION(0, MS(2), MS(10)), \
		.memory_bytes = GUEST_MEMORY, .platform = PLATFORM_PC, .image = "blk.elf", \
		.args = arguments, .DISKS({ .disk = "disk", .partition = gpt_name }) \
	}

static const struct partition_config partitions[] = {
	GPT_GUEST("probe", "mode=probe", "first"),
	GPT_GUEST("verify", "mode=verify requests=500 span=4194304", "second"),
};

static const struct disk_config disks[] = { BLK_NVME_DISK() };

BLK_SYSTEM("blk_verify_gpt", BOARD_RIG(1), SEC(60), BLK_SERVICE);
