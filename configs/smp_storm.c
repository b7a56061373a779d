/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/smp_storm.c - two virtual CPUs send a third interrupts at any moment, while it goes in and out of the
 * hypervisor: none is lost, and no notification reaches it that has nothing to tell.
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "smp0",
		.CPUS(OWN_CORE(0), OWN_CORE(1), OWN_CORE(2)),
		.memory_bytes = GUEST_MEMORY,
		.image = "smp.elf",
		.args = "storm=30000",
	},
};

const struct config config = {
	.name = "smp_storm",
	.board = BOARD_RIG(3),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.run_limit_ns = SEC(5),
};
