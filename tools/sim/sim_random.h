/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/sim/sim_random.h - repeatable random numbers, a stream each for whoever needs one.
 *
 * Source   SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators").
 */
#pragma once
#include "core/lib/base.h"

struct sim_random {
	uint64_t state;
};

static inline uint64_t sim_random_u64(struct sim_random *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* 0 .. count - 1 */
static inline uint64_t sim_random_below(struct sim_random *r, uint64_t count)
{
	return (uint64_t)((unsigned __int128)sim_random_u64(r) * count >> 64);
}

/* A stream for each (seed, number), none like another. */
static inline struct sim_random sim_random_stream(uint64_t seed, uint64_t number)
{
	struct sim_random r = { seed };

	r.state = sim_random_u64(&r) ^ number;
	r.state = sim_random_u64(&r);
	return r;
}
