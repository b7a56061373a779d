/* SPDX-License-Identifier: Apache-2.0 */
/* configs/bench.c - the micro benchmarks on a core of their own, in a PC: exits to its devices. */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "bench",
		.cpu = OWN_CORE(0),
		.memory_bytes = GUEST_MEMORY,
		.platform = PLATFORM_PC,
		.image = "bench.elf",
		.args = "pc=yes",
	},
};

const struct config config = {
	.name = "bench",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.run_limit_ns = SEC(30),
};
