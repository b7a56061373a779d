/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/bench/bench_bfq.c - what BFQ costs for a request, in instructions and in time, against n.
 *
 * Linked with the very objects that are in the image (build/tool/bench_bfq, up to as many clients as
 * the image has), or with the same sources and flags and room for 1024 (build/tool/bench_bfq_many).
 * All clients are backlogged with 4 KiB requests; each request is taken out, is complete, and is
 * added again:
 *	stream   budgets of 8 MiB: nearly every request is one of a turn that goes on
 *	small    budgets of 32 KiB, the least that they shrink to: 8 requests are a turn
 *	turns    budgets of 4 KiB: every request is a turn of its own; the most work that there is
 *	alone    one client with one request at a time, and nobody waits for it
 *	queues   as turns, and each client has 8 virtqueues: two levels
 * Instructions: the parent single-steps a child from marker to marker: tests/bench/single_step.h.
 * Time: a million requests. Prints one line for machines for each scenario, n and operation
 * (add, next, done; request is their sum).
 */
#include <time.h>
#include "io/iosched_state.h"
#include "tests/bench/single_step.h"

#define SAMPLES     200u
#define WARM_UP     3000u
#define BACKLOG     3u /* requests of each queue */
#define TIMED       1000000u
#define REQUEST_MAX (IOSCHED_CLIENT_MAX * BACKLOG * (IOSCHED_CLIENT_MAX > 32 ? 1 : 8))

enum op { OP_EMPTY, OP_ADD, OP_NEXT, OP_DONE, OP_REQUEST, OP_COUNT };
enum scenario { ALONE, STREAM, SMALL, TURNS, QUEUES, SCENARIO_COUNT };

static const char *const op_names[OP_COUNT] = { "empty", "add", "next", "done", "request" };
static const char *const scenario_names[SCENARIO_COUNT] = { "alone", "stream", "small", "turns",
							    "queues" };

static struct iosched sched;
static struct iosched_client_config clients[IOSCHED_CLIENT_MAX];
static struct block_request requests[REQUEST_MAX];
static uint64_t now = 1, again;

static void set_up(enum scenario scenario, uint32_t client_count)
{
	static const uint64_t budgets[SCENARIO_COUNT] = { MIB(8), MIB(8), KIB(32), KIB(4), KIB(4) };
	uint32_t queue_count = scenario == QUEUES ? 8 : 1, used = 0;
	struct iosched_config config = { .kind = IOSCHED_BFQ,
					 .client_count = client_count,
					 .clients = clients,
					 .depth = 1,
					 .max_budget_bytes = budgets[scenario],
					 .slice_idle_tsc = scenario == ALONE ? 0 : 1000,
					 .timeout_tsc = TSC_NEVER / 2 };

	for (uint32_t i = 0; i < client_count; i++) {
		clients[i].weight = 1 + i * 7 % 10;
		clients[i].queue_count = queue_count;
		for (uint32_t q = 0; q < queue_count; q++)
			clients[i].queue_weights[q] = 1 + q;
	}
	if (iosched_init(&sched, &config) != OK)
		exit(1);
	for (uint32_t b = 0; b < (scenario == ALONE ? 1 : BACKLOG); b++) {
		for (uint32_t i = 0; i < client_count * queue_count; i++) {
			struct block_request *r = &requests[used++];

			*r = (struct block_request){ .client = (uint16_t)(i / queue_count),
						     .queue = (uint16_t)(i % queue_count),
						     .sector = 8 * used,
						     .sector_count = 8 };
			iosched_add(&sched, r, now++);
		}
	}
}

/* --- time --------------------------------------------------------------------------------- */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void measure_time(enum scenario scenario, uint32_t client_count)
{
	double began, best = 1e9;

	set_up(scenario, client_count);
	for (uint32_t part = 0; part < 5; part++) {
		began = seconds();
		for (uint32_t i = 0; i < TIMED / 5; i++) {
			struct block_request *r = iosched_next(&sched, now++, &again);

			if (!r)
				exit(1);
			iosched_done(&sched, r, now);
			iosched_add(&sched, r, now);
		}
		began = seconds() - began;
		best = began < best ? began : best;
	}
	printf("@{\"bench\":\"bfq.%s.request\",\"unit\":\"ns\",\"n_clients\":%u,\"n\":%u,"
	       "\"best_of_5\":%.1f}\n",
	       scenario_names[scenario], client_count, TIMED, best * 1e9 / (TIMED / 5));
}

/* --- instructions: the child -------------------------------------------------------------- */

static void play(enum scenario scenario, uint32_t client_count)
{
	struct block_request *r;

	set_up(scenario, client_count);
	mark_begin(OP_EMPTY);
	mark_end();
	for (uint32_t i = 0; i < WARM_UP; i++) {
		r = iosched_next(&sched, now++, &again);
		iosched_done(&sched, r, now);
		iosched_add(&sched, r, now);
	}
	for (uint32_t i = 0; i < SAMPLES; i++) {
		mark_begin(OP_NEXT);
		r = iosched_next(&sched, now++, &again);
		mark_end();
		mark_begin(OP_DONE);
		iosched_done(&sched, r, now);
		mark_end();
		mark_begin(OP_ADD);
		iosched_add(&sched, r, now);
		mark_end();
	}
	exit(0);
}

/* --- the parent --------------------------------------------------------------------------- */

struct sample {
	uint32_t count, sum;
	uint32_t steps[SAMPLES];
};

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void print(enum scenario scenario, uint32_t client_count, enum op op, struct sample *s)
{
	qsort(s->steps, s->count, sizeof(s->steps[0]), compare);
	printf("@{\"bench\":\"bfq.%s.%s\",\"unit\":\"insn\",\"n_clients\":%u,\"n\":%u,"
	       "\"mean\":%.1f,\"p50\":%u,\"p99\":%u,\"max\":%u}\n",
	       scenario_names[scenario], op_names[op], client_count, s->count,
	       (double)s->sum / s->count, s->steps[(s->count - 1) / 2],
	       s->steps[(s->count - 1) * 99 / 100], s->steps[s->count - 1]);
}

static void take(void *context, uint32_t op, uint32_t steps)
{
	struct sample *samples = context, *s = &samples[op];

	if (s->count == SAMPLES)
		step_die("more samples than there is room for");
	s->steps[s->count] = steps - samples[OP_EMPTY].steps[0];
	s->sum += s->steps[s->count++];
}

static void measure_steps(enum scenario scenario, uint32_t client_count)
{
	struct sample samples[OP_COUNT] = { 0 };
	pid_t child = step_fork();

	if (child == 0)
		play(scenario, client_count);
	step_watch(child, OP_REQUEST, take, samples);
	for (uint32_t i = 0; i < SAMPLES; i++) {
		struct sample *s = &samples[OP_REQUEST];

		for (enum op op = OP_ADD; op < OP_REQUEST; op++)
			s->steps[i] += samples[op].steps[i];
		s->sum += s->steps[i];
		s->count++;
	}
	for (enum op op = OP_ADD; op < OP_COUNT; op++)
		print(scenario, client_count, op, &samples[op]);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	measure_steps(ALONE, 1);
	measure_time(ALONE, 1);
	for (enum scenario s = STREAM; s < SCENARIO_COUNT; s++) {
		for (uint32_t n = 2; n <= IOSCHED_CLIENT_MAX; n *= 2) {
			if (s == QUEUES && n > 32)
				continue;
			measure_steps(s, n);
			measure_time(s, n);
		}
	}
	return 0;
}
