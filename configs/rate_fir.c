/* SPDX-License-Identifier: Apache-2.0 */
/* configs/rate_fir.c - the same stream for guests of 2,000, 8,000 and as many interrupts a second as it has frames. */
#include "configs/rate.h"

#define SINK "mode=sink from_ms=1500 to_ms=3500 slice_ms=100"

static const struct partition_config partitions[] = {
	TRAFFIC_GUEST("fir2k", .cpu = RESERVATION(0, MS(2), MS(10)), 0, 1, SINK,
		      .irq_rate = { .kind = IRQ_FIR, .per_second = 2000 }),
	TRAFFIC_GUEST("fir8k", .cpu = RESERVATION(0, MS(2), MS(10)), 1, 2, SINK,
		      .irq_rate = { .kind = IRQ_FIR, .per_second = 8000 }),
	TRAFFIC_GUEST("free", .cpu = RESERVATION(0, MS(2), MS(10)), 2, 3, SINK),
	TRAFFIC_GUEST("gen", .cpu = RESERVATION(0, MS(2), MS(10)), 3, 4,
		      "mode=generate to=02:00:00:00:00:01 peers=3 rate=20000 size=554"
		      " start_ms=1400 stop_ms=3600"),
};

RATE_SYSTEM("rate_fir", 4, MS(10), 10);
