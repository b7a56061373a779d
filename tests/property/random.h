/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/property/random.h - repeatable random numbers.
 *
 * The seed is the program's first argument, or a constant, and is printed, so that every
 * failure can be had again.
 */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include "core/lib/base.h"

static uint64_t random_state;

/* SplitMix64 (Steele, Lea, Flood): any seed will do. */
static inline uint64_t random_u64(void)
{
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* 0 .. count - 1 */
static inline uint64_t random_below(uint64_t count)
{
	return random_u64() % count;
}

/* low .. high */
static inline uint64_t random_between(uint64_t low, uint64_t high)
{
	return low + random_below(high - low + 1);
}

static inline void random_seed(int argc, char **argv)
{
	random_state = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	printf("seed %llu\n", (unsigned long long)random_state);
}
