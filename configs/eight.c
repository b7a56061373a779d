/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/eight.c - eight reservations on one core, 0.96 of it promised: the trace of this
 * run must show every budget kept and none exceeded.
 *
 * Sum of Q/P = 1/10 + 3/15 + 2/20 + 6/30 + 4/40 + 4/50 + 7/70 + 8/100 = 0.96, and with one
 * switch of 30 us in each period 0.9696. Six are backlogged all the time, three of them with
 * interrupts off; "tick15" and "tick100" sleep and wake, off the rhythm of their periods.
 */
#include "configs/boards.h"

#define SERVER(id, q_ms, p_ms, file, arguments) \
	{ \
		.name = id, .cpu = RESERVATION(0, MS(q_ms), MS(p_ms)), \
		.memory_bytes = GUEST_MEMORY, .image = file, .args = arguments, \
	}

static const struct partition_config partitions[] = {
	SERVER("calc10", 1, 10, "compute.elf", NULL),
	SERVER("tick15", 3, 15, "tasks.elf", "tasks=a:2:37 jobs=0"),
	SERVER("spin20", 2, 20, "hostile.elf", "mode=spin"),
	SERVER("calc30", 6, 30, "compute.elf", NULL),
	SERVER("spin40", 4, 40, "hostile.elf", "mode=spin"),
	SERVER("calc50", 4, 50, "compute.elf", NULL),
	SERVER("spin70", 7, 70, "hostile.elf", "mode=spin"),
	SERVER("tick100", 8, 100, "tasks.elf", "tasks=b:5:230 jobs=0"),
};

const struct config config = {
	.name = "eight",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.run_limit_ns = SEC(3),
	.trace_records = 16384,
};
