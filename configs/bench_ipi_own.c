/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/bench_ipi_own.c - interrupts between two virtual CPUs on cores of their own. For Bochs,
 * which runs its CPUs in step.
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "bench",
		.CPUS(OWN_CORE(0), OWN_CORE(1)),
		.memory_bytes = GUEST_MEMORY,
		.image = "bench.elf",
		.args = "rows=ipi",
	},
};

const struct config config = {
	.name = "bench_ipi_own",
	.board = BOARD_RIG(2),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.run_limit_ns = SEC(30),
};
