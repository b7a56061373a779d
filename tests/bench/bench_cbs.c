/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/bench/bench_cbs.c - what a scheduling decision costs, in instructions, against n.
 *
 * Linked with the very object that is in the image. A child process plays a core with n
 * backlogged servers; the parent single-steps it from one marker to the next and counts: no
 * counter in the code under test, no clock, and the same numbers every time. The call itself
 * and its arguments count; an empty pair of markers does not.
 *	decision   cbs_charge() of what ran, then cbs_pick(), as at the end of every run
 *	wake       cbs_wake() of one that slept, in turns past and before its deadline
 *	block      cbs_block() of one, wherever in its tree it is
 * Prints one line for machines per operation and n.
 */
#include "sched/cbs.h"
#include "tests/bench/single_step.h"

#define DECISIONS 300u
#define WARM_UP   200u
#define SLEEPS    100u

enum op { OP_EMPTY, OP_DECISION, OP_WAKE, OP_BLOCK, OP_COUNT };

static const char *const op_names[OP_COUNT] = { "empty", "decision", "wake", "block" };

struct sample {
	uint32_t count;
	uint32_t steps[DECISIONS];
};

/* --- the child ---------------------------------------------------------------------------- */

static struct cbs cbs;
static uint64_t now;
static struct cbs_pick pick;

static void run_to_next_decision(uint32_t is_marked)
{
	uint64_t used = pick.until_tsc - now;
	uint32_t ran = pick.server;

	now = pick.until_tsc;
	if (is_marked)
		mark_begin(OP_DECISION);
	if (ran != CBS_NONE)
		cbs_charge(&cbs, ran, used);
	pick = cbs_pick(&cbs, now);
	if (is_marked)
		mark_end();
}

static void sleep_and_wake(uint32_t server, uint64_t ticks)
{
	uint64_t until = now + ticks;

	mark_begin(OP_BLOCK);
	cbs_block(&cbs, server);
	mark_end();
	pick = cbs_pick(&cbs, now);
	while (now < until)
		run_to_next_decision(0);
	mark_begin(OP_WAKE);
	cbs_wake(&cbs, server, now);
	mark_end();
	pick = cbs_pick(&cbs, now);
}

/* n servers, 0.95 of the core in all; periods of no common rhythm. */
static void play(uint32_t server_count)
{
	cbs_init(&cbs);
	now = 0;
	for (uint32_t i = 0; i < server_count; i++) {
		uint64_t period = server_count * (10007 + i * 7919 % 20011);
		uint32_t server;

		if (cbs_add_reservation(&cbs, period * 95 / (100 * server_count), period,
					&server) != OK)
			exit(1);
		cbs_wake(&cbs, server, now);
	}
	mark_begin(OP_EMPTY);
	mark_end();
	pick = cbs_pick(&cbs, now);
	for (uint32_t i = 0; i < WARM_UP; i++)
		run_to_next_decision(0);
	for (uint32_t i = 0; i < DECISIONS; i++)
		run_to_next_decision(1);
	for (uint32_t i = 0; i < SLEEPS; i++)
		sleep_and_wake(i * 5 % server_count, i % 2 ? 100 : server_count * 40000);
	exit(0);
}

/* --- the parent --------------------------------------------------------------------------- */

static void take(void *context, uint32_t op, uint32_t steps)
{
	struct sample *s = (struct sample *)context + op;

	if (s->count == DECISIONS)
		step_die("more samples than there is room for");
	s->steps[s->count++] = steps;
}

static void measure(uint32_t server_count, struct sample *samples)
{
	pid_t child = step_fork();

	if (child == 0)
		play(server_count);
	step_watch(child, OP_COUNT, take, samples);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void print(uint32_t server_count, enum op op, struct sample *s, uint32_t empty)
{
	if (s->count == 0)
		exit(1);
	qsort(s->steps, s->count, sizeof(s->steps[0]), compare);
	printf("@{\"bench\":\"sched.%s\",\"unit\":\"insn\",\"n_servers\":%u,\"n\":%u,\"p50\":%u,"
	       "\"p99\":%u,\"max\":%u}\n",
	       op_names[op], server_count, s->count, s->steps[(s->count - 1) / 2] - empty,
	       s->steps[(s->count - 1) * 99 / 100] - empty, s->steps[s->count - 1] - empty);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (uint32_t server_count = 2; server_count <= CBS_SERVER_MAX; server_count *= 2) {
		struct sample samples[OP_COUNT] = { 0 };

		measure(server_count, samples);
		for (enum op op = OP_DECISION; op < OP_COUNT; op++)
			print(server_count, op, &samples[op], samples[OP_EMPTY].steps[0]);
	}
	return 0;
}
