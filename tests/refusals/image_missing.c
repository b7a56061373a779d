/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expect: partition 'a': image = 'no-such-guest.elf': no such file on the boot volume
 * expect: partition 'b': image is not given
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{ "a", OWN_CORE(0), GUEST_MEMORY, "no-such-guest.elf", NULL },
	{ "b", OWN_CORE(1), GUEST_MEMORY, NULL, NULL },
};

const struct config config = {
	.name = "image_missing",
	.board = BOARD_RIG(2),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
};
