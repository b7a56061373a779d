/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/admission.h"
#include "sched/cbs.h"
#include "tests/test.h"

static struct admission test_of(const struct admission_server *servers, uint32_t count,
				uint64_t overhead_tsc)
{
	struct admission a = { 0 };

	CHECK(admission_test(servers, count, overhead_tsc, 0, &a) == OK);
	CHECK(a.is_admitted == (a.excess_ppm == 0));
	CHECK(a.is_admitted == (a.utilization_ppm <= 1000000));
	return a;
}

static struct admission with_background(const struct admission_server *servers, uint32_t count,
					uint64_t overhead_tsc, uint64_t background_tsc)
{
	struct admission a = { 0 };

	CHECK(admission_test(servers, count, overhead_tsc, background_tsc, &a) == OK);
	CHECK(a.is_admitted == (a.excess_ppm == 0 && a.blocked == count));
	return a;
}

static void thirds_are_exactly_one(void)
{
	const struct admission_server thirds[] = { { 1, 3, 0 }, { 1, 3, 0 }, { 1, 3, 0 } };
	const struct admission_server mixed[] = { { 1, 2, 0 }, { 1, 3, 0 }, { 1, 6, 0 } };

	CHECK(test_of(thirds, 3, 0).is_admitted);
	CHECK(test_of(thirds, 3, 0).utilization_ppm == 1000000);
	CHECK(test_of(mixed, 3, 0).is_admitted);
	CHECK(test_of(thirds, 1, 0).utilization_ppm == 333334);
	CHECK(test_of(thirds, 2, 0).utilization_ppm == 666667);
}

static void one_tick_too_much_is_refused(void)
{
	/* Primes near 2^61 and 2^40: the common denominator needs 205 bits. */
	const uint64_t p = 2305843009213693951u, r = 1099511627689u;
	struct admission_server s[] = {
		{ p / 2, p, 0 }, { r / 2, r, 0 }, { 1, r, 0 }, { 1, p, 0 }
	};
	struct admission a;

	/* (p-1)/2p + (r-1)/2r + 1/r + 1/p = 1 + 1/2p + 1/2r > 1 */
	a = test_of(s, 4, 0);
	CHECK(!a.is_admitted && a.utilization_ppm == 1000001 && a.excess_ppm == 1);
	/* 1 - 1/2p - 1/2r + 1/r = 1 - 1/2p + 1/2r > 1, by 4.5e-13 */
	CHECK(!test_of(s, 3, 0).is_admitted);
	/* 1 - 1/2p - 1/2r < 1 */
	CHECK(test_of(s, 2, 0).is_admitted && test_of(s, 2, 0).utilization_ppm == 1000000);
}

static void the_overhead_is_paid_by_every_server_in_every_period(void)
{
	const struct admission_server s[] = { { 40, 100, 0 }, { 25, 50, 0 } };

	CHECK(test_of(s, 2, 0).utilization_ppm == 900000);
	CHECK(test_of(s, 2, 3).utilization_ppm == 990000); /* + 3/100 + 3/50 */
	CHECK(test_of(s, 2, 4).excess_ppm == 20000);
}

static void a_whole_core_is_admitted_alone_and_free_of_cost_only(void)
{
	const struct admission_server s[] = { { 1000, 1000, 0 }, { 1, BIT64(62) - 1, 0 } };

	CHECK(test_of(s, 0, 9).utilization_ppm == 0);
	CHECK(test_of(s, 1, 0).is_admitted);
	CHECK(test_of(s, 1, 1).excess_ppm == 1000);
	CHECK(test_of(s, 2, 0).excess_ppm == 1); /* 2^-62 of a core, rounded up */
}

static void the_largest_input_does_not_overflow(void)
{
	struct admission_server s[CBS_SERVER_MAX + 1];
	struct admission a;

	for (uint32_t i = 0; i <= CBS_SERVER_MAX; i++)
		s[i] = (struct admission_server){ BIT64(62) - 1 - i, BIT64(62) - 1 - i, 0 };
	a = test_of(s, CBS_SERVER_MAX, 0);
	CHECK(a.utilization_ppm == CBS_SERVER_MAX * 1000000u);
	/* 1 + o/P is above 2 for all but the first, whose is exactly 2. */
	a = test_of(s, CBS_SERVER_MAX, BIT64(62) - 1);
	CHECK(a.utilization_ppm == 2 * CBS_SERVER_MAX * 1000000u + 1);
	s[0] = (struct admission_server){ 1, 1, 0 };
	a = test_of(s, 1, BIT64(62) - 1);
	CHECK(a.utilization_ppm == UINT64_MAX);
	CHECK(admission_test(s, CBS_SERVER_MAX + 1, 0, 0, &a) == ERR_NOMEM);
}

static void malformed_servers_are_errors(void)
{
	const struct admission_server none = { 0, 10, 0 }, more = { 11, 10, 0 };
	const struct admission_server wide = { 1, BIT64(62), 0 }, fine = { 1, 10, 0 };
	struct admission a;

	CHECK(admission_test(&none, 1, 0, 0, &a) == ERR_INVAL);
	CHECK(admission_test(&more, 1, 0, 0, &a) == ERR_INVAL);
	CHECK(admission_test(&wide, 1, 0, 0, &a) == ERR_RANGE);
	CHECK(admission_test(&fine, 1, BIT64(62), 0, &a) == ERR_RANGE);
}

