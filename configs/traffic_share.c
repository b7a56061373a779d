/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/traffic_share.c - two guests that get more frames than their shares of a core can handle, 20 and 40 %:
 * experiment "irmos-net" on a small scale, in Bochs at 50 million instructions a second.
 */
#include "configs/traffic.h"

#define SINK "mode=sink work_insns=4000 from_ms=300 to_ms=600"

static const struct partition_config partitions[] = {
	TRAFFIC_GUEST("one", .cpu = RESERVATION(0, MS(2), MS(10)), 0, 1, SINK),
	TRAFFIC_GUEST("two", .cpu = RESERVATION(0, MS(4), MS(10)), 1, 2, SINK),
	TRAFFIC_GUEST("gen", .cpu = OWN_CORE(1), 2, 3,
		      "mode=generate poll=1 to=02:00:00:00:00:01 peers=2 rate=12000 start_ms=250"
		      " stop_ms=650"),
};

TRAFFIC_MEMORY("traffic_share", 3, 50, 0, 3, 1500);
