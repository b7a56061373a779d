/* SPDX-License-Identifier: Apache-2.0 */
/* configs/bench.c - the micro benchmarks on a core of their own. */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "bench",
		.cpu = OWN_CORE(0),
		.memory_bytes = GUEST_MEMORY,
		.image = "bench.elf",
	},
};

const struct config config = {
	.name = "bench",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.run_limit_ns = SEC(30),
};
