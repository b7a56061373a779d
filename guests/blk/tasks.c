/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks that each have one request under way, as fio's rate_iops with a synchronous engine: request k is
 * due at t0 + k / iops, and is sent then, or when the one before has come back. Who was served slowly
 * catches up. A request's time is from its sending to its coming back: what it was sent late is
 * no part of it.
 *
 * Task j has the virtqueue j. Where it begins in its first period, where it reads and writes, and which of
 * both, follows from the seed and the number of its stream of random numbers: the same that
 * tools/sim/ draws for it, so that both have the same requests. All times are kept: a percentile
 * is one of them.
 *
 * Source  SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators").
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "guests/blk/modes.h"
#include "guests/rt/apic.h"
#include "guests/rt/args.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/stats.h"

#define TASKS_TEXT_MAX 64u
#define IOPS_MAX       1000000u
#define BUFFER_ALIGN   4096u
#define MS_PER_S       1000u
#define NS_PER_S       UINT64_C(1000000000)
#define PERCENT        100u
#define OVER_MS        50u
#define SETTLE_MS      300u /* others may still be at it: what comes afterwards is computation */

struct task {
	struct request *r;
	uint32_t queue, iops;
	uint64_t t0_tsc, due_tsc, random;
	uint64_t *times; /* [0, done) */
	uint64_t sent, done, writes, errors, room;
	uint64_t over, over_tsc; /* those that took longer than over_ms, when the first came back */
	bool is_away;            /* its request is under way */
};

static struct tasks {
	struct device *d;
	uint64_t tsc_hz, blocks, seconds, start_tsc, end_tsc, progress_tsc;
	uint64_t over_ticks;
	uint32_t bytes, write_percent, count;
	struct task tasks[DEVICE_QUEUE_MAX];
} tasks;

static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t stream(uint64_t seed, uint64_t number)
{
	uint64_t state = seed;

	state = draw(&state) ^ number;
	return draw(&state);
}

/* "100,500,1500": how many there are; 0: not so. */
static uint32_t parse(const char *args, uint32_t *iops)
{
	char text[TASKS_TEXT_MAX];
	const char *p = text;
	uint32_t n = 0;
	uint64_t value;

	if (!args_find(args, "tasks", text, sizeof(text)))
		return 0;
	while (n < DEVICE_QUEUE_MAX && args_digits(&p, IOPS_MAX, &value) && value) {
		iops[n++] = (uint32_t)value;
		if (!*p)
			return n;
		if (*p++ != ',')
			break;
	}
	return 0;
}

uint32_t modes_task_count(const char *args)
{
	uint32_t iops[DEVICE_QUEUE_MAX];

	return parse(args, iops);
}

/* --- setting up ------------------------------------------------------------------------------------ */

static uint64_t due(const struct tasks *s, const struct task *t, uint64_t k)
{
	return t->t0_tsc + k * s->tsc_hz / t->iops;
}

static bool make_task(struct tasks *s, uint32_t index, uint32_t iops, uint64_t random, void *buffer)
{
	struct task *t = &s->tasks[index];
	uint64_t phase_ns;

	*t = (struct task){ .queue = index, .iops = iops, .random = random };
	phase_ns = (uint64_t)((unsigned __int128)draw(&t->random) * (NS_PER_S / iops + 1) >> 64);
	t->t0_tsc = s->start_tsc + phase_ns * (s->tsc_hz / 1000) / (NS_PER_S / 1000);
	t->due_tsc = t->t0_tsc;
	t->room = s->seconds * iops; /* no more are due in that time */
	t->times = malloc(t->room * sizeof(t->times[0]));
	t->r = modes_new_request();
	return t->times && t->r && modes_set_data(t->r, buffer, s->bytes, s->bytes);
}

static bool complain(const char *what)
{
	printf("blk: %s\n", what);
	return false;
}

static bool set_up(struct tasks *s, struct device *d, const char *args)
{
	const uint64_t seed = args_number(args, "seed", 1), first = args_number(args, "stream", 0);
	uint32_t iops[DEVICE_QUEUE_MAX];
	void *buffer;

	s->d = d;
	s->tsc_hz = guest_info()->tsc_hz;
	s->bytes = (uint32_t)args_number(args, "bytes", 4096);
	s->write_percent = (uint32_t)args_number(args, "write", 50);
	s->over_ticks = device_ticks_from_ms(args_number(args, "over_ms", OVER_MS));
	s->seconds = args_number(args, "seconds", 10);
	s->start_tsc = device_ticks_from_ms(args_number(args, "start_ms", 0));
	s->end_tsc = s->start_tsc + device_ticks_from_ms(s->seconds * MS_PER_S);
	s->count = parse(args, iops);
	if (!s->count)
		return complain("tasks=IOPS,IOPS,.. is missing, or makes no sense");
	if (s->count > d->queue_count)
		return complain("more tasks than virtqueues");
	if (s->bytes < SECTOR_BYTES || s->bytes % SECTOR_BYTES || s->bytes > d->facts.size_max ||
	    d->facts.sector_count * SECTOR_BYTES < s->bytes)
		return complain("impossible bytes");
	s->blocks = d->facts.sector_count * SECTOR_BYTES / s->bytes;
	buffer = memalign(BUFFER_ALIGN, s->bytes);
	if (!buffer)
		return complain("not enough memory");
	memset(buffer, 0x5a, s->bytes);
	for (uint32_t i = 0; i < s->count; i++)
		if (!make_task(s, i, iops[i], stream(seed, first + i), buffer))
			return complain("not enough memory for the times of all requests");
	return true;
}

/* --- the run --------------------------------------------------------------------------------------- */

