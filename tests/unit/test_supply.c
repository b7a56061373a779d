/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/supply.h"
#include "tests/test.h"

/* Paper 002, section 4.1, in nanoseconds; see "Errata" of the papers' index. */
static const struct supply_task paper[] = { { MS(30), MS(150) }, { MS(50), MS(200) } };

static uint64_t rounded_up_to_ms(uint64_t ns)
{
	return (ns + MS(1) - 1) / MS(1);
}

static void the_papers_reservation_is_27_of_50_ms(void)
{
	uint64_t q = 0;

	CHECK(supply_min_budget(SUPPLY_FULL_BUDGET, MS(50), paper, 2, &q) == OK);
	CHECK(q == (MS(80) + 2) / 3); /* 3 Q >= 30 + 50 at t = 150 ms: 26.67 ms */
	CHECK(rounded_up_to_ms(q) == 27);
}

static void the_safe_reservation_is_32_of_50_ms(void)
{
	uint64_t q = 0;

	CHECK(supply_min_budget(SUPPLY_WORST_CASE, MS(50), paper, 2, &q) == OK);
	CHECK(q == MS(32)); /* 5 Q - 50 >= 30 + 30 + 50 at t = 200 ms */
	CHECK(rounded_up_to_ms(q) == 32);
}

static void the_paper_chose_28_which_only_the_full_budget_analysis_allows(void)
{
	const struct supply full = { SUPPLY_FULL_BUDGET, MS(28), MS(50) };
	const struct supply worst = { SUPPLY_WORST_CASE, MS(28), MS(50) };
	uint64_t r = 0;

	CHECK(supply_response(&full, paper, 2, 0, &r) == OK);
	CHECK(r == MS(74)); /* 22 + 28, 22 + 2 */
	CHECK(supply_response(&full, paper, 2, 1, &r) == OK);
	CHECK(r == MS(146)); /* 2 * 50 + 22 + 24 */
	CHECK(supply_response(&worst, paper, 2, 0, &r) == OK);
	CHECK(supply_response(&worst, paper, 2, 1, &r) == ERR_RANGE);
}

/*
 * Oracle: supply written out tick by tick. The budgets come last in each period, but for the
 * one before a worst-case window, which came first and is over.
 */
static uint64_t supply_by_ticks(const struct supply *s, uint64_t length)
{
	uint64_t at = s->kind == SUPPLY_WORST_CASE ? s->budget : 0, sum = 0;
	uint64_t first_period_end = s->kind == SUPPLY_WORST_CASE ? s->period : 0;

	for (uint64_t t = at; t < at + length; t++)
		sum += t >= first_period_end && t % s->period >= s->period - s->budget;
	return sum;
}

static void supply_agrees_with_a_walk_over_ticks(void)
{
	struct supply s;

	for (s.period = 1; s.period <= 7; s.period++) {
		for (s.budget = 1; s.budget <= s.period; s.budget++) {
			for (uint64_t t = 0; t <= 5 * s.period; t++) {
				s.kind = SUPPLY_WORST_CASE;
				CHECK(supply_bound(&s, t) == supply_by_ticks(&s, t));
				s.kind = SUPPLY_FULL_BUDGET;
				CHECK(supply_bound(&s, t) == supply_by_ticks(&s, t));
			}
		}
	}
}

static void a_window_is_the_shortest_that_holds_the_demand(void)
{
	struct supply s;

	for (s.period = 1; s.period <= 7; s.period++) {
		for (s.budget = 1; s.budget <= s.period; s.budget++) {
			for (uint64_t demand = 1; demand <= 30; demand++) {
				for (s.kind = 0; s.kind <= SUPPLY_FULL_BUDGET; s.kind++) {
					uint64_t t = supply_window(&s, demand);

					CHECK(supply_bound(&s, t) >= demand);
					CHECK(supply_bound(&s, t - 1) < demand);
				}
			}
		}
	}
	s = (struct supply){ SUPPLY_WORST_CASE, 1, BIT64(61) };
	CHECK(supply_window(&s, 0) == 0);
	CHECK(supply_window(&s, 1) == BIT64(62) - 1);
	CHECK(supply_window(&s, 2) == UINT64_MAX);
	CHECK(supply_window(&s, UINT64_MAX) == UINT64_MAX);
}

