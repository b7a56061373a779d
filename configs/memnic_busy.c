/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/memnic_busy.c - a receiver that gets more than it has time for, and never sleeps: what arrives, and the
 * interrupts that tell of it, take no exit.
 */
#include "configs/memnic.h"

static const struct partition_config partitions[] = {
	MEMNIC_GUEST("sink", OWN_CORE(0), "mode=sink work_ns=120000 from_ms=150 to_ms=350", 0,
		     "02:00:00:00:01:00", .irq_rate = { .kind = IRQ_FIR, .per_second = 4000 }),
	MEMNIC_GUEST(
		"gen", OWN_CORE(1),
		"mode=generate to=02:00:00:00:01:00 rate=20000 size=512 start_ms=100 stop_ms=400",
		1, "02:00:00:00:02:00"),
};

MEMNIC_SYSTEM("memnic_busy", BOARD_RIG(3), 2, 5);
