/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/supply.h"
#include "tests/test.h"

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

int main(void)
{
	RUN(supply_agrees_with_a_walk_over_ticks);
	RUN(a_window_is_the_shortest_that_holds_the_demand);
	return test_failed;
}
