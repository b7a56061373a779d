/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/disk.h - newlib guests (guests/blk) that share one disk.
 *
 * The memory disk takes 100 us for a request and 4 us for each KiB: 250 MB/s at most, about what paper
 * 000 has for its SSD ("Table I", 245 MB/s), one request after the other.
 */
#pragma once
#include "configs/boards.h"

#define DISK_SSD \
	{ \
		.read = { US(20), 4000 }, .write = { US(20), 4000 }, .parallel = 1, \
		.flush_ns = US(200), .trim_ns = US(50) \
	}

#define DISK_RANGE(n, mib) .first_sector = (n)*MIB(mib) / 512, .sector_count = MIB(mib) / 512

#define BLK_GUEST(part_name, arguments, ...) \
	{ \
		.name = part_name, .memory_bytes = GUEST_MEMORY, .platform = PLATFORM_PC, \
		.image = "blk.elf", .args = arguments, __VA_ARGS__ \
	}
