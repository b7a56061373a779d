/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/compute.h - a guest that computes on a core of its own, for a short and a long time:
 * what it takes longer, it must take without a single exit more. It ends by itself: a run limit
 * would be a timer.
 */
#pragma once
#include "configs/boards.h"

#define COMPUTE_SYSTEM(system, arguments) \
	static const struct partition_config partitions[] = { \
		{ \
			.name = "calc", \
			.cpu = OWN_CORE(0), \
			.memory_bytes = GUEST_MEMORY, \
			.image = "compute.elf", \
			.args = arguments, \
		}, \
	}; \
	const struct config config = { \
		.name = system, \
		.board = BOARD_RIG(1), \
		.partitions = partitions, \
		.partition_count = ARRAY_SIZE(partitions), \
	}
