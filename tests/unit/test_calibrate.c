/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/test_calibrate.c - bounds must contain the truth, whatever delays the readings.
 *
 * The model is a TSC and a reference that tick at known rates; readings are taken from it at
 * random moments, with brackets of random width.
 */
#include <stdlib.h>
#include "arch/x86/calibrate.h"
#include "tests/test.h"

#define PM_HZ 3579545u

static uint64_t random64(uint64_t below)
{
	const uint64_t r = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();

	return r % below;
}

/* The reference's count at the moment `tsc`: it had `phase` parts of 1000 of a count at 0. */
static uint32_t count_at(uint64_t tsc, uint64_t tsc_hz, uint64_t reference_hz, uint64_t phase)
{
	return (uint32_t)(((unsigned __int128)tsc * reference_hz * 1000 / tsc_hz + phase) / 1000);
}

/* One in two is as tight as can be: then only the counts' own doubt is left. */
static uint64_t random_width(uint64_t below)
{
	return rand() % 2 == 0 ? 0 : random64(below);
}

static struct clock_reading reading_at(uint64_t tsc, uint64_t width, uint64_t tsc_hz,
				       uint64_t reference_hz, uint64_t phase)
{
	const uint64_t within = tsc + random64(width + 1);

	return (struct clock_reading){ tsc, count_at(within, tsc_hz, reference_hz, phase),
				       tsc + width };
}

static void tsc_bounds_contain_the_truth(void)
{
	static const uint64_t tsc_rates[] = { 50000000, 1000000000, 2893437123, 5999999999 };
	static const uint64_t references[] = { PM_HZ, 14318180, 1193182 };
	static const uint32_t masks[] = { BIT32(24) - 1, UINT32_MAX, 0xffff };

	srand(1);
	for (uint32_t round = 0; round < 100000; round++) {
		const uint64_t hz = tsc_rates[round % 4];
		const uint32_t r = round % 3, phase = (uint32_t)random64(1000);
		const uint64_t start = random64(hz * 10), width = random_width(hz / 1000);
		const uint64_t window = hz / 25 + random64(hz / 200);
		const struct clock_reading a = reading_at(start, width, hz, references[r], phase);
		const struct clock_reading b = reading_at(start + window, random_width(hz / 1000),
							  hz, references[r], phase);
		const struct clock_bounds c = clock_bounds_from(&a, &b, masks[r], references[r]);

		CHECK(c.lo_hz <= hz && hz <= c.hi_hz);
	}
}

static void tight_readings_give_tight_bounds(void)
{
	const struct clock_reading a = reading_at(1000, 10, 50000000, PM_HZ, 0);
	const struct clock_reading b = reading_at(2001000, 10, 50000000, PM_HZ, 0);
	const struct clock_bounds c = clock_bounds_from(&a, &b, BIT32(24) - 1, PM_HZ);

	/* 40 ms are 143,181 counts: one count either way is 7 ppm, ten ticks of 2e6 are 5 */
	CHECK(c.hi_hz - c.lo_hz < 50000000ull * 2 * 13 / 1000000);
	CHECK(clock_bounds_round(c) == 50000000);
}

static void a_clock_that_stands_still_proves_nothing(void)
{
	const struct clock_reading a = { 100, 77, 110 }, b = { 99900, 78, 99910 };

	CHECK(clock_bounds_from(&a, &b, UINT32_MAX, PM_HZ).hi_hz == 0);
	CHECK(clock_bounds_from(&a, &a, UINT32_MAX, PM_HZ).hi_hz == 0);
	CHECK(clock_bounds_of_timer(&a, &a, 1000000000).hi_hz == 0);
}

static void timer_bounds_contain_the_truth(void)
{
	static const uint64_t timers[] = { 24000000, 50000000, 99999999, 1000000000 };

	srand(2);
	for (uint32_t round = 0; round < 100000; round++) {
		const uint64_t hz = 50000000 + random64(5000000000), timer = timers[round % 4];
		const uint64_t start = random64(hz), phase = random64(1000);
		const struct clock_reading a =
			reading_at(start, random_width(hz / 10000), hz, timer, phase);
		const struct clock_reading b =
			reading_at(start + hz / 100, random_width(hz / 10000), hz, timer, phase);
		const struct clock_bounds c = clock_bounds_of_timer(&a, &b, hz);

		CHECK(c.lo_hz <= timer && timer <= c.hi_hz);
	}
}

static void difference_is_in_millionths(void)
{
	const struct clock_bounds a = { 999999990, 1000000010 };
	const struct clock_bounds b = { 1000499990, 1000500010 };
	const struct clock_bounds c = { 998999990, 999000010 };

	CHECK(clock_bounds_differ_ppm(a, a) == 0);
	CHECK(clock_bounds_differ_ppm(a, b) == CALIBRATE_LIMIT_PPM);
	CHECK(clock_bounds_differ_ppm(a, c) == 1000);
	CHECK(clock_bounds_differ_ppm((struct clock_bounds){ 0, 0 }, a) == UINT64_MAX);
}

