/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expect: partitions[1]: name = 'twin': partitions[0] has it already
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "twin",
		.cpu = OWN_CORE(0),
		.memory_bytes = GUEST_MEMORY,
		.image = "compute.elf",
	},
	{
		.name = "twin",
		.cpu = OWN_CORE(1),
		.memory_bytes = GUEST_MEMORY,
		.image = "compute.elf",
	},
};

const struct config config = {
	.name = "names_repeat",
	.board = BOARD_RIG(2),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
};
