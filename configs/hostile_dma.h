/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/hostile_dma.h - containment: a guest whose network devices reach for everybody's memory
 * and forge interrupts (guests/net/dma.c), beside one that keeps deadlines and one whose memory has a
 * pattern that it looks at all the time.
 *
 * "rt" is that of configs/hostile.h; "hostile" has two VFs. That of hostile_dma_baseline does the same
 * with memory of its own, which is its right: rt's worst responses must be within 1 % of those.
 * 20 jobs of 200 ms are 4 s.
 */
#pragma once
#include "configs/boards.h"

#define HOSTILE_DMA_SYSTEM(system, hostile_args) \
	static const struct partition_config partitions[] = { \
		{ \
			.name = "rt", \
			.cpu = RESERVATION(0, MS(28), MS(50)), \
			.memory_bytes = GUEST_MEMORY, \
			.image = "tasks.elf", \
			.args = "tasks=tau1:30:150,tau2:50:200 jobs=20 report=full", \
		}, \
		{ \
			.name = "hostile", \
			.cpu = RESERVATION(0, MS(10), MS(50)), \
			.memory_bytes = GUEST_MEMORY, \
			.platform = PLATFORM_PC, \
			.image = "net.elf", \
			.args = hostile_args, \
			.DEVICES(PCI_VF("nic", 0), PCI_VF("nic", 1)), \
		}, \
		{ \
			.name = "victim", \
			.cpu = RESERVATION(0, MS(5), MS(50)), \
			.memory_bytes = MIB(4), \
			.image = "watch.elf", \
			.args = "say_ms=500", \
		}, \
	}; \
	static const struct pf_config pfs[] = { \
		{ .name = "nic", .driver = PF_IGB, .vf_count = 4 }, \
	}; \
	const struct config config = { \
		.name = system, \
		.board = BOARD_RIG(1), \
		.partitions = partitions, \
		.partition_count = ARRAY_SIZE(partitions), \
		.pfs = pfs, \
		.pf_count = ARRAY_SIZE(pfs), \
		.service = RESERVATION(0, MS(1), MS(10)), \
		.run_limit_ns = SEC(5), \
	}
