/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/rate_fir.c - the same stream of 4,000 frames a second for guests of 500, 1,000 and 2,000 interrupts a
 * second, of as many as AIR finds, and of as many as there are frames.
 */
#include "configs/rate.h"

#define SINK "mode=sink from_ms=1500 to_ms=2500 slice_ms=100"

static const struct partition_config partitions[] = {
	TRAFFIC_GUEST("fir500", .cpu = RESERVATION(0, US(800), MS(10)), 0, 1, SINK,
		      .irq_rate = { .kind = IRQ_FIR, .per_second = 500 }),
	TRAFFIC_GUEST("fir1000", .cpu = RESERVATION(0, US(800), MS(10)), 1, 2, SINK,
		      .irq_rate = { .kind = IRQ_FIR, .per_second = 1000 }),
	TRAFFIC_GUEST("fir2000", .cpu = RESERVATION(0, US(800), MS(10)), 2, 3, SINK,
		      .irq_rate = { .kind = IRQ_FIR, .per_second = 2000 }),
	TRAFFIC_GUEST("air", .cpu = RESERVATION(0, US(800), MS(10)), 3, 4, SINK,
		      .irq_rate = { .kind = IRQ_AIR }),
	TRAFFIC_GUEST("free", .cpu = RESERVATION(0, US(1500), MS(10)), 4, 5, SINK),
	TRAFFIC_GUEST("gen", .cpu = RESERVATION(0, US(3500), MS(10)), 5, 6,
		      "mode=generate to=02:00:00:00:00:01 peers=5 rate=4000 size=554"
		      " start_ms=1400 stop_ms=2600"),
};

RATE_SYSTEM("rate_fir", 6, MS(10), 10);
