/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/blk_live.c - what `make run` can show of a shared disk: four guests that always want more than there is,
 * with weights 1 to 4, a line for each every second. "three" stops half way: what it had goes to the
 * others, in proportion.
 */
#include "configs/blk.h"

#define LIVE(part_name, index, share, seconds) \
	BLK_GUEST(part_name, index, RESERVATION(0, US(1500), MS(10)), \
		  "mode=load op=rw depth=16 seconds=" seconds, .weight = share, .queue_size = 64)

static const struct partition_config partitions[] = {
	LIVE("one", 0, 100, "10"),
	LIVE("two", 1, 200, "10"),
	LIVE("three", 2, 300, "5"),
	LIVE("four", 3, 400, "10"),
};

static const struct disk_config disks[] = { BLK_MEMORY_DISK(
	4, .timeout_sync_ns = MS(10), .max_budget_bytes = MIB(1), .report_ns = SEC(1)) };

BLK_SYSTEM("blk_live", BOARD_RIG(1), SEC(12), BLK_SERVICE);
