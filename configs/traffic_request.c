/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/traffic_request.c - requests of 100 kB every 20 ms, and as many as can be to a neighbour: paper 001, section 4,
 * "Application-level results", on a small scale. configs/traffic.h.
 */
#include "configs/traffic.h"

static const struct partition_config partitions[] = {
	TRAFFIC_GUEST("server", .cpu = RESERVATION(0, MS(4), MS(20)), 0, 1,
		      "mode=serve to_ms=3000 work_ns=10000"),
	TRAFFIC_GUEST("loaded", .cpu = RESERVATION(0, MS(4), MS(20)), 1, 2,
		      "mode=serve to_ms=3000 work_ns=10000"),
	TRAFFIC_GUEST("client", .cpu = RESERVATION(0, MS(2), MS(10)), 2, 3,
		      "mode=request to=02:00:00:00:00:01 count=50 start_ms=1500 to_ms=2900 cdf=1"),
	TRAFFIC_GUEST("load", .cpu = RESERVATION(0, MS(2), MS(10)), 3, 4,
		      "mode=request to=02:00:00:00:00:02 count=100000 every_us=0 under_way=32"
		      " frames=4 start_ms=1500 to_ms=2900"),
};

TRAFFIC_SYSTEM("traffic_request", 4, 10);
