/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/demand.h"
#include "tests/test.h"

/* Paper 002, section 4.1, in nanoseconds; see "Errata" of the papers' index. */
static const struct demand_task paper_tasks[] = { { MS(30), MS(150), 0, 0 },
						  { MS(50), MS(200), 0, 0 } };
static const struct demand paper = { DEMAND_RATE_MONOTONIC, paper_tasks, 2 };

static uint64_t rounded_up_to_ms(uint64_t ns)
{
	return (ns + MS(1) - 1) / MS(1);
}

static void the_papers_reservation_is_27_of_50_ms(void)
{
	uint64_t q = 0;

	CHECK(demand_min_budget(SUPPLY_FULL_BUDGET, MS(50), &paper, &q) == OK);
	CHECK(q == (MS(80) + 2) / 3); /* 3 Q >= 30 + 50 at t = 150 ms: 26.67 ms */
	CHECK(rounded_up_to_ms(q) == 27);
}

static void the_safe_reservation_is_32_of_50_ms(void)
{
	uint64_t q = 0;

	CHECK(demand_min_budget(SUPPLY_WORST_CASE, MS(50), &paper, &q) == OK);
	CHECK(q == MS(32)); /* 5 Q - 50 >= 30 + 30 + 50 at t = 200 ms */
	CHECK(rounded_up_to_ms(q) == 32);
}

static void the_paper_chose_28_which_only_the_full_budget_analysis_allows(void)
{
	const struct supply full = { SUPPLY_FULL_BUDGET, MS(28), MS(50) };
	const struct supply worst = { SUPPLY_WORST_CASE, MS(28), MS(50) };
	uint64_t r = 0;

	CHECK(demand_response(&full, &paper, 0, &r) == OK);
	CHECK(r == MS(74)); /* 22 + 28, 22 + 2 */
	CHECK(demand_response(&full, &paper, 1, &r) == OK);
	CHECK(r == MS(146)); /* 2 * 50 + 22 + 24 */
	CHECK(demand_response(&worst, &paper, 0, &r) == OK);
	CHECK(demand_response(&worst, &paper, 1, &r) == ERR_RANGE);
}

/* Oracle: the definition, at every t, tasks sorted by hand (periods ascend). */
static uint64_t slow_response(const struct supply *s, const struct demand_task *tasks, uint32_t i)
{
	for (uint64_t t = 1; t <= tasks[i].period; t++) {
		uint64_t demand = tasks[i].wcet;

		for (uint32_t j = 0; j < i; j++)
			demand += (t + tasks[j].period - 1) / tasks[j].period * tasks[j].wcet;
		if (demand <= supply_bound(s, t))
			return t;
	}
	return 0;
}

static uint64_t slow_min_budget(enum supply_kind kind, uint64_t period,
				const struct demand_task *tasks, uint32_t task_count)
{
	struct supply s = { kind, 1, period };

	for (; s.budget <= period; s.budget++) {
		uint32_t served = 0;

		while (served < task_count && slow_response(&s, tasks, served) != 0)
			served++;
		if (served == task_count)
			return s.budget;
	}
	return 0;
}

static void the_least_budget_agrees_with_trying_all(void)
{
	uint32_t possible = 0, impossible = 0;

	for (uint32_t n = 0; n < 3000; n++) {
		uint64_t x = n * UINT64_C(0x9e3779b97f4a7c15) + 1;
		struct demand_task tasks[2] = { { 0 } };
		const struct demand d = { DEMAND_RATE_MONOTONIC, tasks, 2 };
		uint64_t fast = 0, slow, period = 1 + (x >> 20) % 9;
		enum supply_kind kind = n % 2 ? SUPPLY_FULL_BUDGET : SUPPLY_WORST_CASE;
		enum err err;

		tasks[0].period = 4 + (x >> 28) % 12;
		tasks[0].wcet = 1 + (x >> 36) % 4;
		tasks[1].period = tasks[0].period + (x >> 44) % 16;
		tasks[1].wcet = 1 + (x >> 52) % 4;
		slow = slow_min_budget(kind, period, tasks, 2);
		err = demand_min_budget(kind, period, &d, &fast);
		CHECK(err == (slow ? OK : ERR_RANGE));
		CHECK(!slow || fast == slow);
		*(slow ? &possible : &impossible) += 1;
	}
	CHECK(possible > 500 && impossible > 50);
}

static void priority_does_not_depend_on_the_order_of_tasks(void)
{
	const struct demand_task tasks[] = { paper_tasks[1], paper_tasks[0] };
	const struct demand swapped = { DEMAND_RATE_MONOTONIC, tasks, 2 };
	uint64_t a = 0, b = 0;

	CHECK(demand_min_budget(SUPPLY_WORST_CASE, MS(20), &paper, &a) == OK);
	CHECK(demand_min_budget(SUPPLY_WORST_CASE, MS(20), &swapped, &b) == OK);
	CHECK(a == b && a > 0);
}

