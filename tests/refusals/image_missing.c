/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expect: partition 'a': image = 'no-such-guest.elf': no such file on the boot volume
 * expect: partition 'b': image is not given
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "a",
		.cpu = OWN_CORE(0),
		.memory_bytes = GUEST_MEMORY,
		.image = "no-such-guest.elf",
	},
	{
		.name = "b",
		.cpu = OWN_CORE(1),
		.memory_bytes = GUEST_MEMORY,
	},
};

const struct config config = {
	.name = "image_missing",
	.board = BOARD_RIG(2),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
};
