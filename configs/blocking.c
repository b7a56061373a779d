/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/blocking.c - a period as short, and a budget nearly as long, as they may be beside a guest that floods its console:
 * a line is an exit that nothing interrupts, and the planner counts 0.3 ms for it. "rt" always has work.
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "rt",
		.cpu = RESERVATION(0, US(590), MS(1)),
		.memory_bytes = GUEST_MEMORY,
		.image = "tasks.elf",
		.args = "tasks=tau1:8:8 jobs=0",
	},
	{
		.name = "hostile",
		.cpu = RESERVATION(0, MS(29), MS(100)),
		.memory_bytes = GUEST_MEMORY,
		.image = "hostile.elf",
		.args = "mode=console",
	},
};

const struct config config = {
	.name = "blocking",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.run_limit_ns = SEC(2),
};
