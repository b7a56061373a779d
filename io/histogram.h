/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/histogram.h - how often which latency: quantiles of any number of samples in a few KiB.
 *
 * Model    HDR histogram ("high dynamic range"): each power of two is cut into HISTOGRAM_STEPS equal
 *	    buckets, so that a bucket's width is at most 1/HISTOGRAM_STEPS of its lower end. Values
 *	    below HISTOGRAM_FIRST share the buckets of that range, which begins at 0: they are
 *	    exact to HISTOGRAM_FIRST / HISTOGRAM_STEPS. Values from HISTOGRAM_LIMIT on count as
 *	    the last one below; `max` has them as they were.
 * Quantile The smallest v such that at least a share p of all samples is at most v, rounded up to
 *	    the end of its bucket but not above `max`: never less than the true one, and by at
 *	    most 1/HISTOGRAM_STEPS of it more.
 * Units    Whatever the caller counts in; made for nanoseconds: 1 us to 137 s.
 * Cost     histogram_add() O(1); the rest goes over all HISTOGRAM_BUCKETS.
 * Errors   None. Counts stop at 2^32 - 1 in each bucket.
 * Sharing  The caller's lock.
 */
#pragma once
#include "core/lib/base.h"

#define HISTOGRAM_STEP_BITS  6u
#define HISTOGRAM_STEPS      (1u << HISTOGRAM_STEP_BITS)
#define HISTOGRAM_FIRST_BITS 10u /* 1 us */
#define HISTOGRAM_LIMIT_BITS 37u
#define HISTOGRAM_FIRST      (UINT64_C(1) << HISTOGRAM_FIRST_BITS)
#define HISTOGRAM_LIMIT      (UINT64_C(1) << HISTOGRAM_LIMIT_BITS)
/* The range below HISTOGRAM_FIRST, and one for each power of two from there on. */
#define HISTOGRAM_BUCKETS ((1 + HISTOGRAM_LIMIT_BITS - HISTOGRAM_FIRST_BITS) * HISTOGRAM_STEPS)

struct histogram {
	uint64_t count, sum, max; /* of all samples; the sum modulo 2^64 */
	uint32_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t value);
/* The share is part / whole, at most 1; 0 if there are no samples. p99.99: 9999, 10000. */
uint64_t histogram_quantile(const struct histogram *h, uint32_t part, uint32_t whole);
/* As if the samples of `from` had been added to `into`. */
void histogram_merge(struct histogram *into, const struct histogram *from);
