/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expect: partition 'rt0': cpu.budget = 60 ms: with a switch of 100 us it exceeds its period of 50 ms
 * expect: give at most 49.9 ms, or OWN_CORE(0)
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "rt0",
		.cpu = RESERVATION(0, MS(60), MS(50)),
		.memory_bytes = GUEST_MEMORY,
		.image = "tasks.elf",
		.args = "jobs=1",
	},
};

const struct config config = {
	.name = "budget_above_period",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
};
