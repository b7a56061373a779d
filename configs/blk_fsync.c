/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/blk_fsync.c - writes records and flushes until the power goes: guests/blk/record.h. Its
 * share of the NVMe disk does not begin where the disk begins. tools/lib/power_cut.py.
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "writer",
		.cpu = RESERVATION(0, MS(6), MS(10)),
		.memory_bytes = GUEST_MEMORY,
		.platform = PLATFORM_PC,
		.image = "blk.elf",
		.args = "mode=fsync depth=4",
		.DISKS({ .disk = "disk", .first_sector = 2048, .sector_count = MIB(32) / 512 }),
	},
};

static const struct disk_config disks[] = { { .name = "disk", .kind = DISK_NVME } };

const struct config config = {
	.name = "blk_fsync",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.disks = disks,
	.disk_count = ARRAY_SIZE(disks),
	.service = RESERVATION(0, US(500), MS(2)),
};
