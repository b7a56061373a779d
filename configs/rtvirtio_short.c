/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/rtvirtio_short.c - tasks at a rate, for a test: one that the disk (500 us for a request) can
 * serve beside others, and one that wants more than there is.
 */
#include "configs/blk.h"

#define TASKS_GUEST(part_name, index, tasks_args, queues) \
	BLK_GUEST(part_name, index, RESERVATION(0, MS(1), MS(5)), \
		  "mode=tasks seed=7 start_ms=300 seconds=3 " tasks_args, .queue_count = queues, \
		  .request_max_bytes = KIB(4))

static const struct partition_config partitions[] = {
	TASKS_GUEST("kept", 0, "tasks=20,100,300 stream=0", 3),
	TASKS_GUEST("late", 1, "tasks=5000 stream=8 write=100", 1),
};
static const struct disk_config disks[] = { BLK_MEMORY_DISK(
	2, .depth = 4, .is_strict = true, .slice_idle_ns = MS(1), .timeout_sync_ns = MS(4)) };

BLK_SYSTEM("rtvirtio-short", BOARD_RIG(1), SEC(10), BLK_SERVICE);
