/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/smp.c - one guest with four virtual CPUs of every kind: two in reservations on one core,
 * a best-effort one beside them, one on a core of its own. And a neighbour that they must not touch.
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "smp0",
		.CPUS(RESERVATION(0, MS(10), MS(50)), RESERVATION(0, MS(10), MS(50)), OWN_CORE(1),
		      BEST_EFFORT(0, 1)),
		.memory_bytes = GUEST_MEMORY,
		.image = "smp.elf",
	},
	{
		.name = "rt0",
		.cpu = RESERVATION(0, MS(20), MS(50)),
		.memory_bytes = GUEST_MEMORY,
		.image = "tasks.elf",
		.args = "tasks=tau:10:50 jobs=20",
	},
};

const struct config config = {
	.name = "smp",
	.board = BOARD_RIG(2),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.run_limit_ns = SEC(20),
	.trace_records = 4096,
};
