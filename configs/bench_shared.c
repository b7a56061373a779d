/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/bench_shared.c - the micro benchmarks in a reservation, beside a guest that spins
 * through its own: what exits cost on a shared core, and what a server switch costs.
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "bench",
		.cpu = RESERVATION(0, MS(20), MS(50)),
		.memory_bytes = GUEST_MEMORY,
		.image = "bench.elf",
	},
	{
		.name = "spin",
		.cpu = RESERVATION(0, MS(20), MS(50)),
		.memory_bytes = GUEST_MEMORY,
		.image = "hostile.elf",
		.args = "mode=spin",
	},
};

const struct config config = {
	.name = "bench_shared",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.run_limit_ns = SEC(10),
	.trace_records = 4096,
};
