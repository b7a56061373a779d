/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/eight.h - eight reservations on one core, 0.96 of it promised: the trace of such a run
 * must show every budget kept and none exceeded.
 *
 * Sum of Q/P = 1/10 + 3/15 + 2/20 + 6/30 + 4/40 + 4/50 + 7/70 + 8/100 = 0.96, and with one
 * switch of 100 us in each period 0.992. Each file says who runs in them.
 */
#pragma once
#include "configs/boards.h"

#define EIGHT_SERVER(id, q_ms, p_ms, file, arguments) \
	{ \
		.name = id, .cpu = RESERVATION(0, MS(q_ms), MS(p_ms)), \
		.memory_bytes = GUEST_MEMORY, .image = file, .args = arguments, \
	}

/* `partitions` is the file's table. */
#define EIGHT_SYSTEM(system) \
	const struct config config = { \
		.name = system, \
		.board = BOARD_RIG(1), \
		.partitions = partitions, \
		.partition_count = ARRAY_SIZE(partitions), \
		.run_limit_ns = SEC(3), \
		.trace_records = 16384, \
	}
