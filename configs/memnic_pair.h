/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/memnic_pair.h - two guests with a port each of a network controller in memory, which core 2 plays:
 * "send" on core 1 pings "echo" on core 0 and streams data to it. Nothing of that takes an exit.
 */
#pragma once
#include "configs/boards.h"

#define MEMNIC_GUEST(part_name, claim, part_args, vf, vf_mac) \
	{ \
		.name = (part_name), .cpu = claim, .memory_bytes = GUEST_MEMORY, \
		.platform = PLATFORM_PC, .image = "net.elf", .args = (part_args), \
		.DEVICES({ .kind = DEVICE_VF, .name = "nic", .index = (vf), .mac = (vf_mac) }), \
	}

#define MEMNIC_PAIR_SYSTEM(system, send_args, limit_s) \
	static const struct partition_config partitions[] = { \
		MEMNIC_GUEST("echo", OWN_CORE(0), "mode=echo", 0, "02:00:00:00:00:01"), \
		MEMNIC_GUEST("send", OWN_CORE(1), "mode=send peer=02:00:00:00:00:01 " send_args, \
			     1, "02:00:00:00:00:02"), \
	}; \
	static const struct pf_config pfs[] = { \
		{ .name = "nic", .driver = PF_MEMORY, .vf_count = 2 }, \
	}; \
	const struct config config = { \
		.name = system, \
		.board = BOARD_RIG(3), \
		.partitions = partitions, \
		.partition_count = ARRAY_SIZE(partitions), \
		.pfs = pfs, \
		.pf_count = ARRAY_SIZE(pfs), \
		.service = OWN_CORE(2), \
		.run_limit_ns = SEC(limit_s), \
	}
