/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expect: partition 'fast': cpu.period = 500 ns: the least budget on this board is 100 us
 * expect: give at least 200 us
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "fast",
		.cpu = RESERVATION(0, 100, 500),
		.memory_bytes = GUEST_MEMORY,
		.image = "tasks.elf",
		.args = "jobs=1",
	},
};

const struct config config = {
	.name = "period_below_resolution",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
};
