/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/rated_disk.h - a disk in memory of three shares that are given as bytes a second, for tests of the
 * planner. A request takes 60 us, and 1 us for each KiB; 20 MB/s of 64 KiB each.
 */
#pragma once
#include "core/config.h"
#include "core/lib/block.h"

#define SECTORS(bytes) ((bytes) / BLOCK_SECTOR_BYTES)
#define MB             UINT64_C(1000000)

#define RATED_DISK \
	{ \
		.name = "ssd", .kind = DISK_MEMORY, .bytes = MIB(8), .time = { \
			.read = { US(60), US(1) }, \
			.write = { US(50), US(1) }, \
			.parallel = 1 \
		} \
	}
#define RATED_SHARE(n) \
	{ \
		.disk = "ssd", .first_sector = (n)*SECTORS(MIB(2)), \
		.sector_count = SECTORS(MIB(2)), .outstanding = 8, .request_bytes = KIB(64), \
		.bytes_per_s = { \
			.usual = 20 * MB \
		} \
	}
