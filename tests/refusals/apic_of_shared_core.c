/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expect: partition 'calc0': apic = APIC_DIRECT: cpu does not own its core
 * expect: give OWN_CORE() for every virtual CPU, or APIC_AUTO
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "calc0",
		.cpu = RESERVATION(0, MS(20), MS(50)),
		.memory_bytes = GUEST_MEMORY,
		.apic = APIC_DIRECT,
		.image = "compute.elf",
	},
};

const struct config config = {
	.name = "apic_of_shared_core",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
};
