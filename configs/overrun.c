/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/overrun.c - four guests that are at their longest exit whenever their budget ends, beside one that always has
 * work. By the plan there is room for that: nobody is late.
 */
#include "configs/boards.h"

#define GREEDY(part_name) \
	{ \
		.name = part_name, .cpu = RESERVATION(0, MS(1), MS(10)), \
		.memory_bytes = GUEST_MEMORY, .image = "hostile.elf", .args = "mode=overrun", \
	}

static const struct partition_config partitions[] = {
	{
		.name = "rt",
		.cpu = RESERVATION(0, US(3900), MS(10)),
		.memory_bytes = GUEST_MEMORY,
		.image = "tasks.elf",
		.args = "tasks=tau1:80:80 jobs=0",
	},
	GREEDY("greedy1"),
	GREEDY("greedy2"),
	GREEDY("greedy3"),
	GREEDY("greedy4"),
};

const struct config config = {
	.name = "overrun",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.run_limit_ns = SEC(2),
};
