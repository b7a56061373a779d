/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/blk_hostile.h - a guest that breaks every rule of a virtio disk (guests/blk,
 * mode=hostile), beside one that checks what it reads from the same disk, and one that keeps
 * deadlines.
 *
 * HOSTILE_CORES      the attacker has two virtual CPUs on cores of their own: one of them changes
 *		      descriptors while the device reads them
 * HOSTILE_ONE_CORE   all on one core, whose clock counts instructions; without the second CPU. "rt"
 *		      must have the worst responses that it has beside HONEST, which uses up the
 *		      same reservation: it looks at its ring for ever
 *
 * In HOSTILE_ONE_CORE the period of "rt" is the shortest, with the service's: by EDF its server's
 * turn comes first, and what is left over of the core is the others'.
 */
#pragma once
#include "configs/blk.h"

#define HOSTILE_ARGS(count) "mode=hostile count=" count
#define HONEST_ARGS         "mode=load depth=4 rate=50 poll=1 seconds=1000"

#define HOSTILE_RT(claim, tasks) \
	{ \
		.name = "rt", .cpu = claim, .memory_bytes = GUEST_MEMORY, .image = "tasks.elf", \
		.args = "tasks=" tasks " jobs=20 report=full", \
	}

#define HOSTILE_SHARE \
	.DISKS({ .disk = "disk", \
		 .first_sector = BLK_SHARE_SECTORS, \
		 .sector_count = BLK_SHARE_SECTORS })

#define HOSTILE_CORES(system, hostile_args, limit_s) \
	static const struct partition_config partitions[] = { \
		BLK_GUEST("verify", 0, RESERVATION(0, MS(2), MS(10)), \
			  "mode=verify requests=1000 depth=4 bytes=16384 span=4194304 flush=0"), \
		HOSTILE_RT(RESERVATION(3, MS(28), MS(50)), "tau1:10:150,tau2:20:200"), \
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
		BLK_GUEST("verify", 0, RESERVATION(0, US(2400), MS(48)), \
			  "mode=verify requests=200 depth=4 bytes=16384 span=1048576 flush=0"), \
		HOSTILE_RT(RESERVATION(0, US(5600), MS(10)), "tau1:30:150,tau2:50:200"), \
		{ \
			.name = "hostile", \
			.cpu = RESERVATION(0, MS(10), MS(50)), \
			.memory_bytes = GUEST_MEMORY, \
			.platform = PLATFORM_PC, \
			.image = "blk.elf", \
			.args = hostile_args, \
			HOSTILE_SHARE, \
		}, \
	}; \
	static const struct disk_config disks[] = { BLK_MEMORY_DISK(2) }; \
	BLK_SYSTEM(system, BOARD_RIG(1), SEC(limit_s), RESERVATION(0, US(500), MS(10)))
