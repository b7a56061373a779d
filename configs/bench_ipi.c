/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/bench_ipi.c - interrupts between two virtual CPUs that share a core, each in a reservation
 * of its own. Under QEMU's instruction clock only a machine with one CPU measures anything.
 *
 * Each is asleep for most of the time: a budget is not used up, and no sample waits for the next.
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "bench",
		.CPUS(RESERVATION(0, MS(45), MS(100)), RESERVATION(0, MS(45), MS(100))),
		.memory_bytes = GUEST_MEMORY,
		.image = "bench.elf",
		.args = "rows=ipi smp=shared",
	},
};

const struct config config = {
	.name = "bench_ipi",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.run_limit_ns = SEC(30),
};
