/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/direct_ticks.c - guests that have their cores' APICs: what a tick costs them (short, long),
 * that the run ends although they sleep or spin in the guest, and that nothing of a life is left in
 * the next one. And a neighbour that must not notice.
 */
#include "configs/boards.h"

#define TICKS(part_name, core_number, words, ...) \
	{ \
		.name = part_name, .cpu = OWN_CORE(core_number), .memory_bytes = MIB(2), \
		.apic = APIC_DIRECT, .image = "ticks.elf", .args = words, __VA_ARGS__ \
	}

static const struct partition_config partitions[] = {
	{
		.name = "rt0",
		.cpu = RESERVATION(0, MS(20), MS(50)),
		.memory_bytes = GUEST_MEMORY,
		.image = "tasks.elf",
		.args = "tasks=tau:10:50 jobs=20",
	},
	TICKS("short", 1, "ticks=100 modes=1"),
	TICKS("long", 2, "ticks=1100 modes=1"),
	TICKS("halts", 3, "ticks=10 then=halt"),
	TICKS("spins", 4, "ticks=10 then=spin"),
	TICKS("again", 5, "ticks=20 adjust=1 level=1 then=reset", .platform = PLATFORM_PC,
	      .on_reset = LIFE_RESTART),
};

const struct config config = {
	.name = "direct_ticks",
	.board = BOARD_RIG(6),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.run_limit_ns = MS(1200),
};
