/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/hostile.h - containment: a guest that misbehaves beside one that keeps deadlines.
 *
 * "rt" runs the task set of paper 002 in (28 ms, 50 ms) and reports every response time;
 * "hostile" has (20 ms, 50 ms) of the same core and does its worst, one file per way.
 * hostile_baseline has a well-behaved neighbour that only computes, in the same reservation, and
 * hostile_baseline_gone one that ends at once, for comparison with those that are stopped:
 * rt's worst responses must be within 1 % of that run's in all the others.
 * 20 jobs of 200 ms are 4 s.
 */
#pragma once
#include "configs/boards.h"

#define HOSTILE_SYSTEM(system, hostile_image, hostile_args) \
	static const struct partition_config partitions[] = { \
		{ \
			.name = "rt", \
			.cpu = RESERVATION(0, MS(28), MS(50)), \
			.memory_bytes = GUEST_MEMORY, \
			.image = "tasks.elf", \
			.args = "tasks=tau1:30:150,tau2:50:200 jobs=20 report=full", \
		}, \
		{ \
			.name = "hostile", \
			.cpu = RESERVATION(0, MS(20), MS(50)), \
			.memory_bytes = GUEST_MEMORY, \
			.image = hostile_image, \
			.args = hostile_args, \
		}, \
	}; \
	const struct config config = { \
		.name = system, \
		.board = BOARD_RIG(1), \
		.partitions = partitions, \
		.partition_count = ARRAY_SIZE(partitions), \
		.run_limit_ns = SEC(5), \
	}
