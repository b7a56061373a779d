/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expect: partition 'big': memory_bytes = 300 MiB does not fit
 * expect: 240 MiB are left in all, 240 MiB in one piece; give at most 240 MiB
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "big",
		.cpu = OWN_CORE(0),
		.memory_bytes = MIB(300),
		.image = "compute.elf",
	},
};

const struct config config = {
	.name = "memory_does_not_fit",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
};
