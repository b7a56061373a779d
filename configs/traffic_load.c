/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/traffic_load.c - one guest sends to three: at a rate, in bursts of another guest, and as fast as the
 * third one answers. configs/traffic.h.
 */
#include "configs/traffic.h"

static const struct partition_config partitions[] = {
	TRAFFIC_GUEST("steady", .cpu = RESERVATION(0, US(1500), MS(10)), 0, 1,
		      "mode=sink from_ms=1500 to_ms=2500 slice_ms=100 checksum=1 work_ns=5000"),
	TRAFFIC_GUEST("bursty", .cpu = RESERVATION(0, MS(1), MS(10)), 1, 2,
		      "mode=sink from_ms=1500 to_ms=2500 slice_ms=10 checksum=1"),
	TRAFFIC_GUEST("closed", .cpu = RESERVATION(0, MS(1), MS(10)), 2, 3,
		      "mode=sink from_ms=1500 to_ms=2500 checksum=1 ack=8 work_ns=20000"),
	TRAFFIC_GUEST("gen0", .cpu = RESERVATION(0, MS(1), MS(10)), 3, 4,
		      "mode=generate to=02:00:00:00:00:01 rate=3000 size=1514"
		      " start_ms=1400 stop_ms=2600"),
	TRAFFIC_GUEST("gen1", .cpu = RESERVATION(0, MS(1), MS(10)), 4, 5,
		      "mode=generate to=02:00:00:00:00:02 rate=4000 size=92"
		      " start_ms=1400 stop_ms=2600 on_us=25000 off_us=75000"),
	TRAFFIC_GUEST("gen2", .cpu = RESERVATION(0, MS(1), MS(10)), 5, 6,
		      "mode=generate to=02:00:00:00:00:03 window=32 size=554 flows=4"
		      " start_ms=1400 stop_ms=2600"),
};

TRAFFIC_SYSTEM("traffic_load", 6, 10);
