/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_guest_stats.c - percentiles by their definition, and time conversions. */
#include <string.h>
#include "guests/rt/stats.h"
#include "guests/rt/ticks.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define LENGTH_MAX 300u

/* Nearest rank, from its definition: the least value that `num` in `den` of all do not exceed. */
static uint64_t slow_rank(const uint64_t *values, uint64_t count, uint64_t num, uint64_t den)
{
	uint64_t best = UINT64_MAX;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t not_above = 0;

		for (uint64_t k = 0; k < count; k++)
			not_above += values[k] <= values[i];
		if (not_above * den >= count * num && values[i] < best)
			best = values[i];
	}
	return best;
}

static void percentiles_follow_the_definition(void)
{
	uint64_t raw[LENGTH_MAX], sorted[LENGTH_MAX];

	for (uint64_t n = 1; n <= LENGTH_MAX; n += n < 30 ? 1 : 27) {
		for (uint64_t i = 0; i < n; i++)
			raw[i] = random_below(n % 3 ? 50 : UINT64_MAX);
		memcpy(sorted, raw, n * sizeof(raw[0]));
		stats_sort(sorted, n);
		for (uint32_t percent = 1; percent <= 100; percent++)
			CHECK(stats_percentile(sorted, n, percent) ==
			      slow_rank(raw, n, percent, 100));
		CHECK(stats_rank(sorted, n, 9999, 10000) == slow_rank(raw, n, 9999, 10000));
		CHECK(stats_rank(sorted, n, 995, 1000) == slow_rank(raw, n, 995, 1000));
		CHECK(stats_rank(sorted, n, 0, 1) == sorted[0]);
	}
}

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void sorting_agrees_with_the_c_library(void)
{
	uint64_t mine[LENGTH_MAX], theirs[LENGTH_MAX];

	for (uint32_t round = 0; round < 500; round++) {
		uint64_t n = random_below(LENGTH_MAX + 1);

		for (uint64_t i = 0; i < n; i++)
			mine[i] = theirs[i] = random_below(1 + random_below(1000));
		stats_sort(mine, n);
		qsort(theirs, n, sizeof(theirs[0]), compare);
		CHECK(memcmp(mine, theirs, n * sizeof(mine[0])) == 0);
	}
}

static void no_values_are_zero(void)
{
	CHECK(stats_percentile(NULL, 0, 50) == 0);
	CHECK(stats_rank(NULL, 0, 9999, 10000) == 0);
}

static void conversions_agree_with_wide_arithmetic(void)
{
	static const uint64_t clocks[] = {
		1, 3, 999999, 1000000, 50000000, 1000000000, 2999999997, UINT64_C(10000000000)
	};

	for (size_t c = 0; c < sizeof(clocks) / sizeof(clocks[0]); c++) {
		for (uint32_t i = 0; i < 2000; i++) {
			uint64_t hz = clocks[c], x = random_u64() >> random_between(20, 63);
			unsigned __int128 ticks = (unsigned __int128)x * hz / 1000000;
			unsigned __int128 tenths = (unsigned __int128)x * 10000000 / hz;

			if (ticks <= UINT64_MAX)
				CHECK(ticks_from_us(x, hz) == (uint64_t)ticks);
			if (tenths <= UINT64_MAX)
				CHECK(ticks_to_tenth_us(x, hz) == (uint64_t)tenths);
		}
	}
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(percentiles_follow_the_definition);
	RUN(sorting_agrees_with_the_c_library);
	RUN(no_values_are_zero);
	RUN(conversions_agree_with_wide_arithmetic);
	return test_failed;
}
