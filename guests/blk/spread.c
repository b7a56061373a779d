/* SPDX-License-Identifier: Apache-2.0 */
#include "guests/blk/spread.h"

#define HALF (HISTOGRAM_STEPS / 2)

/* Beyond the first STEPS: the 6 bits below the highest one tell the step in its power of two. */
static uint32_t bucket_of(uint64_t value)
{
	uint32_t shift;

	if (value < HISTOGRAM_STEPS)
		return (uint32_t)value;
	shift = 57u - (uint32_t)__builtin_clzll(value); /* value >> shift is below STEPS */
	return shift * HALF + (uint32_t)(value >> shift);
}

static uint64_t bucket_end(uint32_t bucket)
{
	const uint32_t shift = bucket < HISTOGRAM_STEPS ? 0 : bucket / HALF - 1;

	return (((uint64_t)(bucket - shift * HALF) + 1) << shift) - 1;
}

void spread_add(struct spread *h, uint64_t value)
{
	if (!h->count || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->count++;
	h->buckets[bucket_of(value)]++;
}

uint64_t spread_at(const struct spread *h, uint64_t num, uint64_t den)
{
	const uint64_t rank = (h->count * num + den - 1) / den;
	uint64_t seen = 0;

	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen && seen >= rank)
			return bucket_end(i) < h->max ? bucket_end(i) : h->max;
	}
	return h->max;
}
