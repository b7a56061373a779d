/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/property/test_guest_rm.c - the task runner's decisions against a schedule written out
 * tick by tick, for random task sets, overloaded ones included.
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
	uint64_t period[RM_TASK_MAX], work[RM_TASK_MAX];
};

static struct problem problem;
static struct schedule expected, actual;

static void random_problem(void)
{
	problem.count = (uint32_t)random_between(1, 5);
	problem.epoch = random_below(20);
	for (uint32_t i = 0; i < problem.count; i++) {
		problem.period[i] = random_between(1, 25);
		problem.work[i] = random_between(1, 8);
	}
}

static void note(struct schedule *s, uint32_t task, uint64_t done_at, uint64_t response)
{
	s->jobs[s->count++] = (struct job){ task, done_at, response };
}

/* Oracle: every tick goes to the first task with a job released and not completed. */
static void run_tick_by_tick(struct schedule *s)
{
	uint64_t released[RM_TASK_MAX] = { 0 }, done[RM_TASK_MAX] = { 0 },
		 spent[RM_TASK_MAX] = { 0 };

	s->count = 0;
	for (uint64_t t = 0; t < TICKS; t++) {
		for (uint32_t i = 0; i < problem.count; i++)
			if (t >= problem.epoch && (t - problem.epoch) % problem.period[i] == 0)
				released[i]++;
		for (uint32_t i = 0; i < problem.count; i++) {
			if (released[i] == done[i])
				continue;
			if (++spent[i] == problem.work[i]) {
				uint64_t release = problem.epoch + done[i] * problem.period[i];

				note(s, i, t + 1, t + 1 - release);
				spent[i] = 0;
				done[i]++;
			}
			break;
		}
	}
}

/* As guests/rt/task.c does it; extra interrupts come at random and must change nothing. */
static void run_by_events(struct schedule *s)
{
	struct rm_set set = { .count = problem.count };
	uint64_t left[RM_TASK_MAX];
	uint64_t now = random_below(problem.epoch + 1);

	for (uint32_t i = 0; i < problem.count; i++) {
		set.task[i].period_tsc = problem.period[i];
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
	CHECK(rm_all_done(&set, 0));
	CHECK(!rm_all_done(&set, 1));
	rm_complete(&set, 0, 1);
	rm_complete(&set, 0, 6);
	CHECK(!rm_all_done(&set, 1));
	rm_complete(&set, 1, 7);
	CHECK(rm_all_done(&set, 1));
	CHECK(!rm_all_done(&set, 2));
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(schedule_is_that_of_the_oracle);
	RUN(a_late_job_shifts_no_later_release);
	RUN(ends_when_every_task_has_done_its_jobs);
	return test_failed;
}
