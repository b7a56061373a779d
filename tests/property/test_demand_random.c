/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 100,000 random sets of tasks in random reservations, simulated tick by tick: no response is longer than
 * its bound. Where the worst case is known (fixed priorities, all released when the supply is
 * furthest away) it is the bound.
 */
#include <string.h>
#include "sched/demand.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define TASK_MAX 4u
#define SET_MIN  100000u
#define HORIZON  128u
#define RUNS     2u /* of one set: the worst case that is known, and a random one */

struct job {
	uint64_t arrival, deadline, left;
	uint64_t next_release; /* of the next job */
	uint64_t next_arrival;
};

/* One run: where the budget lies in each period, and when jobs come. */
struct world {
	struct supply supply;
	struct demand demand;
	struct demand_task tasks[TASK_MAX];
	bool is_worst; /* the critical instant, at the end of the first budget */
	struct job jobs[TASK_MAX];
	uint64_t longest[TASK_MAX];
	uint64_t left, wanted; /* of this period's budget; in the period's rest */
};

static uint64_t deadline_of(const struct demand_task *t)
{
	return t->deadline ? t->deadline : t->period;
}

/* ---- Generation ---- */

static void make_task(struct demand_task *t)
{
	/* All divide 240: the guest is not busy for long. */
	static const uint8_t periods[] = { 4, 5, 6, 8, 10, 12, 15, 16, 20, 24, 30, 40, 48 };

	t->period = periods[random_below(ARRAY_SIZE(periods))];
	t->wcet = random_between(1, 1 + t->period / 5);
	t->deadline = random_below(3) == 0 ? random_between(t->wcet, t->period) : 0;
	t->jitter = random_below(3) == 0 ? random_below(t->period / 2) : 0;
}

/* False: not even a whole processor serves them. */
static bool make(struct world *w)
{
	static const uint8_t periods[] = { 2, 3, 4, 5, 6, 8, 10, 12, 15, 16 };
	const uint64_t period = periods[random_below(ARRAY_SIZE(periods))];
	uint64_t budget;

	w->demand = (struct demand){ (enum demand_policy)random_below(2), w->tasks,
				     (uint32_t)random_between(1, TASK_MAX) };
	for (uint32_t i = 0; i < w->demand.count; i++)
		make_task(&w->tasks[i]);
	if (demand_min_budget(SUPPLY_WORST_CASE, period, &w->demand, &budget) != OK)
		return false;
	if (random_below(4) == 0)
		budget = random_between(budget, period);
	w->supply = (struct supply){ SUPPLY_WORST_CASE, budget, period };
	return true;
}

/* ---- Simulation ---- */

/* `critical`: when all are released together, having arrived J before; 0: at random. */
static void begin(struct world *w, uint64_t critical)
{
	w->is_worst = critical != 0;
	for (uint32_t i = 0; i < w->demand.count; i++) {
		const struct demand_task *const t = &w->tasks[i];
		struct job *const j = &w->jobs[i];

		*j = (struct job){ .next_arrival = critical - t->jitter, .next_release = critical };
		if (w->is_worst)
			continue;
		j->next_arrival = random_below(t->period);
		j->next_release = j->next_arrival + random_below(t->jitter + 1);
	}
}

/* In the known worst case the supply comes first in one period, at the end of all others. */
static bool is_supplied(struct world *w, uint64_t now, uint64_t critical)
{
	const uint64_t phase = now % w->supply.period, rest = w->supply.period - phase;
	bool is_now;

	if (phase == 0)
		w->left = w->supply.budget;
	if (w->is_worst)
		is_now = now < critical || rest <= w->left;
	else
		is_now = random_below(rest) < w->left;
	if (!is_now || w->left == 0)
		return false;
	w->left--;
	return true;
}

static void release(struct world *w, uint32_t i, uint64_t now)
{
	const struct demand_task *const t = &w->tasks[i];
	struct job *const j = &w->jobs[i];

	if (now < j->next_release)
		return;
	CHECK(j->left == 0); /* it was due before */
	j->arrival = j->next_arrival;
	j->deadline = j->arrival + deadline_of(t);
	j->left = t->wcet;
	j->next_arrival += t->period;
	if (!w->is_worst && random_below(4) == 0)
		j->next_arrival += random_below(t->period);
	j->next_release = j->next_arrival;
	if (!w->is_worst)
		j->next_release += random_below(t->jitter + 1);
}

static bool is_before(const struct world *w, uint32_t a, uint32_t b)
{
	if (w->demand.policy == DEMAND_EDF)
		return w->jobs[a].deadline < w->jobs[b].deadline;
	return w->tasks[a].period < w->tasks[b].period;
}

static void work(struct world *w, uint64_t now)
{
	uint32_t at = TASK_MAX;

	for (uint32_t i = 0; i < w->demand.count; i++)
		if (w->jobs[i].left != 0 && (at == TASK_MAX || is_before(w, i, at)))
			at = i;
	if (at == TASK_MAX || --w->jobs[at].left != 0)
		return;
	w->longest[at] = max_u64(w->longest[at], now + 1 - w->jobs[at].arrival);
}

static void run(struct world *w, bool is_worst)
{
	/* Late enough for no task to have arrived before the beginning. */
	const uint64_t critical = is_worst ? w->supply.period * 24 + w->supply.budget : 0;

	begin(w, critical);
	for (uint64_t now = 0; now < HORIZON + critical; now++) {
		for (uint32_t i = 0; i < w->demand.count; i++)
			release(w, i, now);
		if (is_supplied(w, now, critical))
			work(w, now);
	}
}

/* ---- The test ---- */

/* Bound / worst seen of EDF's, in hundredths; fixed priorities' is 1. */
#define RATIO_MAX 400u
static uint32_t ratios[RATIO_MAX + 1];
static uint64_t edf_count, exact_count;

static void compare(struct world *w)
{
	for (uint32_t i = 0; i < w->demand.count; i++) {
		uint64_t bound = 0;

		CHECK(demand_response(&w->supply, &w->demand, i, &bound) == OK);
		CHECK(w->longest[i] != 0 && w->longest[i] <= bound);
		CHECK(bound <= deadline_of(&w->tasks[i]));
		if (w->demand.policy == DEMAND_RATE_MONOTONIC) {
			CHECK(w->longest[i] == bound);
			exact_count++;
			continue;
		}
		ratios[min_u64(bound * 100 / max_u64(w->longest[i], 1), RATIO_MAX)]++;
		edf_count++;
	}
}

static uint32_t median(void)
{
	uint64_t below = 0;
	uint32_t at = 0;

	while ((below += ratios[at]) * 2 < edf_count)
		at++;
	return at;
}

static void no_response_is_longer_than_its_bound(void)
{
	static struct world w;

	for (uint32_t n = 0; n < SET_MIN;) {
		memset(&w, 0, sizeof(w));
		if (!make(&w))
			continue;
		for (uint32_t i = 0; i < RUNS; i++)
			run(&w, i == 0);
		compare(&w);
		n++;
	}
	printf("%u sets; rate-monotonic: %llu bounds, all reached; EDF: %llu, median of bound to worst "
	       "seen %u.%02u\n",
	       SET_MIN, (unsigned long long)exact_count, (unsigned long long)edf_count,
	       median() / 100, median() % 100);
	CHECK(exact_count > SET_MIN && edf_count > SET_MIN);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(no_response_is_longer_than_its_bound);
	return test_failed;
}
