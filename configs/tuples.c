/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/tuples.c - resource tuples (paper 004, Table 1; docs/configuration.md): three guests want more of one
 * core and of the board's memory than there is. `make plan` says what each is given.
 *
 *   control  the most critical: has what it usually has, 16 of every 50 ms and 112 MiB.
 *   vision   shrunk to what fits beside it; its tasks need more of the core than its own minimum.
 *   log      the least critical: shrunk to its minima. It fills its memory, and tells how much that is.
 * Core 1 has room to spare, which calc and idle have in the order of their criticality.
 */
#include "configs/boards.h"

#define PERIOD MS(50)

static const struct partition_config partitions[] = {
	{
		.name = "control",
		.criticality = 2,
		.cpu = RESERVATION_BETWEEN(0, MS(16), MS(10), 0, PERIOD),
		.memory_bytes = MIB(112),
		.memory_min_bytes = MIB(64),
		.image = "tasks.elf",
		.args = "tasks=control:10:100 jobs=10 say=2",
	},
	{
		.name = "vision",
		.criticality = 1,
		.cpu = RESERVATION_BETWEEN(0, MS(30), MS(5), 0, PERIOD),
		.CPU_TASKS({ .name = "frame", .wcet_ns = MS(20), .period_ns = MS(200) }),
		.memory_bytes = MIB(96),
		.memory_min_bytes = MIB(48),
		.image = "tasks.elf",
		.args = "tasks=frame:20:200 jobs=10 say=2",
	},
	{
		.name = "log",
		.cpu = RESERVATION_BETWEEN(0, MS(15), MS(5), MS(20), PERIOD),
		.memory_bytes = MIB(48),
		.memory_min_bytes = MIB(8),
		.image = "watch.elf",
		.args = "say_ms=500",
	},
	{
		.name = "calc",
		.criticality = 1,
		.cpu = RESERVATION_BETWEEN(1, MS(20), 0, MS(30), PERIOD),
		.memory_bytes = GUEST_MEMORY,
		.image = "compute.elf",
		.args = "burn=1",
	},
	{
		.name = "idle",
		.cpu = RESERVATION_BETWEEN(1, MS(10), 0, PERIOD, PERIOD),
		.memory_bytes = GUEST_MEMORY,
		.image = "compute.elf",
		.args = "burn=1",
	},
};

const struct config config = {
	.name = "tuples",
	.board = BOARD_RIG(2),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.run_limit_ns = SEC(3),
};
