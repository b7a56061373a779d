/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/blk_cost.h - what a request of 4 KiB costs. One guest, `depth` requests under way, and a
 * disk that serves 8 at a time, each in 400 us. With 32 under way the guest wants an interrupt for
 * each 16.
 *
 *   shared    guest and service have reservations of one core, the only one: its clock counts
 *	       instructions, and what the hypervisor does for a request is in its accounts
 *   own       the guest owns its core, interrupts are posted: exits of a request
 *   sidecore  so it does, with its APIC, and the service owns another core, and polls: the guest
 *	       tells it nothing, and neither its interrupts nor its HLT take an exit
 *
 * The difference to the same with fewer requests ("base") is free of what it takes to begin and to
 * end.
 */
#pragma once
#include "configs/blk.h"

#define COST_MANY     12000
#define COST_BASE     2000
#define COST_TEXT(n)  COST_TEXT_(n)
#define COST_TEXT_(n) #n

#define COST_DISK \
	{ \
		.name = "disk", .kind = DISK_MEMORY, .bytes = BLK_SHARE_BYTES, \
		.time = { .read = { US(400), 0 }, .write = { US(400), 0 }, .parallel = 8 }, \
		.depth = 32, \
	}

#define COST_SYSTEM(system, count, guest_args, cores, claim, apic_kind, ...) \
	static const struct partition_config partitions[] = { { \
		.name = "load", \
		.cpu = claim, \
		.apic = apic_kind, \
		.memory_bytes = GUEST_MEMORY, \
		.platform = PLATFORM_PC, \
		.image = "blk.elf", \
		.args = "mode=load op=read requests=" COST_TEXT(count) " " guest_args, \
		.DISKS({ .disk = "disk", .sector_count = BLK_SHARE_SECTORS, .queue_size = 64 }), \
	} }; \
	static const struct disk_config disks[] = { COST_DISK }; \
	BLK_SYSTEM(system, BOARD_RIG(cores), SEC(60), __VA_ARGS__)

#define COST_1  "depth=1"
#define COST_32 "depth=32 coalesce=16"

#define COST_SHARED(system, count, args) \
	COST_SYSTEM(system, count, args, 1, RESERVATION(0, MS(3), MS(10)), APIC_AUTO, \
		    RESERVATION(0, US(500), MS(1)))
#define COST_OWN(system, count, args) \
	COST_SYSTEM(system, count, args, 2, OWN_CORE(0), APIC_AUTO, RESERVATION(1, US(500), MS(1)))
#define COST_SIDECORE(system, count, args) \
	COST_SYSTEM(system, count, args, 2, OWN_CORE(0), APIC_DIRECT, OWN_CORE(1))
