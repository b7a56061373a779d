/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/memnic_load.c - what the side core of a network controller in memory carries: one guest sends 100,000
 * frames of 92 bytes a second to eight, which share core 0.
 */
#include "configs/memnic.h"

#define SINK(n) \
	MEMNIC_GUEST("sink" #n, RESERVATION(0, US(1200), MS(10)), "mode=sink", n, \
		     "02:00:00:00:01:0" #n)
/* At 200 MIPS: configs/boards.h has it for 50. */
#define FAST_BOARD \
	{ \
		.core_count = 3, .memory_bytes = MIB(256), .switch_overhead_ns = US(25), \
		.timer_resolution_ns = US(1), \
	}

static const struct partition_config partitions[] = {
	SINK(0),
	SINK(1),
	SINK(2),
	SINK(3),
	SINK(4),
	SINK(5),
	SINK(6),
	SINK(7),
	MEMNIC_GUEST("gen", OWN_CORE(1),
		     "mode=generate to=02:00:00:00:01:00 peers=8 rate=12500 size=92", 8,
		     "02:00:00:00:02:00"),
};

MEMNIC_SYSTEM("memnic_load", FAST_BOARD, 9, 10);
