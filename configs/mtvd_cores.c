/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/mtvd_cores.c - two threads on cores of their own that share the work of one network interface, which gets more
 * than both can handle: experiment "mtvd" on a small scale, in Bochs.
 */
#include "configs/traffic.h"

static const struct partition_config partitions[] = {
	TRAFFIC_GUEST("mtvd", .CPUS(OWN_CORE(0), OWN_CORE(1)), 0, 1,
		      "mode=sink quiet=1 threads=2 flow=1 work_insns=4800 from_ms=300 to_ms=400"),
	TRAFFIC_GUEST("gen", .cpu = OWN_CORE(2), 1, 2,
		      "mode=generate poll=1 to=02:00:00:00:00:01 rate=60000 size=92 flows=8"
		      " start_ms=250 stop_ms=420"),
};

TRAFFIC_MEMORY("mtvd_cores", 4, 50, UINT64_C(1250000000), 2, 1500);
