/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/blk/spread.h - percentiles of values that nobody wants to keep one by one. Pure.
 *
 * Model    A bucket for each value below HISTOGRAM_STEPS, then HISTOGRAM_STEPS / 2 for each power
 *	    of two: a percentile is told as the upper end of its bucket, at most 1/64 above it, and
 *	    never above the largest value.
 * Units    The values'.
 */
#pragma once
#include <stdint.h>

#define HISTOGRAM_STEPS   128u
#define HISTOGRAM_BUCKETS ((64u - 7u + 2u) * (HISTOGRAM_STEPS / 2))

struct spread {
	uint64_t count, min, max;
	uint32_t buckets[HISTOGRAM_BUCKETS];
};

void spread_add(struct spread *h, uint64_t value);
/* The least value that `num` in `den` of all do not exceed. None at all: 0. */
uint64_t spread_at(const struct spread *h, uint64_t num, uint64_t den);
