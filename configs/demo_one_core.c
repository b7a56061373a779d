/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/demo_one_core.c - the demo where firmware tells of no other processor (Bochs under
 * UEFI has no ACPI tables): rt0 and load0 of configs/demo.c, without the guest that owns a core.
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "rt0",
		.cpu = RESERVATION(0, MS(28), MS(50)),
		.memory_bytes = GUEST_MEMORY,
		.image = "tasks.elf",
		.args = "tasks=tau1:30:150,tau2:50:200 jobs=40",
	},
	{
		.name = "load0",
		.cpu = RESERVATION(0, MS(20), MS(50)),
		.memory_bytes = GUEST_MEMORY,
		.image = "tasks.elf",
		.args = "tasks=tau3:50:120,tau4:20:80 jobs=0",
	},
};

const struct config config = {
	.name = "demo_one_core",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.run_limit_ns = SEC(10),
};
