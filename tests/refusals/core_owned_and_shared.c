/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expect: partition 'calc0': cpu = OWN_CORE(0): partition 'rt0' has a share of that core
 * expect: core 1 is free
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
		.name = "calc0",
		.cpu = OWN_CORE(0),
		.memory_bytes = GUEST_MEMORY,
		.image = "compute.elf",
	},
};

const struct config config = {
	.name = "core_owned_and_shared",
	.board = BOARD_RIG(2),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
};