/* By hand: a/b + o, and what a longer period may be at. */
static void whoever_waits_for_a_longer_period_needs_room_for_it(void)
{
	struct admission_server s[] = { { 40, 200, 30 }, { 50, 100, 7 } };
	struct admission a;

	/* 50/100 + 30/100; the longest period waits for nobody. */
	a = with_background(s, 2, 0, 0);
	CHECK(a.is_admitted && a.blocked == 2);
	/* (50 + 20)/100 + 30/100 = 1, and (40 + 20)/200 + 70/100 = 1 */
	a = with_background(s, 2, 20, 0);
	CHECK(a.is_admitted && a.blocked == 2 && a.utilization_ppm == 1000000);
	s[0].blocking_tsc = 31;
	a = with_background(s, 2, 20, 0);
	CHECK(!a.is_admitted && a.excess_ppm == 0);
	CHECK(a.blocked == 1 && a.blocking_tsc == 31 && a.blocked_ppm == 1010000);
	/* Of the same period nobody comes before the other's deadline: 50/100 + 40/100 */
	s[0].period_tsc = 100;
	s[1].blocking_tsc = 61;
	CHECK(with_background(s, 2, 0, 0).is_admitted);
	/* The background is everybody's: 90/100 + 10/100 */
	CHECK(with_background(s, 2, 0, 10).is_admitted);
	a = with_background(s, 2, 0, 11);
	CHECK(!a.is_admitted && a.blocking_tsc == 11 && a.blocked_ppm == 1010000);
	CHECK(with_background(s, 0, 0, 11).is_admitted);
}

/* Three levels: who is in the middle waits for the last, and has the first before it. */
static void the_first_that_has_no_room_is_named(void)
{
	struct admission_server s[] = { { 300, 1000, 50 }, { 10, 100, 0 }, { 100, 400, 20 } };
	struct admission a;

	/* 10/100 + 50/100 = 0.6; 0.1 + 100/400 + 50/400 = 0.475; 0.35 + 0.3 = 0.65 */
	CHECK(with_background(s, 3, 0, 0).is_admitted);
	s[0].blocking_tsc = 260; /* 0.1 + 2.6; 0.35 + 0.65 = 1 */
	a = with_background(s, 3, 0, 0);
	CHECK(!a.is_admitted && a.blocked == 1 && a.blocked_ppm == 2700000);
	s[1].period_tsc = 4000; /* and now it is the last: 100/400 + 260/400; 0.25 + 0.3 */
	CHECK(with_background(s, 3, 0, 0).is_admitted);
	s[0].blocking_tsc = 301;
	a = with_background(s, 3, 0, 0);
	CHECK(!a.is_admitted && a.blocked == 2 && a.blocked_ppm == 1002500);
}

static void blocking_times_have_a_limit_and_are_exact_below_it(void)
{
	const uint64_t p = BIT64(62) - 1;
	struct admission_server s[CBS_SERVER_MAX];
	const struct admission_server wide = { 1, 10, BIT64(62) };
	struct admission a;

	CHECK(admission_test(&wide, 1, 0, 0, &a) == ERR_RANGE);
	CHECK(admission_test(s, 0, 0, BIT64(62), &a) == ERR_RANGE);
	for (uint32_t i = 0; i < CBS_SERVER_MAX; i++)
		s[i] = (struct admission_server){ 1, p, 0 };
	CHECK(with_background(s, CBS_SERVER_MAX, 0, p - CBS_SERVER_MAX).is_admitted);
	a = with_background(s, CBS_SERVER_MAX, 0, p - CBS_SERVER_MAX + 1);
	CHECK(!a.is_admitted && a.blocked < CBS_SERVER_MAX && a.blocked_ppm == 1000001);
	/* All different, each a period of the next one's denominator. */
	for (uint32_t i = 0; i < CBS_SERVER_MAX; i++)
		s[i] = (struct admission_server){ p - i, p - i, p };
	a = with_background(s, CBS_SERVER_MAX, p, p);
	CHECK(a.blocked == CBS_SERVER_MAX - 1 && a.blocked_ppm > 2000000);
}

/* Oracle: small periods over their product 2520 = lcm(1..10), in plain integers. */
static void small_sums_agree_with_a_common_denominator(void)
{
	uint32_t admitted = 0, refused = 0;

	for (uint32_t i = 0; i < 20000; i++) {
		struct admission_server s[3] = { 0 };
		uint32_t count = 2 + i % 2;
		uint64_t sum = 0, seed = i * UINT64_C(0x9e3779b97f4a7c15);
		struct admission a;

		for (uint32_t k = 0; k < count;
		     k++, seed = seed * 6364136223846793005u + 1442695040888963407u) {
			s[k].period_tsc = 1 + (seed >> 33) % 10;
			s[k].budget_tsc = 1 + (seed >> 40) % s[k].period_tsc;
			sum += s[k].budget_tsc * (2520 / s[k].period_tsc);
		}
		CHECK(admission_test(s, count, 0, 0, &a) == OK);
		CHECK(a.is_admitted == (sum <= 2520));
		CHECK(a.utilization_ppm == (sum * 1000000 + 2519) / 2520);
		*(a.is_admitted ? &admitted : &refused) += 1;
	}
	CHECK(admitted > 2000 && refused > 2000);
}

int main(void)
{
	RUN(thirds_are_exactly_one);
	RUN(one_tick_too_much_is_refused);
	RUN(the_overhead_is_paid_by_every_server_in_every_period);
	RUN(a_whole_core_is_admitted_alone_and_free_of_cost_only);
	RUN(the_largest_input_does_not_overflow);
	RUN(malformed_servers_are_errors);
	RUN(whoever_waits_for_a_longer_period_needs_room_for_it);
	RUN(the_first_that_has_no_room_is_named);
	RUN(blocking_times_have_a_limit_and_are_exact_below_it);
	RUN(small_sums_agree_with_a_common_denominator);
	return test_failed;
}
