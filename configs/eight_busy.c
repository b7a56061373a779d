/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/eight_busy.c - the reservations of configs/eight.c, none of which ever sleeps: all
 * 0.96 of the core is used, every budget in every period.
 */
#include "configs/boards.h"

#define SERVER(id, q_ms, p_ms, file, arguments) \
	{ \
		.name = id, .cpu = RESERVATION(0, MS(q_ms), MS(p_ms)), \
		.memory_bytes = GUEST_MEMORY, .image = file, .args = arguments, \
	}

static const struct partition_config partitions[] = {
	SERVER("calc10", 1, 10, "compute.elf", NULL),
	SERVER("spin15", 3, 15, "hostile.elf", "mode=spin"),
	SERVER("spin20", 2, 20, "hostile.elf", "mode=spin"),
	SERVER("calc30", 6, 30, "compute.elf", NULL),
	SERVER("calls40", 4, 40, "hostile.elf", "mode=calls"),
	SERVER("calc50", 4, 50, "compute.elf", NULL),
	SERVER("burn70", 7, 70, "compute.elf", "burn=1"),
	SERVER("spin100", 8, 100, "hostile.elf", "mode=spin"),
};

const struct config config = {
	.name = "eight_busy",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.run_limit_ns = SEC(3),
	.trace_records = 16384,
};
