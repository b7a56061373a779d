/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/linux_mixed.h - Linux beside a guest that keeps deadlines, on the same core.
 *
 * "rt" runs the task set of paper 002 in (28 ms, 50 ms) and reports its worst responses. Beside it
 * Linux, in (120 ms, 400 ms), boots (in Bochs the cloud kernel takes 100 s so, the RT kernel 410 s:
 * it is compressed by XZ) and then does what the test says. tau1 ends after `jobs` * 150 ms, tau2
 * after `jobs` * 200 ms: long enough for both to meet Linux at its test. linux_mixed_alone has no
 * Linux: rt's worst responses in all the others must be within 1 % of that run's.
 *
 * Why Linux' period is long: by EDF the server of the nearer deadline goes first. rt's deadline is
 * at most 50 ms away when a task arrives. In the 350 ms before, rt had at most 6 * 28 + 50 ms, so
 * Linux, if it wanted, has used up its 120 ms, and what it does not want delays nobody. In
 * (20 ms, 50 ms) Linux could go first, and rt would have its 28 ms in every 50 ms, but later.
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
		LINUX("linux", kernel, test, .cpu = RESERVATION(0, MS(120), MS(400)), \
		      __VA_ARGS__), \
	}; \
	LINUX_SYSTEM(system, 1, SEC(limit_s))

#define MIXED_CLOUD(system, test, ...)    MIXED_SYSTEM(system, "900", 182, "cloud", test, __VA_ARGS__)
#define MIXED_LINUX_RT(system, test, ...) MIXED_SYSTEM(system, "3200", 642, "rt", test, __VA_ARGS__)
