/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/tuning_16.c - how long the optimizer takes at boot: 16 partitions of 4 tasks each, with targets that
 * only some can have, so that it looks for a compromise as long as it may. The guests do nothing.
 */
#include "configs/rtvirtio.h"

#define SIXTEENTH(name, index, ms) \
	BLK_GUEST(name, index, RESERVATION(0, US(50), MS(2)), "mode=probe", \
		  .TASKS({ .iops = 100, .target_ns = MS(ms) }, \
			 { .iops = 50, .target_ns = MS(ms) }, \
			 { .iops = 200, .target_ns = MS(2 * (ms)) }, { .iops = 20 }))

static const struct partition_config partitions[] = {
	SIXTEENTH("p0", 0, 60),   SIXTEENTH("p1", 1, 70),   SIXTEENTH("p2", 2, 80),
	SIXTEENTH("p3", 3, 90),   SIXTEENTH("p4", 4, 100),  SIXTEENTH("p5", 5, 120),
	SIXTEENTH("p6", 6, 140),  SIXTEENTH("p7", 7, 160),  SIXTEENTH("p8", 8, 180),
	SIXTEENTH("p9", 9, 200),  SIXTEENTH("p10", 10, 40), SIXTEENTH("p11", 11, 50),
	SIXTEENTH("p12", 12, 55), SIXTEENTH("p13", 13, 65), SIXTEENTH("p14", 14, 75),
	SIXTEENTH("p15", 15, 85),
};

#ifndef TUNING
#define TUNING DISK_TUNE_MLP
#endif

static const struct disk_config disks[] = {
	{ .name = "disk",
	  .kind = DISK_MEMORY,
	  .bytes = 16 * BLK_SHARE_BYTES,
	  .time = SSD_TIMES(.seed = 1),
	  .depth = SSD_DEPTH,
	  .tuning = TUNING },
};
#define TUNING_BOARD \
	{ \
		.core_count = 1, .memory_bytes = MIB(512), .switch_overhead_ns = US(5), \
		.timer_resolution_ns = US(1), \
	}

BLK_SYSTEM("tuning_16", TUNING_BOARD, SEC(1), RTVIRTIO_SERVICE);
