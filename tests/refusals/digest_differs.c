/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file is there, but is another one.
 * expect: partition 'calc0': file 'compute.elf': its SHA-256 is 
 * expect: not 0000000000000000000000000000000000000000000000000000000000000000; correct
 */
#include "configs/boards.h"

#define NO_FILE "0000000000000000000000000000000000000000000000000000000000000000"

static const struct partition_config partitions[] = {
	{
		.name = "calc0",
		.cpu = OWN_CORE(0),
		.memory_bytes = GUEST_MEMORY,
		.image = "compute.elf",
		.image_sha256 = NO_FILE,
	},
};

const struct config config = {
	.name = "digest_differs",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
};