/* Worked by hand: dedicated processor, the textbook's example of release jitter. */
static void jitter_delays_its_own_task_and_those_below(void)
{
	const struct demand_task tasks[] = { { 2, 10, 0, 3 }, { 4, 20, 15, 0 } };
	const struct demand d = { DEMAND_RATE_MONOTONIC, tasks, 2 };
	const struct supply whole = { SUPPLY_WORST_CASE, 1, 1 };
	uint64_t r = 0;

	CHECK(demand_response(&whole, &d, 0, &r) == OK && r == 3 + 2);
	/* 4 + 2 = 6; of the first one's jobs a second is released at 10 - 3 = 7: not before 6 */
	CHECK(demand_response(&whole, &d, 1, &r) == OK && r == 6);
}

static void a_second_job_that_jitter_brings_near_counts(void)
{
	const struct demand_task tasks[] = { { 2, 10, 0, 3 }, { 6, 20, 15, 0 } };
	const struct demand d = { DEMAND_RATE_MONOTONIC, tasks, 2 };
	const struct supply whole = { SUPPLY_WORST_CASE, 1, 1 };
	uint64_t r = 0;

	CHECK(demand_response(&whole, &d, 1, &r) == OK && r == 6 + 2 + 2); /* 8 > 7 */
}

/* {(3, 6), (4, 9)}: 17/18 of the processor. Rate-monotonic misses, EDF does not (Liu and Layland). */
static void edf_keeps_what_fixed_priorities_cannot(void)
{
	const struct demand_task tasks[] = { { 3, 6, 0, 0 }, { 4, 9, 0, 0 } };
	const struct demand fixed = { DEMAND_RATE_MONOTONIC, tasks, 2 },
			    edf = { DEMAND_EDF, tasks, 2 };
	const struct supply whole = { SUPPLY_WORST_CASE, 1, 1 };
	uint64_t r = 0;

	CHECK(demand_response(&whole, &fixed, 1, &r) == ERR_RANGE);
	CHECK(demand_response(&whole, &edf, 0, &r) == OK && r <= 6);
	CHECK(demand_response(&whole, &edf, 1, &r) == OK && r <= 9);
}

/* A whole processor, used whole: EDF is optimal, to the last tick. */
static void edf_uses_the_whole_processor(void)
{
	const struct demand_task tasks[] = { { 1, 2, 0, 0 }, { 2, 4, 0, 0 } },
				 more[] = { { 1, 2, 0, 0 }, { 2, 4, 3, 0 } };
	const struct demand d = { DEMAND_EDF, tasks, 2 }, tight = { DEMAND_EDF, more, 2 };
	const struct supply whole = { SUPPLY_WORST_CASE, 1, 1 };
	uint64_t r = 0;

	CHECK(demand_response(&whole, &d, 0, &r) == OK && r == 2);
	CHECK(demand_response(&whole, &d, 1, &r) == OK && r == 4);
	/* By 3 at the latest: 2 of its own and 1 of the other's: just. */
	CHECK(demand_response(&whole, &tight, 1, &r) == OK && r == 3);
}

/* Work that is due before, but has not come yet, delays nobody: one tick of the other's, then its own. */
static void edf_counts_jobs_from_their_release_on(void)
{
	const struct demand_task tasks[] = { { 1, 10, 0, 0 }, { 1, 2, 1, 0 } };
	const struct demand d = { DEMAND_EDF, tasks, 2 };
	const struct supply whole = { SUPPLY_WORST_CASE, 1, 1 };
	uint64_t r = 0;

	CHECK(demand_response(&whole, &d, 0, &r) == OK && r == 2);
	CHECK(demand_response(&whole, &d, 1, &r) == OK && r == 1);
}

static void a_demand_beyond_the_supply_is_refused_in_bounded_time(void)
{
	const struct demand_task tasks[] = { { 1, 2, 0, 0 }, { MS(1), MS(2) - 1, 0, 0 } };
	const struct demand d = { DEMAND_EDF, tasks, 2 };
	uint64_t x;

	CHECK(demand_min_budget(SUPPLY_WORST_CASE, 1, &d, &x) == ERR_RANGE);
}

