/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/rate_hog.h - containment: a guest that wants more interrupts than the 2,000 a second that it may have
 * (guests/net/hog.c), flooded with frames by another, beside one that keeps deadlines.
 *
 * "rt" is that of configs/hostile.h. In rate_hog_baseline "hog" only computes, and the same frames go to nobody:
 * all are as busy, and rt's worst responses must be within 1 % of those. 20 jobs of 200 ms are 4 s.
 */
#pragma once
#include "configs/rate.h"

#define HOG_PER_SECOND 2000u

#define RATE_HOG_SYSTEM(system, hog_args, flood_to) \
	static const struct partition_config partitions[] = { \
		{ \
			.name = "rt", \
			.cpu = RESERVATION(0, MS(24), MS(50)), \
			.memory_bytes = GUEST_MEMORY, \
			.image = "tasks.elf", \
			.args = "tasks=tau1:28:150,tau2:40:200 jobs=20 report=full", \
		}, \
		TRAFFIC_GUEST("hog", .cpu = RESERVATION(0, MS(8), MS(50)), 0, 1, hog_args, \
			      .irq_rate = { .kind = IRQ_FIR, .per_second = HOG_PER_SECOND }), \
		TRAFFIC_GUEST( \
			"flood", .cpu = RESERVATION(0, MS(8), MS(50)), 1, 2, \
			"mode=generate size=60 rate=1000000 start_ms=1200 stop_ms=10000 to=" flood_to), \
	}; \
	RATE_SYSTEM(system, 2, MS(10), 6)
