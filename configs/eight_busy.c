/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/eight_busy.c - none of the eight ever sleeps: all 0.96 of the core is used, every
 * budget in every period. "calls40" floods hypercalls.
 */
#include "configs/eight.h"

static const struct partition_config partitions[] = {
	EIGHT_SERVER("calc10", 1, 10, "compute.elf", NULL),
	EIGHT_SERVER("spin15", 3, 15, "hostile.elf", "mode=spin"),
	EIGHT_SERVER("spin20", 2, 20, "hostile.elf", "mode=spin"),
	EIGHT_SERVER("calc30", 6, 30, "compute.elf", NULL),
	EIGHT_SERVER("calls40", 4, 40, "hostile.elf", "mode=calls"),
	EIGHT_SERVER("calc50", 4, 50, "compute.elf", NULL),
	EIGHT_SERVER("burn70", 7, 70, "compute.elf", "burn=1"),
	EIGHT_SERVER("spin100", 8, 100, "hostile.elf", "mode=spin"),
};

EIGHT_SYSTEM("eight_busy");
