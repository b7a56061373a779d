/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/mtvd_flow.c - a guest whose four virtual CPUs share the work of one network interface, and a core
 * with each other and the sender: a flow stays with one of them. guests/net/mtvd.h.
 */
#include "configs/traffic.h"

#define LANE RESERVATION(0, MS(1), MS(10))

static const struct partition_config partitions[] = {
	TRAFFIC_GUEST(
		"mtvd", .CPUS(LANE, LANE, LANE, LANE), 0, 1,
		"mode=sink quiet=1 threads=4 flow=1 from_ms=1500 to_ms=2500 checksum=1 ack=16 work_ns=20000"),
	TRAFFIC_GUEST("gen", .cpu = RESERVATION(0, MS(2), MS(10)), 1, 2,
		      "mode=generate to=02:00:00:00:00:01 window=128 size=554 flows=8"
		      " start_ms=1400 stop_ms=2400"),
};

TRAFFIC_SYSTEM("mtvd_flow", 2, 10);
