/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/linux_mixed.h - Linux beside a guest that keeps deadlines, on the same core.
 *
 * "rt" runs the task set of paper 002 in (28 ms, 50 ms) and reports its worst responses. Beside it
 * Linux, in (20 ms, 50 ms), boots (in Bochs the cloud kernel takes 80 s so, the RT kernel 310 s:
 * it is compressed by XZ) and then does what the test says. tau1 ends after `jobs` * 150 ms, tau2
 * after `jobs` * 200 ms: long enough for both to meet Linux at its test. linux_mixed_alone has no
 * Linux: rt's worst responses in all the others must be within 1 % of that run's.
 */
#pragma once
#include "configs/linux.h"

#define MIXED_RT(jobs) \
	{ \
		.name = "rt", .cpu = RESERVATION(0, MS(28), MS(50)), .memory_bytes = GUEST_MEMORY, \
		.image = "tasks.elf", .args = "tasks=tau1:30:150,tau2:50:200 jobs=" jobs, \
	}

#define MIXED_SYSTEM(system, jobs, limit_s, kernel, test, ...) \
	static const struct partition_config partitions[] = { \
		MIXED_RT(jobs), \
		LINUX("linux", kernel, test, .cpu = RESERVATION(0, MS(20), MS(50)), __VA_ARGS__), \
	}; \
	LINUX_SYSTEM(system, 1, SEC(limit_s))

#define MIXED_CLOUD(system, test, ...)    MIXED_SYSTEM(system, "800", 162, "cloud", test, __VA_ARGS__)
#define MIXED_LINUX_RT(system, test, ...) MIXED_SYSTEM(system, "2400", 482, "rt", test, __VA_ARGS__)
