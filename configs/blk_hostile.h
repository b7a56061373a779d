/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/blk_hostile.h - a guest that breaks every rule of a virtio disk (guests/blk, mode=hostile), beside one
 * that checks what it reads from the same disk, and one that keeps deadlines on another core.
 *
 * The attacker has two virtual CPUs on cores of their own: one of them changes descriptors while the
 * device reads them. HOSTILE_ONE_CORE is for QEMU, whose clock counts instructions with one CPU only:
 * without the second CPU. What the others must show: the same as beside HONEST, which ends at once.
 */
#pragma once
#include "configs/blk.h"

#define HOSTILE_ARGS(count) "mode=hostile count=" count
#define HONEST_ARGS         "mode=load requests=1"

#define HOSTILE_RT(core) \
	{ \
		.name = "rt", .cpu = RESERVATION(core, MS(28), MS(50)), \
		.memory_bytes = GUEST_MEMORY, .image = "tasks.elf", \
		.args = "tasks=tau1:30:150,tau2:50:200 jobs=20 report=full", \
	}

#define HOSTILE_VERIFY \
	BLK_GUEST("verify", 0, RESERVATION(0, MS(2), MS(10)), \
		  "mode=verify requests=1000 depth=4 bytes=16384 span=4194304 flush=0")

#define HOSTILE_SHARE \
	.DISKS({ .disk = "disk", \
		 .first_sector = BLK_SHARE_SECTORS, \
		 .sector_count = BLK_SHARE_SECTORS })

#define HOSTILE_CORES(system, hostile_args, limit_s) \
	static const struct partition_config partitions[] = { \
		HOSTILE_VERIFY, \
		HOSTILE_RT(3), \
		{ \
			.name = "hostile", \
			.CPUS(OWN_CORE(1), OWN_CORE(2)), \
			.memory_bytes = GUEST_MEMORY, \
			.platform = PLATFORM_PC, \
			.image = "blk.elf", \
			.args = hostile_args, \
			HOSTILE_SHARE, \
		}, \
	}; \
	static const struct disk_config disks[] = { BLK_MEMORY_DISK(2) }; \
	BLK_SYSTEM(system, BOARD_RIG(4), SEC(limit_s), BLK_SERVICE)

#define HOSTILE_ONE_CORE(system, hostile_args, limit_s) \
	static const struct partition_config partitions[] = { \
		HOSTILE_VERIFY, \
		{ \
			.name = "hostile", \
			.cpu = RESERVATION(0, MS(4), MS(10)), \
			.memory_bytes = GUEST_MEMORY, \
			.platform = PLATFORM_PC, \
			.image = "blk.elf", \
			.args = hostile_args, \
			HOSTILE_SHARE, \
		}, \
	}; \
	static const struct disk_config disks[] = { BLK_MEMORY_DISK(2) }; \
	BLK_SYSTEM(system, BOARD_RIG(1), SEC(limit_s), BLK_SERVICE)
