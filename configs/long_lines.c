/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/long_lines.c - what a guest can ask of the console in one exit, by the call and by a UART: no more than what
 * admission counts as uninterrupted (PLAN_BLOCKING_NS, core/plan.h).
 */
#include "configs/boards.h"

#define SPEAKER(part_name, ...) \
	{ \
		.name = part_name, .cpu = RESERVATION(0, MS(20), MS(50)), \
		.memory_bytes = GUEST_MEMORY, .image = "hostile.elf", __VA_ARGS__ \
	}

static const struct partition_config partitions[] = {
	SPEAKER("calls", .args = "mode=line"),
	SPEAKER("uart", .args = "mode=line uart=1016", .platform = PLATFORM_PC),
};

const struct config config = {
	.name = "long_lines",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.run_limit_ns = SEC(6),
	.trace_records = 8192,
	.trace_details = true,
};
