/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/bench.c - the micro benchmarks on a core of their own, in a PC: exits to its devices.
 *
 * The core's local APIC is the guest's where hardware can lend it, and no clock is watched for
 * it: as for a guest that shall have the least latency. configs/bench_shared.c has neither.
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "bench",
		.cpu = OWN_CORE(0),
		.memory_bytes = GUEST_MEMORY,
		.platform = PLATFORM_PC,
		.image = "bench.elf",
		.args = "pc=yes",
		.apic = APIC_DIRECT,
	},
};

const struct config config = {
	.name = "bench",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
};
