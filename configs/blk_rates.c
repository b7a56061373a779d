/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/blk_rates.c - three guests that want a disk's bytes a second as resource tuples (docs/disk.md, "Bytes a
 * second"), more than there are: scan, the least critical, is shrunk. All read all the time, twice as many
 * requests at a time as they are planned with. `make plan` has the weights that it makes of them.
 */
#include "configs/blk.h"

#define MB(n) ((n)*UINT64_C(1000000))
#define RATES_GUEST(part_name, index, seed, critical, usual_bytes, min_bytes) \
	{ \
		.name = part_name, .criticality = critical, \
		.cpu = RESERVATION(0, US(1500), MS(10)), .memory_bytes = GUEST_MEMORY, \
		.platform = PLATFORM_PC, .image = "blk.elf", \
		.args = "mode=load op=read bytes=65536 depth=16 seconds=5 say_ms=1000 " seed, \
		.DISKS({ .disk = "disk", \
			 .first_sector = (index)*BLK_SHARE_SECTORS, \
			 .sector_count = BLK_SHARE_SECTORS, \
			 .queue_size = 64, \
			 .outstanding = 8, \
			 .request_bytes = KIB(64), \
			 .bytes_per_s = { .usual = usual_bytes, .min = min_bytes } }), \
	}

static const struct partition_config partitions[] = {
	RATES_GUEST("video", 0, "seed=1", 2, MB(12), MB(8)),
	RATES_GUEST("log", 1, "seed=2", 1, MB(8), MB(4)),
	RATES_GUEST("scan", 2, "seed=3", 0, MB(20), MB(2)),
};

/* 2 ms for 64 KiB. */
static const struct disk_config disks[] = {
	{ .name = "disk",
	  .kind = DISK_MEMORY,
	  .bytes = 3 * BLK_SHARE_BYTES,
	  .time = { .read = { US(1000), US(16) }, .parallel = 1 },
	  .max_budget_bytes = MIB(1) },
};

BLK_SYSTEM("blk_rates", BOARD_RIG(1), SEC(6), BLK_SERVICE);
