/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ELF64 is no bzImage.
 * expect: partition 'linux0': compute.elf: not a Linux bzImage
 * expect: give a bzImage that fits its memory of 16 MiB
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "linux0",
		.cpu = OWN_CORE(0),
		.memory_bytes = GUEST_MEMORY,
		.boot = BOOT_LINUX,
		.image = "compute.elf",
	},
};

const struct config config = {
	.name = "bzimage_is_not",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
};
