/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/net_outside.c - two guests with VFs of a card whose line leads out of the machine; somebody there
 * speaks to the first one (tools/rig --line), and the second hears nothing of it. In real time.
 */
#include "configs/traffic.h"

static const struct partition_config partitions[] = {
	TRAFFIC_GUEST("echo", .cpu = RESERVATION(0, MS(3), MS(10)), 0, 1,
		      "mode=echo peers=1 idle_ms=100000"),
	TRAFFIC_GUEST("other", .cpu = RESERVATION(0, MS(3), MS(10)), 1, 2,
		      "mode=echo peers=1 idle_ms=100000"),
};

TRAFFIC_SYSTEM("net_outside", 2, 120);
