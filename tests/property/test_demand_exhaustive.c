/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paper's tasks {(30, 150), (50, 200)} ms in (Q, 50) ms, in steps of 1 ms: every offset of their
 * releases to each other and to the periods of the supply, and every way to place Q of 50 ms in each
 * period, also where nobody wants it. Nothing is sampled.
 *
 * Offsets: all periods are multiples of 50, and (150, 0) is a shift by one hyperperiod of the first and
 * the supply: those below 50 for each stand for all. Placements: at each step the adversary supplies or does not, as
 * long as what is left fits the rest of the period. For the same time and the same left, more work
 * left is worse, by fixed priorities: only the worst states are followed.
 */
#include <stdlib.h>
#include <string.h>
#include "sched/demand.h"
#include "tests/test.h"

#define P     50u
#define T1    150u
#define C1    30u
#define T2    200u
#define C2    50u
#define HYPER 600u

/* For each rest of the first task the largest of the second, plus 1; 0: cannot be. */
struct states {
	uint8_t second[C1 + 1];
};

struct search {
	uint32_t budget, offset[2];
	struct states now[P + 1], next[P + 1]; /* by what is left of the budget */
	bool has_missed;
};

static void add(struct states *s, uint32_t first, uint32_t second)
{
	/* A state that is no worse than another needs no following. */
	for (uint32_t i = first; i <= C1; i++)
		if (s->second[i] > second)
			return;
	s->second[first] = (uint8_t)(second + 1);
}

static bool is_release(uint32_t now, uint32_t offset, uint32_t period)
{
	return now >= offset && (now - offset) % period == 0;
}

/* Released at `now`: what is left of the job before has missed its deadline. */
static void release(struct search *s, uint32_t now)
{
	const bool first = is_release(now, s->offset[0], T1),
		   second = is_release(now, s->offset[1], T2);

	if (!first && !second)
		return;
	for (uint32_t left = 0; left <= s->budget; left++) {
		const struct states old = s->now[left];

		memset(&s->now[left], 0, sizeof(old));
		for (uint32_t i = 0; i <= C1; i++) {
			if (old.second[i] == 0)
				continue;
			s->has_missed |= (first && i != 0) || (second && old.second[i] != 1);
			add(&s->now[left], first ? C1 : i, second ? C2 : old.second[i] - 1u);
		}
	}
}

static void spread(struct search *s, uint32_t now, uint32_t left, uint32_t i, uint32_t second)
{
	const uint32_t rest = P - now % P;

	if (left < rest)
		add(&s->next[left], i, second);
	if (left > 0)
		add(&s->next[left - 1], i != 0 ? i - 1 : 0,
		    i == 0 && second != 0 ? second - 1 : second);
}

static void step(struct search *s, uint32_t now)
{
	const uint32_t gone = now % P;

	release(s, now);
	memset(s->next, 0, sizeof(s->next));
	for (uint32_t left = s->budget - (s->budget < gone ? s->budget : gone);
	     left <= s->budget && left <= P - gone; left++)
		for (uint32_t i = 0; i <= C1; i++)
			if (s->now[left].second[i] != 0)
				spread(s, now, left, i, s->now[left].second[i] - 1u);
	memcpy(s->now, s->next, sizeof(s->now));
	if ((now + 1) % P == 0) { /* all of it was given */
		s->now[s->budget] = s->now[0];
		memset(&s->now[0], 0, sizeof(s->now[0]));
	}
}

/* Until a miss, or until a hyperperiod ends as it began: what follows was seen. */
static bool misses(uint32_t budget, uint32_t first, uint32_t second)
{
	static struct search s;
	struct states before[P + 1];
	uint32_t now = 0;

	memset(&s, 0, sizeof(s));
	s.budget = budget;
	s.offset[0] = first;
	s.offset[1] = second;
	add(&s.now[budget], 0, 0);
	do {
		memcpy(before, s.now, sizeof(before));
		for (uint32_t i = 0; i < HYPER && !s.has_missed; i++)
			step(&s, now++);
	} while (!s.has_missed && memcmp(before, s.now, sizeof(before)) != 0);
	return s.has_missed;
}

static bool misses_at_some_offset(uint32_t budget, uint32_t grid)
{
	for (uint32_t first = 0; first < P; first += grid)
		for (uint32_t second = 0; second < P; second += grid)
			if (misses(budget, first, second))
				return true;
	return false;
}

static uint32_t least_by_analysis(enum supply_kind kind)
{
	const struct demand_task tasks[] = { { C1, T1, 0, 0 }, { C2, T2, 0, 0 } };
	const struct demand d = { DEMAND_RATE_MONOTONIC, tasks, 2 };
	uint64_t budget = 0;

	CHECK(demand_min_budget(kind, P, &d, &budget) == OK);
	return (uint32_t)budget;
}

static void the_worst_case_answer_is_never_missed(void)
{
	const uint32_t least = least_by_analysis(SUPPLY_WORST_CASE);

	CHECK(least == 32);
	CHECK(!misses_at_some_offset(least, 1));
	for (uint32_t budget = least + 1; budget <= P;
	     budget++) /* more never hurts: a coarser look */
		CHECK(!misses_at_some_offset(budget, 7));
}

static void with_less_there_is_a_witness(void)
{
	for (uint32_t budget = 1; budget < least_by_analysis(SUPPLY_WORST_CASE); budget++)
		CHECK(misses_at_some_offset(budget, 1));
}

/* The guest is idle, then all is released at once, with a full budget and a deadline P away. */
static bool misses_from_idle(uint32_t budget)
{
	uint32_t left[2] = { C1, C2 };

	for (uint32_t now = 0; now < T2; now++) {
		if (now == T1) {
			if (left[0] != 0)
				return true;
			left[0] = C1;
		}
		if (now % P < P - budget) /* the budget as late as can be */
			continue;
		if (left[0] != 0)
			left[0]--;
		else if (left[1] != 0)
			left[1]--;
	}
	return left[1] != 0;
}

static void the_papers_answer_holds_from_idle_only(void)
{
	const uint32_t least = least_by_analysis(SUPPLY_FULL_BUDGET);

	CHECK(least == 27);
	CHECK(!misses_from_idle(least) && misses_from_idle(least - 1));
	CHECK(misses_at_some_offset(least, 1));
}

int main(void)
{
	RUN(the_worst_case_answer_is_never_missed);
	RUN(with_less_there_is_a_witness);
	RUN(the_papers_answer_holds_from_idle_only);
	return test_failed;
}
