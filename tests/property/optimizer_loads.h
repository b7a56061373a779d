/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/property/optimizer_loads.h - loads whose decisions must be the same bits wherever they are made.
 *
 * Model    The 24 cases of paper 000, section VII.B (1 to 4 guests; tasks of L = 100, M = 500, H = 1500
 *	    IOPS), with targets that are hard or easy; then random ones, up to 16 guests
 *	    with 4 tasks, and the largest that there is.
 */
#pragma once
#include "io/disk_optimizer.h"

#define OPTIMIZER_CASES  24u
#define OPTIMIZER_SCALES 2u
#define OPTIMIZER_RANDOM 11u
#define OPTIMIZER_LOADS  (OPTIMIZER_CASES * OPTIMIZER_SCALES + OPTIMIZER_RANDOM + 1)

static inline uint64_t optimizer_hash(uint64_t hash, uint64_t value) /* FNV-1a, by 64 bits */
{
	return (hash ^ value) * UINT64_C(0x100000001b3);
}

static inline struct disk_load_guest optimizer_guest(const uint32_t *iops, uint32_t count)
{
	struct disk_load_guest g = { .weight = 100 };

	for (uint32_t j = 0; j < count; j++) {
		if (iops[j] > 0)
			g.tasks[g.task_count++] =
				(struct disk_load_task){ .iops = iops[j], .weight = 100 };
	}
	return g;
}

/* A value that only depends on its place. */
static inline uint64_t optimizer_any(uint32_t load, uint32_t guest, uint32_t task, uint64_t count)
{
	uint64_t z = load * UINT64_C(0x9e3779b97f4a7c15) + guest * UINT64_C(0xbf58476d1ce4e5b9) +
		     task * UINT64_C(0x94d049bb133111eb);

	z = (z ^ z >> 29) * UINT64_C(0xd6e8feb86659fd93);
	return (z ^ z >> 32) % count;
}

static inline void optimizer_case(uint32_t n, struct disk_load *load)
{
	static const uint32_t mixes[6][3] = {
		{ 100, 0, 0 },   { 500, 0, 0 },    { 1500, 0, 0 },
		{ 100, 500, 0 }, { 500, 1500, 0 }, { 100, 500, 1500 }
	};
	static const uint32_t scales[OPTIMIZER_SCALES] = { 150, 1000 };
	uint32_t scale = scales[n / OPTIMIZER_CASES];

	load->guest_count = 1 + n % OPTIMIZER_CASES / 6;
	for (uint32_t i = 0; i < load->guest_count; i++) {
		load->guests[i] = optimizer_guest(mixes[n % 6], 3);
		for (uint32_t j = 0; j < load->guests[i].task_count; j++)
			load->guests[i].tasks[j].target_ns = MS(scale * (1 + i) + 10 * j);
	}
}

static inline void optimizer_any_load(uint32_t n, struct disk_load *load)
{
	bool is_largest = n == OPTIMIZER_LOADS - 1;

	load->guest_count = is_largest ? IOSCHED_CLIENT_MAX : 1 + n % 16;
	for (uint32_t i = 0; i < load->guest_count; i++) {
		uint32_t iops[IOSCHED_QUEUE_MAX];

		for (uint32_t j = 0; j < IOSCHED_QUEUE_MAX; j++)
			iops[j] = (uint32_t)(1 + optimizer_any(n, i, j, 3000));
		load->guests[i] = optimizer_guest(
			iops, is_largest ? 8 : (uint32_t)(1 + optimizer_any(n, i, 9, 4)));
		load->guests[i].is_critical = optimizer_any(n, i, 10, 4) == 0;
		load->guests[i].weight = (uint32_t)(1 + optimizer_any(n, i, 11, 1000));
		for (uint32_t j = 0; j < load->guests[i].task_count; j++)
			load->guests[i].tasks[j].target_ns = optimizer_any(n, i, 20 + j, SEC(4));
	}
	load->guests[0].tasks[0].target_ns = MS(500);
}

static inline void optimizer_load(uint32_t n, struct disk_load *load)
{
	*load = (struct disk_load){ .request_bytes = 4096,
				    .slice_idle_ns = MS(8),
				    .timeout_ns = MS(125),
				    .max_budget_bytes = MIB(8),
				    .bytes_per_s = 245000000 };
	if (n < OPTIMIZER_CASES * OPTIMIZER_SCALES)
		optimizer_case(n, load);
	else
		optimizer_any_load(n, load);
}

/* All that a decision is. */
static inline uint64_t optimizer_decision(const struct disk_optimum *o)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	hash = optimizer_hash(hash, o->kept);
	hash = optimizer_hash(hash, o->predictions);
	hash = optimizer_hash(hash, o->steps);
	hash = optimizer_hash(hash, o->load.slice_idle_ns);
	hash = optimizer_hash(hash, o->load.timeout_ns);
	for (uint32_t i = 0; i < o->load.guest_count; i++) {
		hash = optimizer_hash(hash, o->load.guests[i].weight);
		for (uint32_t j = 0; j < o->load.guests[i].task_count; j++) {
			hash = optimizer_hash(hash, o->load.guests[i].tasks[j].weight);
			hash = optimizer_hash(hash, o->predicted_ns[i][j]);
		}
	}
	return hash;
}
