/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/direct_smp.c - a guest with three virtual CPUs that have their cores' APICs, started twice
 * and reaching each other; and a neighbour on another core.
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "smp0",
		.CPUS(OWN_CORE(1), OWN_CORE(2), OWN_CORE(3)),
		.memory_bytes = GUEST_MEMORY,
		.apic = APIC_DIRECT,
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
	.name = "direct_smp",
	.board = BOARD_RIG(4),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.run_limit_ns = SEC(20),
};
