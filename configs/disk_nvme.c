/* SPDX-License-Identifier: Apache-2.0 */
/* configs/disk_nvme.c - configs/disk_verify.c on a real controller: tools/rig qemu --disk. */
#include "configs/disk.h"

static const struct partition_config partitions[] = {
	BLK_GUEST("probe", "mode=probe", .cpu = RESERVATION(0, MS(2), MS(10)),
		  .DISKS({ .disk = "d0", DISK_RANGE(0, 16) })),
	BLK_GUEST("verify", "mode=verify requests=2000", .cpu = RESERVATION(0, MS(2), MS(10)),
		  .DISKS({ .disk = "d0", DISK_RANGE(1, 16) })),
};

static const struct disk_config disk_list[] = {
	{ .name = "d0", .kind = DISK_NVME },
};

const struct config config = {
	.name = "disk_nvme",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.disks = disk_list,
	.disk_count = ARRAY_SIZE(disk_list),
	.service = RESERVATION(0, MS(2), MS(5)),
	.run_limit_ns = SEC(60),
};
