/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/traffic.h - guests that send each other load through a network controller's switch (guests/net,
 * mode=generate and others).
 *
 * TRAFFIC_SYSTEM  for function, in QEMU: an 82576, one core, which all of them share
 * TRAFFIC_MEMORY  to measure, in Bochs: a controller in memory, which the last core plays
 *
 * The guest with VF n has the address 02:00:00:00:00:0(n + 1).
 */
#pragma once
#include "configs/boards.h"

#define TRAFFIC_MAC(digit) "02:00:00:00:00:0" #digit

#define TRAFFIC_GUEST(part_name, claims, vf, digit, guest_args, ...) \
	{ \
		.name = part_name, claims, .memory_bytes = GUEST_MEMORY, .platform = PLATFORM_PC, \
		.image = "net.elf", .args = guest_args, \
		.DEVICES({ .kind = DEVICE_VF, \
			   .name = "nic", \
			   .index = (vf), \
			   .mac = TRAFFIC_MAC(digit), \
			   __VA_ARGS__ }), \
	}

#define TRAFFIC_SYSTEM(system, vfs, limit_s) \
	static const struct pf_config pfs[] = { \
		{ .name = "nic", .driver = PF_IGB, .vf_count = (vfs) }, \
	}; \
	const struct config config = { \
		.name = system, \
		.board = BOARD_RIG(1), \
		.partitions = partitions, \
		.partition_count = ARRAY_SIZE(partitions), \
		.pfs = pfs, \
		.pf_count = ARRAY_SIZE(pfs), \
		.service = RESERVATION(0, MS(1), MS(10)), \
		.run_limit_ns = SEC(limit_s), \
	}

/*
 * The speed of the machine is the rig's (tools/rig --ips): `million` instructions a second. A switch is 5,000
 * of them, as in configs/boards.h.
 */
#define TRAFFIC_BOARD(cores, million) \
	{ \
		.core_count = (cores), .memory_bytes = MIB(256), \
		.switch_overhead_ns = 5000000 / (million), .timer_resolution_ns = US(1), \
		.console_bytes_per_second = MIB(1), \
	}

#define TRAFFIC_MEMORY(system, cores, million, link, vfs, limit_ms) \
	static const struct pf_config pfs[] = { \
		{ .name = "nic", \
		  .driver = PF_MEMORY, \
		  .vf_count = (vfs), \
		  .link_bytes_per_s = (link) }, \
	}; \
	const struct config config = { \
		.name = system, \
		.board = TRAFFIC_BOARD(cores, million), \
		.partitions = partitions, \
		.partition_count = ARRAY_SIZE(partitions), \
		.pfs = pfs, \
		.pf_count = ARRAY_SIZE(pfs), \
		.service = OWN_CORE((cores)-1), \
		.run_limit_ns = MS(limit_ms), \
	}
