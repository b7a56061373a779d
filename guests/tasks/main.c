/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/tasks/main.c - a periodic task set, and its response times.
 *
 * Arguments
 *   tasks=NAME:WORK:PERIOD[:OFFSET[:JITTER]],..  ms, up to three decimals; by rate-monotonic priority, or
 *   policy=edf	  by deadlines: guests/rt/rm.h
 *   round=MS	  everything begins anew so often: with a round that is longer than a hyperperiod, tasks
 *		  walk along whatever else has a period
 *   busy=1	  computes where it would sleep
 *   jobs=N	  ends after N jobs of every task and reports the first N of each; with rounds, those of
 *		  N rounds; 0 (the default): runs until the hypervisor's run limit
 *   epoch=MS	  TSC time of the first releases, 100 by default. Missed (a late start): moved
 *		  by whole hyperperiods, which keeps the phase against other partitions
 *   common=1	  the epoch is that of the first partition's TSC: for several that are to meet
 *   report=full  every response, too
 *   say=S	  a line for people at most every S seconds, from idle time
 *   clock=rounds  work is that of a clock that counts instructions, and responses are measured in
 *		  rounds of a second CPU, which has a core of its own: guests/rt/work.h
 */
#include <stdio.h>
#include <stdlib.h>
#include "guests/rt/args.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/smp.h"
#include "guests/rt/stats.h"
#include "guests/rt/task.h"
#include "guests/rt/ticks.h"
#include "guests/rt/work.h"
#include "guests/tasks/taskset.h"

#define DEFAULT_EPOCH_MS 100u
#define US_PER_MS        1000u
#define RESPONSES_A_LINE 16u
#define START_MARGIN_US  1000u /* between the choice of the epoch and the first release */

static struct taskset set;
static struct task tasks[RM_TASK_MAX];
static uint64_t say_every_tsc;

static uint64_t hz(void)
{
	return guest_info()->tsc_hz;
}

static void print_us(const char *before, uint64_t ticks)
{
	uint64_t tenths = ticks_to_tenth_us(ticks, hz());

	printf("%s%lu.%lu", before, tenths / 10, tenths % 10);
}

static void report_task(const struct taskset_entry *e, struct task *t)
{
	const uint64_t jobs = t->jobs;

	stats_sort(t->responses, jobs);
	printf("@{\"task\":\"%s\",\"period_us\":%lu,\"n\":%lu", e->name, e->period_us, jobs);
	print_us(",\"p50_us\":", stats_percentile(t->responses, jobs, 50));
	print_us(",\"p99_us\":", stats_percentile(t->responses, jobs, 99));
	print_us(",\"max_us\":", t->responses[jobs - 1]);
	printf(",\"misses\":%lu}\n", t->misses);
}

static void report_responses(const struct taskset_entry *e, const struct task *t)
{
	const uint64_t jobs = t->jobs;

	for (uint64_t first = 0; first < jobs; first += RESPONSES_A_LINE) {
		printf("@{\"task\":\"%s\",\"first\":%lu,\"responses_us\":", e->name, first);
		for (uint64_t k = first; k < jobs && k < first + RESPONSES_A_LINE; k++)
			print_us(k == first ? "[" : ",", t->responses[k]);
		printf("]}\n");
	}
}

/* The only place that prints while tasks run: idle context, so it delays none of them. */
static void say_progress(void)
{
	static uint64_t next;
	uint64_t now = cpu_rdtsc();

	if (!say_every_tsc || now < next)
		return;
	next = now + say_every_tsc;
	for (uint32_t i = 0; i < set.count; i++)
		printf("%s: %lu jobs, %lu misses%s", set.entry[i].name, tasks[i].done,
		       tasks[i].misses, i + 1 < set.count ? "; " : "\n");
}

static uint64_t choose_epoch(void)
{
	uint64_t wish_us = args_number(guest_info()->args, "epoch", DEFAULT_EPOCH_MS) * US_PER_MS;
	uint64_t now_us = ticks_to_tenth_us(cpu_rdtsc(), hz()) / 10;

	if (args_number(guest_info()->args, "common", 0) && wish_us > guest_info()->start_us)
		wish_us -= guest_info()->start_us;
	return ticks_from_us(taskset_epoch_us(&set, wish_us, now_us + START_MARGIN_US), hz());
}

static bool counts_rounds(void)
{
	return args_is(guest_info()->args, "clock", "rounds");
}

static uint64_t loops_for(uint64_t work_us)
{
	const uint64_t ticks = ticks_from_us(work_us, hz());

	return counts_rounds() ? ticks / WORK_LOOP_INSNS : work_loops_for(ticks);
}

/* In us; SIZE_MAX: there is a task that has no room in it, or it does not parse. */
static uint64_t round_us(void)
{
	char text[32];
	const char *at = text;
	uint64_t us;

	if (!args_find(guest_info()->args, "round", text, sizeof(text)))
		return 0;
	if (!taskset_parse_ms(&at, &us) || *at != '\0')
		return SIZE_MAX;
	for (uint32_t i = 0; i < set.count; i++)
		if (us < set.entry[i].period_us)
			return SIZE_MAX;
	return us;
}

static const char *prepare(uint64_t jobs)
{
	char text[GUEST_ARGS_BYTES];
	const char *why;

	if (!args_find(guest_info()->args, "tasks", text, sizeof(text)))
		return "no tasks= among the arguments";
	why = taskset_parse(text, &set);
	if (why)
		return why;
	if (round_us() == SIZE_MAX)
		return "a round is a number of ms, and has room for a period of each task";
	work_calibrate();
	for (uint32_t i = 0; i < set.count; i++) {
		const struct taskset_entry *e = &set.entry[i];

		tasks[i].period_tsc = ticks_from_us(e->period_us, hz());
		tasks[i].offset_tsc = ticks_from_us(e->offset_us, hz());
		tasks[i].jitter_tsc = ticks_from_us(e->jitter_us, hz());
		tasks[i].job = work_loops;
		tasks[i].arg = loops_for(e->work_us);
		tasks[i].jobs = jobs * (round_us() ? round_us() / e->period_us : 1);
		tasks[i].responses = malloc((jobs ? tasks[i].jobs : 1) * sizeof(uint64_t));
		if (!tasks[i].responses)
			return "no memory for so many responses";
	}
	if (counts_rounds() && (smp_cpu_count() < 2 || !smp_start(1, work_count_rounds)))
		return "clock=rounds takes a second CPU";
	return NULL;
}

int main(void)
{
	const char *args = guest_info()->args;
	uint64_t jobs = args_number(args, "jobs", 0);
	const char *why = prepare(jobs);

	if (why) {
		printf("tasks: %s\n", why);
		return EXIT_FAILURE;
	}
	say_every_tsc = args_number(args, "say", 0) * hz();
	if (!task_run(&(struct task_run){
		    .tasks = tasks,
		    .count = set.count,
		    .epoch_tsc = choose_epoch(),
		    .idle = say_progress,
		    .rounds = counts_rounds() ? &work_rounds : NULL,
		    .policy = args_is(args, "policy", "edf") ? RM_EDF : RM_FIXED,
		    .round_tsc = ticks_from_us(round_us(), hz()),
		    .is_busy = args_number(args, "busy", 0) != 0,
	    })) {
		printf("tasks: no memory for the stacks\n");
		return EXIT_FAILURE;
	}
	for (uint32_t i = 0; i < set.count; i++) {
		if (args_is(args, "report", "full"))
			report_responses(&set.entry[i], &tasks[i]);
		report_task(&set.entry[i], &tasks[i]);
	}
	return EXIT_SUCCESS;
}
