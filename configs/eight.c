/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/eight.c - six of the eight are backlogged all the time, three of them with interrupts
 * off; "tick15" and "tick100" sleep and wake, off the rhythm of their periods.
 */
#include "configs/eight.h"

static const struct partition_config partitions[] = {
	EIGHT_SERVER("calc10", 1, 10, "compute.elf", NULL),
	EIGHT_SERVER("tick15", 3, 15, "tasks.elf", "tasks=a:2:37 jobs=0"),
	EIGHT_SERVER("spin20", 2, 20, "hostile.elf", "mode=spin"),
	EIGHT_SERVER("calc30", 6, 30, "compute.elf", NULL),
	EIGHT_SERVER("spin40", 4, 40, "hostile.elf", "mode=spin"),
	EIGHT_SERVER("calc50", 4, 50, "compute.elf", NULL),
	EIGHT_SERVER("spin70", 7, 70, "hostile.elf", "mode=spin"),
	EIGHT_SERVER("tick100", 8, 100, "tasks.elf", "tasks=b:5:230 jobs=0"),
};

EIGHT_SYSTEM("eight");
