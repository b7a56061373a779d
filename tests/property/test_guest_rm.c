/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/property/test_guest_rm.c - the task runner's decisions against a schedule written out
 * tick by tick, for random task sets, overloaded ones included: both policies, offsets, jitter, rounds.
 */
#include <string.h>
#include "guests/rt/rm.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define TICKS    400u
#define SETS     5000u
#define JOBS_MAX TICKS /* a job takes a tick at least */

struct job {
	uint32_t task;
	uint64_t done_at, response;
};

struct schedule {
	struct job jobs[JOBS_MAX];
	uint32_t count;
};

struct problem {
	uint32_t count;
	uint64_t epoch;
	uint64_t period[RM_TASK_MAX], work[RM_TASK_MAX], offset[RM_TASK_MAX], jitter[RM_TASK_MAX];
	enum rm_policy policy;
	uint64_t round;
};

static struct problem problem;
static struct schedule expected, actual;

static void random_problem(void)
{
	problem.count = (uint32_t)random_between(1, 5);
	problem.epoch = random_below(20);
	problem.policy = random_below(2) ? RM_EDF : RM_FIXED;
	problem.round = random_below(2) ? 25 + random_below(60) : 0;
	for (uint32_t i = 0; i < problem.count; i++) {
		problem.period[i] = random_between(1, 25);
		problem.work[i] = random_between(1, 8);
		problem.offset[i] = random_below(2) ? random_below(30) : 0;
		problem.jitter[i] = random_below(2) ? random_below(10) : 0;
	}
}

static uint64_t arrival_of(uint32_t i, uint64_t job)
{
	const uint64_t each = problem.round ? problem.round / problem.period[i] : UINT64_MAX;

	return problem.epoch + job / each * problem.round + problem.offset[i] +
	       job % each * problem.period[i];
}

static bool begins_round(uint32_t i, uint64_t job)
{
	return problem.round ? job % (problem.round / problem.period[i]) == 0 : job == 0;
}

/* Of those with a job that is released and not completed. */
static uint32_t first_at(uint64_t now, const uint64_t *done)
{
	uint32_t first = RM_IDLE;

	for (uint32_t i = 0; i < problem.count; i++) {
		const uint64_t at = arrival_of(i, done[i]);

		if (at + (begins_round(i, done[i]) ? problem.jitter[i] : 0) > now)
			continue;
		if (first == RM_IDLE || (problem.policy == RM_EDF &&
					 at + problem.period[i] < arrival_of(first, done[first]) +
									  problem.period[first]))
			first = i;
	}
	return first;
}

static void note(struct schedule *s, uint32_t task, uint64_t done_at, uint64_t response)
{
	s->jobs[s->count++] = (struct job){ task, done_at, response };
}

/* Oracle: every tick goes to the first one in order. */
static void run_tick_by_tick(struct schedule *s)
{
	uint64_t done[RM_TASK_MAX] = { 0 }, spent[RM_TASK_MAX] = { 0 };

	s->count = 0;
	for (uint64_t t = 0; t < TICKS; t++) {
		const uint32_t i = first_at(t, done);

		if (i == RM_IDLE || ++spent[i] < problem.work[i])
			continue;
		note(s, i, t + 1, t + 1 - arrival_of(i, done[i]));
		spent[i] = 0;
		done[i]++;
	}
}

/* As guests/rt/task.c does it; extra interrupts come at random and must change nothing. */
static void run_by_events(struct schedule *s)
{
	struct rm_set set = { .count = problem.count,
			      .policy = problem.policy,
			      .round_tsc = problem.round };
	uint64_t left[RM_TASK_MAX];
	uint64_t now = random_below(problem.epoch + 1);

	for (uint32_t i = 0; i < problem.count; i++) {
		set.task[i].period_tsc = problem.period[i];
		set.task[i].offset_tsc = problem.offset[i];
		set.task[i].jitter_tsc = problem.jitter[i];
		left[i] = problem.work[i];
	}
	rm_start(&set, problem.epoch);
	s->count = 0;
	while (now < TICKS) {
		struct rm_pick p = rm_pick(&set, now);
		uint64_t until = p.until_tsc < TICKS ? p.until_tsc : TICKS;

		CHECK(p.until_tsc > now);
		if (p.until_tsc <= now)
			return; /* it would go on for ever */
		if (random_below(4) == 0)
			until = random_between(now, until);
		if (p.task == RM_IDLE) {
			now = until;
			continue;
		}
		if (now + left[p.task] < until)
			until = now + left[p.task];
		left[p.task] -= until - now;
		now = until;
		if (left[p.task] == 0) {
			note(s, p.task, now, rm_complete(&set, p.task, now));
			left[p.task] = problem.work[p.task];
		}
	}
}

static void schedule_is_that_of_the_oracle(void)
{
	for (uint32_t i = 0; i < SETS; i++) {
		random_problem();
		run_tick_by_tick(&expected);
		run_by_events(&actual);
		CHECK(actual.count == expected.count);
		CHECK(memcmp(actual.jobs, expected.jobs, expected.count * sizeof(struct job)) == 0);
	}
}

static void a_late_job_shifts_no_later_release(void)
{
	struct rm_set set = { .count = 1, .task = { { .period_tsc = 10 } } };

	rm_start(&set, 100);
	CHECK(rm_complete(&set, 0, 135) == 35);
	CHECK(rm_complete(&set, 0, 136) == 26);
	CHECK(rm_complete(&set, 0, 137) == 17);
	CHECK(rm_complete(&set, 0, 138) == 8);
	CHECK(rm_pick(&set, 139).task == RM_IDLE);
	CHECK(rm_pick(&set, 139).until_tsc == 140);
	CHECK(rm_pick(&set, 140).task == 0);
}

static void ends_when_every_task_has_done_its_jobs(void)
{
	struct rm_set set = { .count = 2, .task = { { .period_tsc = 5 }, { .period_tsc = 7 } } };

	rm_start(&set, 0);
	CHECK(rm_all_done(&set));
	set.task[0].wanted = 2;
	set.task[1].wanted = 1;
	CHECK(!rm_all_done(&set));
	rm_complete(&set, 0, 1);
	rm_complete(&set, 0, 6);
	CHECK(!rm_all_done(&set));
	rm_complete(&set, 1, 7);
	CHECK(rm_all_done(&set));
	set.task[1].wanted = 2;
	CHECK(!rm_all_done(&set));
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(schedule_is_that_of_the_oracle);
	RUN(a_late_job_shifts_no_later_release);
	RUN(ends_when_every_task_has_done_its_jobs);
	return test_failed;
}
