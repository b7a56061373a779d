/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expect: partition 'smp0': cpu and cpus are both given
 * expect: partition 'smp1': cpus[1] = OWN_CORE(2): partition 'smp1' vCPU 0 owns that core
 * expect: an owned core has one virtual CPU: move one of the two
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "smp0",
		.cpu = OWN_CORE(0),
		.CPUS(OWN_CORE(0), OWN_CORE(1)),
		.memory_bytes = GUEST_MEMORY,
		.image = "compute.elf",
	},
	{
		.name = "smp1",
		.CPUS(OWN_CORE(2), OWN_CORE(2)),
		.memory_bytes = GUEST_MEMORY,
		.image = "compute.elf",
	},
};

const struct config config = {
	.name = "cpu_and_cpus",
	.board = BOARD_RIG(4),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
};
