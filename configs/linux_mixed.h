/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/linux_mixed.h - Linux beside a guest that keeps deadlines, on the same core.
 *
 * "rt" runs the task set of paper 002 in (28 ms, 50 ms) and reports its worst responses over
 * 120 s, in which Linux, in (20 ms, 50 ms), boots (85 s in Bochs) and then does what the test
 * says. linux_mixed_alone has no Linux: rt's worst responses in all the others must be within
 * 1 % of that run's.
 */
#pragma once
#include "configs/linux.h"

#define MIXED_RT \
	{ \
		.name = "rt", .cpu = RESERVATION(0, MS(28), MS(50)), .memory_bytes = GUEST_MEMORY, \
		.image = "tasks.elf", .args = "tasks=tau1:30:150,tau2:50:200 jobs=600", \
	}

#define MIXED_SYSTEM(system, kernel, test, ...) \
	static const struct partition_config partitions[] = { \
		MIXED_RT, \
		LINUX("linux", kernel, test, .cpu = RESERVATION(0, MS(20), MS(50)), __VA_ARGS__), \
	}; \
	LINUX_SYSTEM(system, 1, SEC(122))
