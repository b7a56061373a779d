/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/blk_fair.h - four guests with weights 1:2:3:4 that always want more of one disk, `depth`
 * requests of 64 KiB at a time; or with the fourth of them idle: it reads once and ends.
 *
 * The disk takes 2 ms for a request; a turn is at most 1 MiB, 32 ms: ten of them are 0.3 s. With the
 * default, 8 MiB or 125 ms, the shares come out the same after more turns. Turns that end by a time
 * limit, as those of a slower disk would, are fair in time: in bytes, only as far as it takes the
 * same time for all. Every decision fits into the audit.
 * All on one core, so that both rigs have an instruction clock.
 */
#pragma once
#include "configs/blk.h"

#define FAIR_READS(depth, seconds) \
	"mode=load op=read bytes=65536 depth=" depth " seconds=" seconds " say_ms=1000 start_ms=300"
#define FAIR_IDLE "mode=load op=read requests=1"

#define FAIR_GUEST(part_name, index, args, share) \
	BLK_GUEST(part_name, index, RESERVATION(0, US(1500), MS(10)), args, .weight = share, \
		  .queue_size = 64)

#define FAIR_SYSTEM(system, depth_text, fourth, seconds, limit_s, audit) \
	static const struct partition_config partitions[] = { \
		FAIR_GUEST("one", 0, FAIR_READS(depth_text, seconds), 100), \
		FAIR_GUEST("two", 1, FAIR_READS(depth_text, seconds) " seed=2", 200), \
		FAIR_GUEST("three", 2, FAIR_READS(depth_text, seconds) " seed=3", 300), \
		FAIR_GUEST("four", 3, fourth, 400), \
	}; \
	static const struct disk_config disks[] = { \
		{ .name = "disk", \
		  .kind = DISK_MEMORY, \
		  .bytes = 4 * BLK_SHARE_BYTES, \
		  .time = { .read = { US(1000), US(16) }, .parallel = 1 }, \
		  .max_budget_bytes = MIB(1), \
		  .audit_records = audit }, \
	}; \
	BLK_SYSTEM(system, BOARD_RIG(1), SEC(limit_s), BLK_SERVICE)

#define FAIR_ALL(system, depth) \
	FAIR_SYSTEM(system, depth, FAIR_READS(depth, "18") " seed=4", "18", 20, 65536)
#define FAIR_BUT_ONE(system, depth) FAIR_SYSTEM(system, depth, FAIR_IDLE, "18", 20, 65536)
#define FAIR_TEST(system, depth) \
	FAIR_SYSTEM(system, depth, FAIR_READS(depth, "5") " seed=4", "5", 7, 32768)
