/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/rate_qos.c - shares of a link on the 82576, watched by its counters: "in" may receive 1 MB/s of the
 * 2.2 that are sent to it, "free" all of its 2.2; "slow" may send 500 packets/s and wants to send more.
 */
#include "configs/rate.h"

#define WINDOW "from_ms=1500 to_ms=4500 slice_ms=20"

static const struct partition_config partitions[] = {
	TRAFFIC_GUEST("in", .cpu = RESERVATION(0, MS(1), MS(10)), 0, 1, "mode=sink " WINDOW,
		      .qos = { .rx_bytes_per_s = EXACTLY(1000000) }),
	TRAFFIC_GUEST("free", .cpu = RESERVATION(0, MS(1), MS(10)), 1, 2, "mode=sink " WINDOW),
	TRAFFIC_GUEST("out", .cpu = RESERVATION(0, MS(1), MS(10)), 2, 3, "mode=sink " WINDOW),
	TRAFFIC_GUEST("gen", .cpu = RESERVATION(0, MS(2), MS(10)), 3, 4,
		      "mode=generate to=02:00:00:00:00:01 peers=2 rate=4000 size=554"
		      " start_ms=1300 stop_ms=4600"),
	TRAFFIC_GUEST("slow", .cpu = RESERVATION(0, MS(1), MS(10)), 4, 5,
		      "mode=generate to=02:00:00:00:00:03 rate=2000 size=554"
		      " start_ms=1300 stop_ms=4600",
		      .qos = { .tx_packets_per_s = EXACTLY(500) }),
};

RATE_SYSTEM("rate_qos", 5, MS(2), 10);