/* Oracle: the definition, at every t, tasks sorted by hand (periods ascend). */
static uint64_t slow_response(const struct supply *s, const struct supply_task *tasks, uint32_t i)
{
	for (uint64_t t = 1; t <= tasks[i].period; t++) {
		uint64_t demand = tasks[i].wcet;

		for (uint32_t j = 0; j < i; j++)
			demand += (t + tasks[j].period - 1) / tasks[j].period * tasks[j].wcet;
		if (demand <= supply_by_ticks(s, t))
			return t;
	}
	return 0;
}

static uint64_t slow_min_budget(enum supply_kind kind, uint64_t period,
				const struct supply_task *tasks, uint32_t task_count)
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
		struct supply_task tasks[2];
		uint64_t fast = 0, slow, period = 1 + (x >> 20) % 9;
		enum supply_kind kind = n % 2 ? SUPPLY_FULL_BUDGET : SUPPLY_WORST_CASE;
		enum err err;

		tasks[0].period = 4 + (x >> 28) % 12;
		tasks[0].wcet = 1 + (x >> 36) % 4;
		tasks[1].period = tasks[0].period + (x >> 44) % 16;
		tasks[1].wcet = 1 + (x >> 52) % 4;
		slow = slow_min_budget(kind, period, tasks, 2);
		err = supply_min_budget(kind, period, tasks, 2, &fast);
		CHECK(err == (slow ? OK : ERR_RANGE));
		CHECK(!slow || fast == slow);
		*(slow ? &possible : &impossible) += 1;
	}
	CHECK(possible > 500 && impossible > 50);
}

static void priority_does_not_depend_on_the_order_of_tasks(void)
{
	const struct supply_task swapped[] = { paper[1], paper[0] };
	uint64_t a = 0, b = 0;

	CHECK(supply_min_budget(SUPPLY_WORST_CASE, MS(20), paper, 2, &a) == OK);
	CHECK(supply_min_budget(SUPPLY_WORST_CASE, MS(20), swapped, 2, &b) == OK);
	CHECK(a == b && a > 0);
}

static void malformed_input_is_an_error(void)
{
	const struct supply_task zero = { 0, 5 }, long_task = { 6, 5 }, wide = { 1, BIT64(62) };
	const struct supply_task huge[] = { { BIT64(61), BIT64(62) - 1 }, { 1, BIT64(62) - 1 } };
	const struct supply none = { SUPPLY_FULL_BUDGET, 0, 5 },
			    over = { SUPPLY_FULL_BUDGET, 6, 5 };
	const struct supply whole = { SUPPLY_FULL_BUDGET, 5, 5 };
	uint64_t x;

	CHECK(supply_min_budget(SUPPLY_FULL_BUDGET, 5, &zero, 1, &x) == ERR_INVAL);
	CHECK(supply_min_budget(SUPPLY_FULL_BUDGET, 5, &long_task, 1, &x) == ERR_INVAL);
	CHECK(supply_min_budget(SUPPLY_FULL_BUDGET, 5, &wide, 1, &x) == ERR_RANGE);
	CHECK(supply_min_budget(SUPPLY_FULL_BUDGET, 5, paper, 0, &x) == ERR_INVAL);
	CHECK(supply_min_budget(SUPPLY_FULL_BUDGET, 0, paper, 2, &x) == ERR_INVAL);
	CHECK(supply_response(&none, paper, 2, 0, &x) == ERR_INVAL);
	CHECK(supply_response(&over, paper, 2, 0, &x) == ERR_INVAL);
	CHECK(supply_response(&whole, paper, 2, 2, &x) == ERR_INVAL);
	CHECK(supply_response(&whole, huge, 2, 1, &x) == OK && x == BIT64(61) + 1);
}

int main(void)
{
	RUN(the_papers_reservation_is_27_of_50_ms);
	RUN(the_safe_reservation_is_32_of_50_ms);
	RUN(the_paper_chose_28_which_only_the_full_budget_analysis_allows);
	RUN(supply_agrees_with_a_walk_over_ticks);
	RUN(a_window_is_the_shortest_that_holds_the_demand);
	RUN(the_least_budget_agrees_with_trying_all);
	RUN(priority_does_not_depend_on_the_order_of_tasks);
	RUN(malformed_input_is_an_error);
	return test_failed;
}
