/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/net_pair.h - two guests with a VF each of one network controller: "send" pings "echo" and
 * streams data to it. No frame is copied, switched or seen by the hypervisor.
 */
#pragma once
#include "configs/boards.h"

#define NET_PAIR_SYSTEM(system, send_args, limit_s) \
	static const struct partition_config partitions[] = { \
		{ \
			.name = "echo", \
			.cpu = RESERVATION(0, MS(4), MS(10)), \
			.memory_bytes = GUEST_MEMORY, \
			.platform = PLATFORM_PC, \
			.image = "net.elf", \
			.args = "mode=echo", \
			.DEVICES({ .kind = DEVICE_VF, \
				   .name = "nic", \
				   .index = 0, \
				   .mac = "02:00:00:00:00:01" }), \
		}, \
		{ \
			.name = "send", \
			.cpu = RESERVATION(0, MS(4), MS(10)), \
			.memory_bytes = GUEST_MEMORY, \
			.platform = PLATFORM_PC, \
			.image = "net.elf", \
			.args = "mode=send peer=02:00:00:00:00:01 " send_args, \
			.DEVICES(PCI_VF("nic", 1)), \
		}, \
	}; \
	static const struct pf_config pfs[] = { \
		{ .name = "nic", .driver = PF_IGB, .vf_count = 2 }, \
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
