/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/demo.c - what `make run` shows: two partitions share core 0, a third owns core 1.
 *
 *   rt0    the task set of paper 002, section 4.1, in its reservation of (28 ms, 50 ms):
 *	    no response may exceed its task's period, whatever load0 does.
 *	    35 jobs of the 200 ms task are 7 s: it ends, and reports, before the run does.
 *   load0  wants 67 % of the core and is held to 40 %, for ever.
 *   calc0  computes on a core of its own: no timer, no scheduler, no exits.
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "rt0",
		.cpu = RESERVATION(0, MS(28), MS(50)),
		.memory_bytes = GUEST_MEMORY,
		.image = "tasks.elf",
		.args = "tasks=tau1:30:150,tau2:50:200 jobs=35 say=2",
	},
	{
		.name = "load0",
		.cpu = RESERVATION(0, MS(20), MS(50)),
		.memory_bytes = GUEST_MEMORY,
		.image = "tasks.elf",
		.args = "tasks=tau3:50:120,tau4:20:80 jobs=0",
	},
	{
		.name = "calc0",
		.cpu = OWN_CORE(1),
		.memory_bytes = GUEST_MEMORY,
		.image = "compute.elf",
		.args = "burn=1",
	},
};

const struct config config = {
	.name = "demo",
	.board = BOARD_RIG(2),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.run_limit_ns = SEC(8),
	.trace_records = 4096,
};
