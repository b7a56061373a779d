/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two reservations that do not fit on core 0: 28 + 25 + 2 * 0.1 = 53.2 of 50 ms.
 * expect: core 0: rt0 (28 + 0.1)/50 + load0 (25 + 0.1)/50 = 1.064 > 1
 * expect: lower cpu.budget of partition 'rt0' to at most 24.8 ms
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "rt0",
		.cpu = RESERVATION(0, MS(28), MS(50)),
		.memory_bytes = GUEST_MEMORY,
		.image = "tasks.elf",
		.args = "jobs=1",
	},
	{
		.name = "load0",
		.cpu = RESERVATION(0, MS(25), MS(50)),
		.memory_bytes = GUEST_MEMORY,
		.image = "tasks.elf",
		.args = "jobs=1",
	},
};

const struct config config = {
	.name = "sum_above_one",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
};
