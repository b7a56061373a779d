/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expect: partition 'calc0': on_reset = LIFE_RESTART: without a PC around it a guest cannot reset
 * expect: partition 'calc0': has_exit_port: there is no PC around this guest
 * expect: give .platform = PLATFORM_PC
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "calc0",
		.cpu = OWN_CORE(0),
		.memory_bytes = GUEST_MEMORY,
		.image = "compute.elf",
		.has_exit_port = true,
		.on_reset = LIFE_RESTART,
	},
};

const struct config config = {
	.name = "restart_without_pc",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
};
