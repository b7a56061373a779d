/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/blk_verify.c - what is read is what was written: by both kinds of rings, with one queue
 * and several, and what the device answers to requests that are wrong.
 */
#include "configs/blk.h"

static const struct partition_config partitions[] = {
	BLK_GUEST("split", 0, RESERVATION(0, MS(2), MS(10)),
		  "mode=verify depth=8 requests=300 bytes=32768 span=4194304"),
	BLK_GUEST("packed", 1, RESERVATION(0, MS(2), MS(10)),
		  "mode=verify packed=1 queues=4 depth=16 requests=300 bytes=32768 span=4194304 "
		  "seed=2",
		  .queue_count = 4),
	BLK_GUEST("plain", 2, RESERVATION(0, MS(1), MS(10)),
		  "mode=verify event_idx=0 indirect=0 requests=100 bytes=16384 span=1048576 seed=3",
		  .is_writethrough = true),
	BLK_GUEST("probe", 3, RESERVATION(0, US(500), MS(10)), "mode=probe"),
	BLK_GUEST("reader", 4, RESERVATION(0, US(500), MS(10)), "mode=probe", .is_read_only = true),
};

static const struct disk_config disks[] = { BLK_MEMORY_DISK(5) };

BLK_SYSTEM("blk_verify", BOARD_RIG(1), SEC(60), BLK_SERVICE, .trace_records = 2048,
	   .trace_details = true);
