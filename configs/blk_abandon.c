/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/blk_abandon.c - as much as a guest can ask for at once: 256 requests in one kick, and a reset
 * when the disk has 64 of them (guests/blk, mode=abandon). That may take as long as it takes, but no exit
 * longer than what admission counts as uninterrupted: PLAN_BLOCKING_NS, core/plan.h.
 */
#include "configs/blk.h"

static const struct partition_config partitions[] = {
	BLK_GUEST("abandon", 0, RESERVATION(0, MS(20), MS(100)), "mode=abandon count=4",
		  .queue_size = 256),
	BLK_GUEST("packed", 1, RESERVATION(0, MS(20), MS(100)), "mode=abandon count=4 packed=1",
		  .queue_size = 256),
};

static const struct disk_config disks[] = {
	{
		.name = "disk",
		.kind = DISK_MEMORY,
		.bytes = 2 * BLK_SHARE_BYTES,
		.time = { .read = { MS(2), 0 }, .write = { MS(2), 0 }, .parallel = 64 },
		.depth = 64,
	},
};

BLK_SYSTEM("blk_abandon", BOARD_RIG(1), SEC(20), BLK_SERVICE, .trace_records = 4096,
	   .trace_details = true);