static void merging_keeps_what_both_allow(void)
{
	const struct clock_bounds a = { 100, 200 }, b = { 150, 300 }, c = { 250, 260 };

	CHECK(clock_bounds_merge(a, b).lo_hz == 150 && clock_bounds_merge(a, b).hi_hz == 200);
	CHECK(clock_bounds_merge(a, c).lo_hz == 200 && clock_bounds_merge(a, c).hi_hz == 250);
	CHECK(clock_bounds_merge(c, a).lo_hz == 200 && clock_bounds_merge(c, a).hi_hz == 250);
}

static uint32_t trailing_zeros(uint64_t v)
{
	uint32_t count = 0;

	for (; v != 0 && v % 10 == 0; v /= 10)
		count++;
	return count;
}

/* Oracle: try every number in the bounds. */
static void rounding_finds_the_roundest_number(void)
{
	srand(3);
	for (uint32_t round = 0; round < 3000; round++) {
		const uint64_t lo = 1 + random64(200000), hi = lo + random64(1000);
		const uint64_t got = clock_bounds_round((struct clock_bounds){ lo, hi });

		CHECK(lo <= got && got <= hi);
		for (uint64_t v = lo; v <= hi; v++)
			CHECK(trailing_zeros(v) <= trailing_zeros(got));
	}
	CHECK(clock_bounds_round((struct clock_bounds){ 2893437120, 2893437130 }) == 2893437130);
	CHECK(clock_bounds_round((struct clock_bounds){ UINT64_MAX, UINT64_MAX }) == UINT64_MAX);
}

/* Oracle: the smallest count that lasts long enough, in 128 bits. */
static void a_count_lasts_as_long_as_asked_and_no_longer(void)
{
	static const uint64_t rates[] = { 1, BIT64(32), BIT64(32) / 125, BIT64(33) + 12345 };

	srand(4);
	for (uint32_t round = 0; round < 100000; round++) {
		const uint64_t rate = rates[round % 4];
		const uint64_t delta = round < 8 ? round : random64(BIT64(round % 62 + 1));
		const uint32_t count = timer_count_for(delta, rate);
		const unsigned __int128 need = (unsigned __int128)delta * rate;

		CHECK(count >= 1);
		CHECK(count == UINT32_MAX || (unsigned __int128)count << 32 >= need);
		CHECK(count == 1 || (unsigned __int128)(count - 1) << 32 < need);
	}
	CHECK(timer_count_for(UINT64_MAX, UINT64_MAX) == UINT32_MAX);
}

static void skew_bounds_contain_the_truth(void)
{
	srand(5);
	for (uint32_t round = 0; round < 20000; round++) {
		const int64_t truth = (int64_t)random64(2001) - 1000;
		struct tsc_skew s = SKEW_UNKNOWN;
		uint64_t proven;

		for (uint32_t i = 0; i < 16; i++) {
			const uint64_t before = 5000 + random64(BIT64(40));
			const uint64_t there = before + random64(400);
			const uint64_t after = there + random64(400);

			tsc_skew_narrow(&s, before, there + (uint64_t)truth, after);
		}
		proven = tsc_skew_proven(&s);
		CHECK(s.lo_tsc <= truth && truth <= s.hi_tsc);
		CHECK(proven <= (uint64_t)(truth < 0 ? -truth : truth));
		CHECK(truth > -400 || proven > 0); /* no bracket is that wide */
		CHECK(truth < 400 || proven > 0);
	}
}

static void readings_that_contradict_each_other_prove_a_skew(void)
{
	struct tsc_skew s = SKEW_UNKNOWN;

	tsc_skew_narrow(&s, 1000, 1500, 1510); /* -10 .. 500 */
	CHECK(tsc_skew_proven(&s) == 0);
	tsc_skew_narrow(&s, 2000, 1900, 2010); /* -110 .. -100 */
	CHECK(tsc_skew_proven(&s) == 90);
}

int main(void)
{
	RUN(tsc_bounds_contain_the_truth);
	RUN(tight_readings_give_tight_bounds);
	RUN(a_clock_that_stands_still_proves_nothing);
	RUN(timer_bounds_contain_the_truth);
	RUN(difference_is_in_millionths);
	RUN(merging_keeps_what_both_allow);
	RUN(rounding_finds_the_roundest_number);
	RUN(a_count_lasts_as_long_as_asked_and_no_longer);
	RUN(skew_bounds_contain_the_truth);
	RUN(readings_that_contradict_each_other_prove_a_skew);
	return test_failed;
}
