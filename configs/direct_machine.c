/* SPDX-License-Identifier: Apache-2.0 */
/* configs/direct_machine.c - the virtual CPU with its core's own APIC, looked at from inside. */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "machine",
		.cpu = OWN_CORE(0),
		.memory_bytes = GUEST_MEMORY,
		.apic = APIC_DIRECT,
		.image = "machine.elf",
	},
};

const struct config config = {
	.name = "direct_machine",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.run_limit_ns = SEC(30),
};
