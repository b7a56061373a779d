/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/blk_isolation.h - a guest that reads 100 times a second beside one that floods the same
 * disk with writes of 1 MiB, 256 at a time, and a guest with deadlines on another core. The disk,
 * served by a side core, takes 41 ms for such a write, and has one request at a time: what it has
 * been given, nobody overtakes.
 *
 * The longest time of a read is told by the plan. Without the flood: the same, but "flood" writes
 * once.
 *
 * ISOLATION_CORES has the guest with deadlines count rounds (guests/rt/work.h) on one core more, as
 * ticks depend on what other cores execute: docs/disk.md, "Measured". Its budget is never used up, so
 * that a response is computation only.
 *
 * ISOLATION_ONE has all of it on one core, because a clock that counts instructions has only one
 * core in either rig (docs/emulators.md): the period of "rt" is the shortest, with the service's.
 */
#pragma once
#include "configs/blk.h"

#define ISOLATION_FLOOD(seconds) \
	"mode=load op=write bytes=1048576 depth=256 order=sequential seconds=" seconds
#define ISOLATION_QUIET "mode=load op=write requests=1"

#define ISOLATION_DISK \
	{ \
		.name = "disk", .kind = DISK_MEMORY, .bytes = 2 * BLK_SHARE_BYTES, \
		.time = { .read = { US(100), US(40) }, \
			  .write = { US(100), US(40) }, \
			  .parallel = 1 }, \
		.depth = 1, .max_budget_bytes = MIB(1), \
	}

#define ISOLATION_SYSTEM(system, flood_args, seconds, jobs, limit_s) \
	static const struct partition_config partitions[] = { \
		BLK_GUEST("reader", 0, RESERVATION(0, MS(2), MS(10)), \
			  "mode=load op=read rate=100 depth=64 start_ms=500 seconds=" seconds, \
			  .weight = 500, .request_max_bytes = KIB(4)), \
		BLK_GUEST("flood", 1, RESERVATION(0, MS(2), MS(10)), flood_args, .weight = 100, \
			  .queue_size = 256), \
		{ \
			.name = "rt", \
			.cpu = RESERVATION(1, MS(28), MS(50)), \
			.memory_bytes = GUEST_MEMORY, \
			.image = "tasks.elf", \
			.args = "tasks=tau1:10:150,tau2:20:200 jobs=" jobs, \
		}, \
	}; \
	static const struct disk_config disks[] = { ISOLATION_DISK }; \
	BLK_SYSTEM(system, BOARD_RIG(3), SEC(limit_s), OWN_CORE(2))

#define ISOLATION_CORES(system, flood_args, jobs, limit_s) \
	static const struct partition_config partitions[] = { \
		BLK_GUEST("reader", 0, RESERVATION(0, MS(2), MS(10)), \
			  "mode=load op=read rate=100 depth=64 start_ms=500 seconds=60", \
			  .weight = 500, .request_max_bytes = KIB(4)), \
		BLK_GUEST("flood", 1, RESERVATION(0, MS(2), MS(10)), flood_args, .weight = 100, \
			  .queue_size = 256), \
		{ \
			.name = "rt", \
			.CPUS(RESERVATION(1, MS(90), MS(100)), OWN_CORE(3)), \
			.memory_bytes = GUEST_MEMORY, \
			.image = "tasks.elf", \
			.args = "tasks=tau1:30:150,tau2:50:200 clock=rounds jobs=" jobs, \
		}, \
	}; \
	static const struct disk_config disks[] = { ISOLATION_DISK }; \
	BLK_SYSTEM(system, BOARD_RIG(4), SEC(limit_s), OWN_CORE(2))

#define ISOLATION_ONE(system, flood_args) \
	static const struct partition_config partitions[] = { \
		BLK_GUEST("reader", 0, RESERVATION(0, MS(2), MS(40)), \
			  "mode=load op=read rate=20 depth=64 start_ms=500 seconds=18", \
			  .weight = 500, .request_max_bytes = KIB(4)), \
		BLK_GUEST("flood", 1, RESERVATION(0, MS(2), MS(40)), flood_args, .weight = 100, \
			  .queue_size = 256), \
		{ \
			.name = "rt", \
			.cpu = RESERVATION(0, US(5600), MS(10)), \
			.memory_bytes = GUEST_MEMORY, \
			.image = "tasks.elf", \
			.args = "tasks=tau1:30:150,tau2:50:200 jobs=90", \
		}, \
	}; \
	static const struct disk_config disks[] = { ISOLATION_DISK }; \
	BLK_SYSTEM(system, BOARD_RIG(1), SEC(20), RESERVATION(0, US(500), MS(10)))