/* Every period by itself. */
static void the_search_finds_the_cheapest_reservation(void)
{
	const struct demand_search search = { MS(1), MS(60), MS(1), US(100) };
	const unsigned __int128 overhead = search.overhead;
	struct supply best = { 0 };
	uint64_t q;

	CHECK(demand_least(SUPPLY_WORST_CASE, &search, &paper, &best) == OK);
	CHECK(demand_min_budget(SUPPLY_WORST_CASE, best.period, &paper, &q) == OK &&
	      q == best.budget);
	for (uint64_t p = search.first; p <= search.last; p += search.step) {
		if (demand_min_budget(SUPPLY_WORST_CASE, p, &paper, &q) != OK)
			continue;
		CHECK((best.budget + overhead) * p <= (q + overhead) * best.period);
		CHECK(p <= best.period ||
		      (best.budget + overhead) * p < (q + overhead) * best.period);
	}
}

static void malformed_input_is_an_error(void)
{
	const struct demand_task zero = { 0, 5, 0, 0 }, long_task = { 6, 5, 0, 0 },
				 wide = { 1, BIT64(62), 0, 0 }, late = { 1, 5, 6, 0 },
				 tight = { 3, 5, 2, 0 }, never = { 1, 0, 0, 0 },
				 shaky = { 1, 5, 0, BIT64(62) };
	const struct demand_task huge[] = { { BIT64(61), BIT64(62) - 1, 0, 0 },
					    { 1, BIT64(62) - 1, 0, 0 } };
	const struct demand_task *const wrong[] = { &zero, &long_task, &late, &tight, &never };
	const struct demand_task *const too_long[] = { &wide, &shaky };
	const struct supply none = { SUPPLY_FULL_BUDGET, 0, 5 },
			    over = { SUPPLY_FULL_BUDGET, 6, 5 },
			    whole = { SUPPLY_FULL_BUDGET, 5, 5 };
	struct demand d = { DEMAND_RATE_MONOTONIC, NULL, 1 };
	struct demand_search search = { 0, 5, 1, 0 };
	struct supply best;
	uint64_t x;

	for (d.policy = 0; d.policy <= DEMAND_EDF; d.policy++) {
		for (uint32_t i = 0; i < ARRAY_SIZE(wrong); i++) {
			d.tasks = wrong[i];
			CHECK(demand_min_budget(SUPPLY_FULL_BUDGET, 5, &d, &x) == ERR_INVAL);
		}
		for (uint32_t i = 0; i < ARRAY_SIZE(too_long); i++) {
			d.tasks = too_long[i];
			CHECK(demand_min_budget(SUPPLY_FULL_BUDGET, 5, &d, &x) == ERR_RANGE);
		}
	}
	d = (struct demand){ DEMAND_RATE_MONOTONIC, paper_tasks, 0 };
	CHECK(demand_min_budget(SUPPLY_FULL_BUDGET, 5, &d, &x) == ERR_INVAL);
	CHECK(demand_min_budget(SUPPLY_FULL_BUDGET, 0, &paper, &x) == ERR_INVAL);
	CHECK(demand_response(&none, &paper, 0, &x) == ERR_INVAL);
	CHECK(demand_response(&over, &paper, 0, &x) == ERR_INVAL);
	CHECK(demand_response(&whole, &paper, 2, &x) == ERR_INVAL);
	CHECK(demand_least(SUPPLY_WORST_CASE, &search, &paper, &best) == ERR_INVAL);
	search = (struct demand_search){ 1, 5, 0, 0 };
	CHECK(demand_least(SUPPLY_WORST_CASE, &search, &paper, &best) == ERR_INVAL);
	search = (struct demand_search){ 1, 5, UINT64_MAX, 0 };
	CHECK(demand_least(SUPPLY_WORST_CASE, &search, &paper, &best) == ERR_RANGE);
	d = (struct demand){ DEMAND_RATE_MONOTONIC, huge, 2 };
	CHECK(demand_response(&whole, &d, 1, &x) == OK && x == BIT64(61) + 1);
}

int main(void)
{
	RUN(the_papers_reservation_is_27_of_50_ms);
	RUN(the_safe_reservation_is_32_of_50_ms);
	RUN(the_paper_chose_28_which_only_the_full_budget_analysis_allows);
	RUN(the_least_budget_agrees_with_trying_all);
	RUN(priority_does_not_depend_on_the_order_of_tasks);
	RUN(jitter_delays_its_own_task_and_those_below);
	RUN(a_second_job_that_jitter_brings_near_counts);
	RUN(edf_keeps_what_fixed_priorities_cannot);
	RUN(edf_uses_the_whole_processor);
	RUN(edf_counts_jobs_from_their_release_on);
	RUN(a_demand_beyond_the_supply_is_refused_in_bounded_time);
	RUN(the_search_finds_the_cheapest_reservation);
	RUN(malformed_input_is_an_error);
	return test_failed;
}
