/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/reset.c - resets the machine when it is done, and so for ever: for the test that the
 * log survives that (tests/boot/test_e_log.py).
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "calc0",
		.cpu = OWN_CORE(0),
		.memory_bytes = GUEST_MEMORY,
		.image = "compute.elf",
		.args = "burn=1",
	},
};

const struct config config = {
	.name = "reset",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.run_limit_ns = MS(50),
	.at_end = END_RESET,
};
