/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/edu.c - a guest that owns a whole PCI function, with MSI, and restarts: QEMU's "edu" device,
 * behind a root port of its own, whose bus is what can be reset. Nobody can mask its MSI: so it has a core of its own.
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "edu",
		.cpu = OWN_CORE(1),
		.memory_bytes = GUEST_MEMORY,
		.platform = PLATFORM_PC,
		.image = "edu.elf",
		.args = "reset=1",
		.on_reset = LIFE_RESTART,
		.DEVICES(PCI_AT("01:00.0")),
	},
};

const struct config config = {
	.name = "edu",
	.board = BOARD_RIG(2),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.service = RESERVATION(0, MS(1), MS(10)),
	.run_limit_ns = SEC(5),
};
