/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/blk.h - guests that share a disk: our own, with a virtio driver of theirs (guests/blk).
 *
 * BLK_MEMORY_DISK   RAM that serves one request after the other: 400 us and 25 us for each KiB, so
 *		     2,000 requests of 4 KiB a second, slow beside what a request costs either rig.
 *		     A flush takes 1 ms.
 * BLK_NVME_DISK     tools/rig --disk
 * BLK_GUEST         has the share number `index` of it, of BLK_SHARE_BYTES
 */
#pragma once
#include "configs/boards.h"

#define BLK_SHARE_BYTES   MIB(8)
#define BLK_SHARE_SECTORS (BLK_SHARE_BYTES / 512)

#define BLK_TIMES \
	{ \
		.read = { US(400), US(25) }, .write = { US(400), US(25) }, .flush_ns = MS(1), \
		.trim_ns = US(100), .parallel = 1, .seed = 1, \
	}

/* More fields may follow. */
#define BLK_MEMORY_DISK(shares, ...) \
	{ \
		.name = "disk", .kind = DISK_MEMORY, .bytes = (shares)*BLK_SHARE_BYTES, \
		.time = BLK_TIMES, __VA_ARGS__ \
	}

#define BLK_NVME_DISK(...) \
	{ \
		.name = "disk", .kind = DISK_NVME, .time = BLK_TIMES, __VA_ARGS__ \
	}

/* The share's other fields may follow. */
#define BLK_GUEST(part_name, index, claim, guest_args, ...) \
	{ \
		.name = part_name, .cpu = claim, .memory_bytes = GUEST_MEMORY, \
		.platform = PLATFORM_PC, .image = "blk.elf", .args = guest_args, \
		.DISKS({ .disk = "disk", \
			 .first_sector = (index)*BLK_SHARE_SECTORS, \
			 .sector_count = BLK_SHARE_SECTORS, \
			 __VA_ARGS__ }), \
	}

#define BLK_SYSTEM(system, board_config, limit_ns, ...) \
	const struct config config = { \
		.name = system, \
		.board = board_config, \
		.partitions = partitions, \
		.partition_count = ARRAY_SIZE(partitions), \
		.disks = disks, \
		.disk_count = ARRAY_SIZE(disks), \
		.service = __VA_ARGS__, \
		.run_limit_ns = limit_ns, \
	}

/* On one core with its guests: a quarter of it, looked at every 2 ms. */
#define BLK_SERVICE RESERVATION(0, US(500), MS(2))
