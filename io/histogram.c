/* SPDX-License-Identifier: Apache-2.0 */
#include "io/histogram.h"
#include "core/lib/assert.h"

static uint32_t bucket_of(uint64_t value)
{
	uint32_t top, row;

	if (value < HISTOGRAM_FIRST)
		return (uint32_t)(value >> (HISTOGRAM_FIRST_BITS - HISTOGRAM_STEP_BITS));
	if (value >= HISTOGRAM_LIMIT)
		return HISTOGRAM_BUCKETS - 1;
	top = 63 - (uint32_t)__builtin_clzll(value);
	row = top - HISTOGRAM_FIRST_BITS + 1;
	/* Without its highest bit, which the row stands for. */
	return row * HISTOGRAM_STEPS + (uint32_t)(value >> (top - HISTOGRAM_STEP_BITS)) -
	       HISTOGRAM_STEPS;
}

/* The largest value in it. */
static uint64_t bucket_end(uint32_t bucket)
{
	uint32_t row = bucket / HISTOGRAM_STEPS, step = bucket % HISTOGRAM_STEPS;
	uint32_t top;

	if (row == 0)
		return ((step + UINT64_C(1)) << (HISTOGRAM_FIRST_BITS - HISTOGRAM_STEP_BITS)) - 1;
	top = row + HISTOGRAM_FIRST_BITS - 1;
	return ((HISTOGRAM_STEPS + step + UINT64_C(1)) << (top - HISTOGRAM_STEP_BITS)) - 1;
}

static void count_more(uint32_t *bucket, uint32_t more)
{
	*bucket = *bucket > UINT32_MAX - more ? UINT32_MAX : *bucket + more;
}

void histogram_add(struct histogram *h, uint64_t value)
{
	h->count++;
	h->sum += value;
	if (value > h->max)
		h->max = value;
	count_more(&h->buckets[bucket_of(value)], 1);
}

uint64_t histogram_quantile(const struct histogram *h, uint32_t part, uint32_t whole)
{
	uint64_t wanted, above, seen = 0;
	uint32_t i = 0;

	ASSERT(whole > 0 && part <= whole);
	if (h->count == 0)
		return 0;
	/* The wanted-th smallest: count * part / whole, rounded up, at least the first. */
	above = h->count / whole * (whole - part) + h->count % whole * (whole - part) / whole;
	wanted = h->count - above;
	wanted = wanted ? wanted : 1;
	for (; i < HISTOGRAM_BUCKETS - 1; i++) {
		seen += h->buckets[i];
		if (seen >= wanted)
			return min_u64(bucket_end(i), h->max);
	}
	return h->max;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	into->count += from->count;
	into->sum += from->sum;
	into->max = max_u64(into->max, from->max);
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		count_more(&into->buckets[i], from->buckets[i]);
}
