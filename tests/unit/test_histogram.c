/* SPDX-License-Identifier: Apache-2.0 */
/* Quantiles against the same samples sorted. */
#include "io/histogram.h"
#include <stdlib.h>
#include <string.h>
#include "tests/property/random.h"
#include "tests/test.h"

#define SAMPLES 20000u

static struct histogram h, other;
static uint64_t samples[SAMPLES];

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Not below the truth, and above it by at most 1/64 or, below 1 us, by 16. */
static bool is_close(uint64_t found, uint64_t truth)
{
	uint64_t slack = truth / 64 > 16 ? truth / 64 : 16;

	return found >= truth && found <= truth + slack;
}

static void check_quantiles(uint32_t count)
{
	static const uint32_t parts[] = { 0, 1, 5000, 9000, 9900, 9999, 10000 };

	qsort(samples, count, sizeof(samples[0]), compare);
	for (uint32_t i = 0; i < ARRAY_SIZE(parts); i++) {
		/* The smallest sample with at least that share at or below it. */
		uint64_t rank = ((uint64_t)count * parts[i] + 9999) / 10000;
		uint64_t truth = samples[rank ? rank - 1 : 0];

		CHECK(is_close(histogram_quantile(&h, parts[i], 10000), truth));
	}
	CHECK(h.max == samples[count - 1] && h.count == count);
	CHECK(histogram_quantile(&h, 1, 1) == h.max);
}

static void quantiles_are_those_of_the_sorted_samples(void)
{
	for (uint32_t game = 0; game < 20; game++) {
		uint32_t count = 1 + (uint32_t)random_below(game % 2 ? 40 : SAMPLES);
		uint32_t bits = (uint32_t)random_between(4, 36);
		uint64_t sum = 0;

		memset(&h, 0, sizeof(h));
		for (uint32_t i = 0; i < count; i++) {
			/* Over all magnitudes alike, or about one. */
			samples[i] = random_u64() >> (game % 3 ? 27 + random_below(37) : 63 - bits);
			histogram_add(&h, samples[i]);
			sum += samples[i];
		}
		CHECK(h.sum == sum);
		check_quantiles(count);
	}
}

/* One sample: any quantile is that sample, exactly, as `max` is exact. Two: the lower one's bucket. */
static void every_magnitude_is_kept_to_a_64th(void)
{
	for (uint32_t bit = 0; bit < HISTOGRAM_LIMIT_BITS; bit++) {
		for (int64_t around = -2; around <= 2; around++) {
			uint64_t v = (UINT64_C(1) << bit) + (uint64_t)around;

			if (v > HISTOGRAM_LIMIT)
				continue;
			memset(&h, 0, sizeof(h));
			histogram_add(&h, v);
			histogram_add(&h, UINT64_MAX);
			CHECK(is_close(histogram_quantile(&h, 1, 2), v));
		}
	}
}

static void what_is_too_long_counts_and_is_the_maximum(void)
{
	memset(&h, 0, sizeof(h));
	CHECK(histogram_quantile(&h, 1, 2) == 0);
	histogram_add(&h, HISTOGRAM_LIMIT - 1);
	histogram_add(&h, HISTOGRAM_LIMIT);
	histogram_add(&h, UINT64_MAX);
	CHECK(h.count == 3 && h.max == UINT64_MAX);
	CHECK(histogram_quantile(&h, 1, 3) >= HISTOGRAM_LIMIT - 1);
	CHECK(histogram_quantile(&h, 1, 1) == UINT64_MAX);
}

static void merging_is_as_good_as_adding(void)
{
	memset(&h, 0, sizeof(h));
	memset(&other, 0, sizeof(other));
	for (uint32_t i = 0; i < SAMPLES; i++) {
		samples[i] = random_u64() >> (27 + random_below(37));
		histogram_add(i % 3 ? &h : &other, samples[i]);
	}
	histogram_merge(&h, &other);
	check_quantiles(SAMPLES);
}

static void counts_stop_at_their_limit(void)
{
	memset(&h, 0, sizeof(h));
	memset(&other, 0, sizeof(other));
	histogram_add(&h, 5000);
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		other.buckets[i] = UINT32_MAX;
	histogram_merge(&h, &other);
	histogram_add(&h, 5000);
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		CHECK(h.buckets[i] == UINT32_MAX);
}

static void it_takes_a_few_kibibytes(void)
{
	CHECK(sizeof(struct histogram) <= KIB(8));
	/* 1 us to 100 s are in it. */
	CHECK(HISTOGRAM_FIRST <= 1024 && HISTOGRAM_LIMIT > SEC(100));
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(quantiles_are_those_of_the_sorted_samples);
	RUN(every_magnitude_is_kept_to_a_64th);
	RUN(what_is_too_long_counts_and_is_the_maximum);
	RUN(merging_is_as_good_as_adding);
	RUN(counts_stop_at_their_limit);
	RUN(it_takes_a_few_kibibytes);
	return test_failed;
}