static bool is_over(const struct tasks *s, const struct task *t)
{
	return t->due_tsc >= s->end_tsc || t->sent == t->room;
}

static void send(struct tasks *s, struct task *t)
{
	const uint64_t bits = draw(&t->random), block = (bits & UINT32_MAX) % s->blocks;
	const bool writes = (bits >> 32) * PERCENT >> 32 >= PERCENT - s->write_percent;

	t->r->head.type = writes ? REQUEST_WRITE : REQUEST_READ;
	t->r->head.sector = block * (s->bytes / SECTOR_BYTES);
	t->is_away = true;
	t->writes += writes;
	t->due_tsc = due(s, t, ++t->sent);
	t->r->submitted_tsc = cpu_rdtsc();
	t->errors += !device_submit(s->d, t->r, t->queue); /* there is room for one: a mistake */
	device_kick(s->d, t->queue);
}

static void take_back(struct tasks *s, struct task *t)
{
	const uint64_t now = cpu_rdtsc(), ticks = now - t->r->submitted_tsc;

	if (ticks > s->over_ticks && t->over++ == 0)
		t->over_tsc = now;
	t->times[t->done++] = ticks;
	t->errors += t->r->status != REQUEST_OK;
	t->is_away = false;
	s->progress_tsc = now;
}

/* Each task as far as it can be now. Until when nothing more is due: UINT64_MAX: nothing ever. */
static uint64_t serve(struct tasks *s)
{
	uint64_t next_tsc = UINT64_MAX;

	for (uint32_t i = 0; i < s->count; i++) {
		struct task *t = &s->tasks[i];
		uint64_t now;

		if (t->is_away && device_next(s->d, t->queue) == t->r)
			take_back(s, t);
		now = cpu_rdtsc();
		if (!t->is_away && !is_over(s, t) && t->due_tsc <= now && now < s->end_tsc)
			send(s, t);
		if (t->is_away)
			next_tsc = next_tsc < s->progress_tsc + device_ticks_from_ms(STUCK_MS)
					   ? next_tsc
					   : s->progress_tsc + device_ticks_from_ms(STUCK_MS);
		else if (!is_over(s, t) && now < s->end_tsc && t->due_tsc < next_tsc)
			next_tsc = t->due_tsc;
	}
	return next_tsc;
}

static bool run(struct tasks *s)
{
	uint64_t next_tsc;

	s->progress_tsc = cpu_rdtsc();
	while ((next_tsc = serve(s)) != UINT64_MAX) {
		if (!device_wait(s->d, next_tsc) && device_in_flight(s->d) &&
		    cpu_rdtsc() > s->progress_tsc + device_ticks_from_ms(STUCK_MS))
			return false;
		if (!device_in_flight(s->d))
			s->progress_tsc = cpu_rdtsc();
	}
	return true;
}

/* --- what it says ---------------------------------------------------------------------------------- */

static uint64_t at(const struct task *t, uint64_t num, uint64_t den)
{
	return device_ns(stats_rank(t->times, t->done, num, den));
}

/* Those that were due before the end, and that there was no time for. */
static uint64_t missed(const struct tasks *s, const struct task *t)
{
	uint64_t n = t->sent;

	while (n < t->room && due(s, t, n) < s->end_tsc)
		n++;
	return n - t->sent;
}

static void say(const struct tasks *s, struct task *t)
{
	stats_sort(t->times, t->done);
	/* A line has GUEST_WRITE_MAX characters at most. */
	printf("@{\"blk\":\"task\",\"task\":%u,\"iops\":%u,\"requests\":%lu,\"writes\":%lu,"
	       "\"errors\":%lu,\"missed\":%lu,\"over\":%lu,\"over_at_ns\":%lu}\n",
	       (unsigned)t->queue, (unsigned)t->iops, t->done, t->writes, t->errors, missed(s, t),
	       t->over, t->over ? device_ns(t->over_tsc - s->start_tsc) : 0);
	printf("@{\"blk\":\"times\",\"task\":%u,\"min_ns\":%lu,\"p50_ns\":%lu,\"p90_ns\":%lu,"
	       "\"p99_ns\":%lu,\"p99_9_ns\":%lu,\"p99_99_ns\":%lu,\"max_ns\":%lu}\n",
	       (unsigned)t->queue, at(t, 0, 1), at(t, 50, 100), at(t, 90, 100), at(t, 99, 100),
	       at(t, 999, 1000), at(t, 9999, 10000), at(t, 1, 1));
}

int mode_tasks(struct device *d, const char *args)
{
	struct tasks *s = &tasks;
	const uint64_t settled = device_ticks_from_ms(SETTLE_MS);
	bool is_well = true;

	if (!set_up(s, d, args))
		return EXIT_FAILURE;
	if (cpu_rdtsc() > s->start_tsc)
		printf("blk: start_ms is over before it began\n");
	while (cpu_rdtsc() < s->start_tsc)
		apic_pause(s->start_tsc);
	if (!run(s))
		return modes_stuck(d);
	while (cpu_rdtsc() < s->end_tsc + settled)
		apic_pause(s->end_tsc + settled);
	for (uint32_t i = 0; i < s->count; i++) {
		say(s, &s->tasks[i]);
		is_well &= s->tasks[i].errors == 0 && !d->queues[i].ring.broken;
	}
	printf("@{\"blk\":\"signals\",\"interrupts\":%lu,\"kicks\":%lu,\"kicks_saved\":%lu,"
	       "\"sleeps\":%lu}\n",
	       device_interrupts(d), d->kicks, d->kicks_saved, d->sleeps);
	return is_well ? EXIT_SUCCESS : EXIT_FAILURE;
}
