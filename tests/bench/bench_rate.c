/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/bench/bench_rate.c - what a decision of an interrupt rate controller costs, in instructions.
 *
 * Linked with the objects that are in the image, as tests/bench/bench_cbs.c is. 64 functions with a
 * controller each see the recorded traffic of the tests, in turns, in every scheme; and a shaper of n
 * clients, all of which want more than they have, is filled, asked and charged.
 */
#include "io/irq_rate.h"
#include "io/shaper.h"
#include "tests/bench/single_step.h"
#include "tests/unit/rate_trace.h"

#define FUNCTIONS 64u
#define WINDOWS   5u /* of each function that are counted, and all that may come are among them */
#define SAMPLES   (FUNCTIONS * WINDOWS)

enum op { OP_EMPTY, OP_TICK, OP_FRAME, OP_FILL, OP_COUNT };

struct sample {
	uint32_t count;
	uint32_t steps[SAMPLES];
};

static const char *const scheme_names[] = { "fir", "cgr", "air" };
static struct irq_rate functions[FUNCTIONS];
static struct trace traces[TRACE_COUNT];
static struct shaper shaper;

/* A machine of 2 GHz whose capacity is a core; nothing else is as slow as quiet and back. */
static void begin_function(struct irq_rate *f, enum irq_rate_scheme scheme)
{
	struct irq_rate_settings s = irq_rate_defaults(scheme);

	s.capacity = 2000000000;
	s.packet_cost = 4000;
	s.interrupt_cost = 8000;
	irq_rate_init(f, &s);
}

static void play_controllers(enum irq_rate_scheme scheme)
{
	mark_begin(OP_EMPTY);
	mark_end();
	for (uint32_t kind = 0; kind < TRACE_COUNT; kind++)
		trace_make(&traces[kind], (enum trace_kind)kind, MS(10));
	for (uint32_t i = 0; i < FUNCTIONS; i++)
		begin_function(&functions[i], scheme);
	for (uint32_t w = 0; w < TRACE_SAMPLES; w++)
		for (uint32_t i = 0; i < FUNCTIONS; i++) {
			const struct irq_rate_sample *s = &traces[i % TRACE_COUNT].samples[w];
			bool is_counted = (w + i * 7) % TRACE_SAMPLES < WINDOWS;

			if (is_counted)
				mark_begin(OP_TICK);
			irq_rate_tick(&functions[i], s);
			if (is_counted)
				mark_end();
		}
	exit(0);
}

/* All are without a tuple, or have one of no common size: none stops at what another does. */
static void begin_shaper(uint32_t clients)
{
	shaper_init(&shaper, 125000000, MS(4), 0);
	for (uint32_t i = 0; i < clients; i++) {
		uint64_t usual = i % 3 ? 0 : 1000003 + i;
		struct shaper_claim c = { .bytes = { usual, usual, 2 * usual }, .priority = i % 2 };

		shaper_add(&shaper, &c);
	}
}

static void play_shaper(uint32_t clients)
{
	mark_begin(OP_EMPTY);
	mark_end();
	begin_shaper(clients);
	for (uint32_t i = 0; i < SAMPLES; i++) {
		mark_begin(OP_FRAME);
		if (shaper_is_open(&shaper, i % clients))
			shaper_take(&shaper, i % clients, 1, 1500);
		mark_end();
		for (uint32_t j = 0; j < clients; j++)
			shaper_take(&shaper, j, 10, 2000 + j * 331 * i % 100000);
		if (i % 8 == 0)
			mark_begin(OP_FILL);
		shaper_tick(&shaper, i * MS(1));
		if (i % 8 == 0)
			mark_end();
	}
	exit(0);
}

static void take(void *context, uint32_t op, uint32_t steps)
{
	struct sample *s = (struct sample *)context + op;

	if (s->count == SAMPLES)
		step_die("more samples than there is room for");
	s->steps[s->count++] = steps;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void print(const char *name, uint32_t n, struct sample *samples, enum op op)
{
	struct sample *s = &samples[op];
	uint32_t empty = samples[OP_EMPTY].steps[0];

	if (s->count == 0)
		exit(1);
	qsort(s->steps, s->count, sizeof(s->steps[0]), compare);
	printf("@{\"bench\":\"%s\",\"unit\":\"insn\",\"n_functions\":%u,\"n\":%u,\"p50\":%u,\"p99\":%u,"
	       "\"max\":%u}\n",
	       name, n, s->count, s->steps[(s->count - 1) / 2] - empty,
	       s->steps[(s->count - 1) * 99 / 100] - empty, s->steps[s->count - 1] - empty);
}

static struct sample samples[OP_COUNT];

static void measure(void (*play)(uint32_t), uint32_t n)
{
	pid_t child = step_fork();

	if (child == 0)
		play(n);
	memset(samples, 0, sizeof(samples));
	step_watch(child, OP_COUNT, take, samples);
}

static void play_scheme(uint32_t scheme)
{
	play_controllers((enum irq_rate_scheme)scheme);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (uint32_t scheme = 0; scheme < 3; scheme++) {
		char name[32];

		snprintf(name, sizeof(name), "rate.%s", scheme_names[scheme]);
		measure(play_scheme, scheme);
		print(name, FUNCTIONS, samples, OP_TICK);
	}
	for (uint32_t n = 1; n <= SHAPER_CLIENT_MAX; n *= 8) {
		measure(play_shaper, n);
		print("shaper.frame", n, samples, OP_FRAME);
		print("shaper.fill", n, samples, OP_FILL);
	}
	return 0;
}
