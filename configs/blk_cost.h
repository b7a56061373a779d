/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/blk_cost.h - what a request of 4 KiB costs: one guest that owns its core, whose interrupts are
 * posted, and a disk that serves 8 at a time, each in 400 us. "shared": the service has a reservation of
 * another core; "sidecore": it owns that core and polls, so that the guest never tells it anything.
 * With 32 requests under way the guest wants an interrupt for each 16.
 */
#pragma once
#include "configs/blk.h"

#define COST_SYSTEM(system, guest_args, ...) \
	static const struct partition_config partitions[] = { \
		BLK_GUEST("load", 0, OWN_CORE(0), "mode=load op=read requests=20000 " guest_args, \
			  .queue_size = 64), \
	}; \
	static const struct disk_config disks[] = { { \
		.name = "disk", \
		.kind = DISK_MEMORY, \
		.bytes = BLK_SHARE_BYTES, \
		.time = { .read = { US(400), 0 }, .write = { US(400), 0 }, .parallel = 8 }, \
		.depth = 32, \
	} }; \
	BLK_SYSTEM(system, BOARD_RIG(2), SEC(60), __VA_ARGS__)

#define COST_SHARED   RESERVATION(1, US(500), MS(1))
#define COST_SIDECORE OWN_CORE(1)
