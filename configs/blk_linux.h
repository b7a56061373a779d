/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/blk_linux.h - Linux guests on one disk: ext4, and fio that checks what it reads
 * (guests/linux/disk). Each has a core of its own, so that nobody's clock but the disk's decides.
 */
#pragma once
#include "configs/blk.h"
#include "configs/linux.h"

#define BLK_LINUX_BYTES   MIB(32)
#define BLK_LINUX_SECTORS (BLK_LINUX_BYTES / 512)
#define BLK_LINUX_MEMORY  MIB(128)

#define BLK_LINUX(part_name, number, test, ...) \
	{ \
		.name = part_name, .boot = BOOT_LINUX, .memory_bytes = BLK_LINUX_MEMORY, \
		.image = "linux-cloud", .MODULES({ .name = "initrd-disk" }), \
		.args = LINUX_CONSOLE " bulkhead.test=" test, .cpu = OWN_CORE(number), \
		.DISKS({ .disk = "disk", \
			 .first_sector = (number)*BLK_LINUX_SECTORS, \
			 .sector_count = BLK_LINUX_SECTORS, \
			 __VA_ARGS__ }), \
	}

#define BLK_LINUX_MEMORY_DISK(guests) \
	{ \
		.name = "disk", .kind = DISK_MEMORY, .bytes = (guests)*BLK_LINUX_BYTES, \
		.time = { .read = { US(100), US(5) }, \
			  .write = { US(100), US(5) }, \
			  .flush_ns = MS(1), \
			  .parallel = 4, \
			  .jitter = SERVICE_UNIFORM, \
			  .uniform_ns = US(200), \
			  .seed = 1 }, \
	}
#define BLK_LINUX_NVME \
	{ \
		.name = "disk", .kind = DISK_NVME, \
	}

/* `partitions`: so many; the service has the core behind theirs. */
#define BLK_LINUX_SYSTEM(system, guests, ...) \
	static const struct disk_config disks[] = { __VA_ARGS__ }; \
	BLK_SYSTEM(system, BOARD_RIG_MEMORY((guests) + 1, MIB(1024)), SEC(900), \
		   RESERVATION(guests, MS(1), MS(2)))

#define BLK_LINUX_1 BLK_LINUX("linux0", 0, "disk")
#define BLK_LINUX_2 BLK_LINUX_1, BLK_LINUX("linux1", 1, "disk", .queue_count = 2)
#define BLK_LINUX_4 \
	BLK_LINUX_2, BLK_LINUX("linux2", 2, "disk", .is_writethrough = true), \
		BLK_LINUX("linux3", 3, "disk", .weight = 200)
