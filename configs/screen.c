/* SPDX-License-Identifier: Apache-2.0 */
/* configs/screen.c - runs for a second and then halts, so that the screen can be looked at. */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "calc",
		.cpu = RESERVATION(0, MS(10), MS(50)),
		.memory_bytes = GUEST_MEMORY,
		.image = "compute.elf",
	},
};

const struct config config = {
	.name = "screen",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.run_limit_ns = SEC(1),
	.at_end = END_HALT,
};
