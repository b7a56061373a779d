/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/owned_tick.c - a guest that owns its core, where nobody else's time ever ends its own,
 * and whose timer leaves no time to enter it: the run must end all the same.
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "rt",
		.cpu = RESERVATION(0, MS(28), MS(50)),
		.memory_bytes = GUEST_MEMORY,
		.image = "tasks.elf",
		.args = "tasks=tau1:30:150 jobs=5",
	},
	{
		.name = "hostile",
		.cpu = OWN_CORE(1),
		.memory_bytes = GUEST_MEMORY,
		.image = "hostile.elf",
		.args = "mode=tick",
	},
};

const struct config config = {
	.name = "owned_tick",
	.board = BOARD_RIG(2),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.run_limit_ns = SEC(1),
};
