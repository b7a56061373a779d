/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/memnic.h - guests with a port each of a network controller in memory, which core 2 plays. For
 * tools/rig --ips 200000000.
 */
#pragma once
#include "configs/boards.h"

/* What follows is more about its device. */
#define MEMNIC_GUEST(part_name, claim, part_args, vf, vf_mac, ...) \
	{ \
		.name = (part_name), .cpu = claim, .memory_bytes = GUEST_MEMORY, \
		.platform = PLATFORM_PC, .image = "net.elf", .args = (part_args), \
		.DEVICES({ .kind = DEVICE_VF, \
			   .name = "nic", \
			   .index = (vf), \
			   .mac = (vf_mac), \
			   __VA_ARGS__ }), \
	}

#define MEMNIC_SYSTEM(system, system_board, vfs, limit_s) \
	static const struct pf_config pfs[] = { \
		{ .name = "nic", .driver = PF_MEMORY, .vf_count = (vfs) }, \
	}; \
	const struct config config = { \
		.name = system, \
		.board = system_board, \
		.partitions = partitions, \
		.partition_count = ARRAY_SIZE(partitions), \
		.pfs = pfs, \
		.pf_count = ARRAY_SIZE(pfs), \
		.service = OWN_CORE(2), \
		.run_limit_ns = SEC(limit_s), \
	}
