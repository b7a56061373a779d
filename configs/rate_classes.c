/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/rate_classes.c - the same stream of 6,000 full frames a second for a guest whose rate goes by the
 * class of its traffic, and for one of 500 a second whose interrupts are urgent, all of them.
 */
#include "configs/rate.h"

#define SINK "mode=sink from_ms=1500 to_ms=2500 slice_ms=100"

static const struct partition_config partitions[] = {
	TRAFFIC_GUEST("cgr", .cpu = RESERVATION(0, MS(2), MS(10)), 0, 1, SINK,
		      .irq_rate = { .kind = IRQ_CGR }),
	TRAFFIC_GUEST("urgent", .cpu = RESERVATION(0, MS(2), MS(10)), 1, 2, SINK,
		      .irq_rate = { .kind = IRQ_FIR, .per_second = 500, .urgent = 7 }),
	TRAFFIC_GUEST("gen", .cpu = RESERVATION(0, MS(4), MS(10)), 2, 3,
		      "mode=generate to=02:00:00:00:00:01 peers=2 rate=6000 size=1514"
		      " start_ms=1200 stop_ms=2600"),
};

RATE_SYSTEM("rate_classes", 3, MS(10), 10);
