/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/memnic_load.h - what the side core of a network controller in memory carries: one guest sends to eight,
 * which share core 0, at a rate that the configuration gives. For tools/rig --ips 200000000.
 */
#pragma once
#include "configs/memnic_pair.h"

#define LOAD_SINK(n) \
	MEMNIC_GUEST("sink" #n, RESERVATION(0, US(1200), MS(10)), "mode=sink", n, \
		     "02:00:00:00:01:0" #n)

#define MEMNIC_LOAD_SYSTEM(system, generator_args, link) \
	static const struct partition_config partitions[] = { \
		LOAD_SINK(0), \
		LOAD_SINK(1), \
		LOAD_SINK(2), \
		LOAD_SINK(3), \
		LOAD_SINK(4), \
		LOAD_SINK(5), \
		LOAD_SINK(6), \
		LOAD_SINK(7), \
		MEMNIC_GUEST("gen", OWN_CORE(1), \
			     "mode=generate to=02:00:00:00:01:00 peers=8 " generator_args, 8, \
			     "02:00:00:00:02:00"), \
	}; \
	static const struct pf_config pfs[] = { \
		{ .name = "nic", .driver = PF_MEMORY, .vf_count = 9, .link_bytes_per_s = (link) }, \
	}; \
	const struct config config = { \
		.name = system, \
		.board = { .core_count = 3, \
			   .memory_bytes = MIB(256), \
			   .switch_overhead_ns = US(25), \
			   .timer_resolution_ns = US(1) }, \
		.partitions = partitions, \
		.partition_count = ARRAY_SIZE(partitions), \
		.pfs = pfs, \
		.pf_count = ARRAY_SIZE(pfs), \
		.service = OWN_CORE(2), \
		.run_limit_ns = SEC(10), \
	}
