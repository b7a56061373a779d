/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load: `depth` requests that are submitted again when they come back, or at fixed times.
 *
 * With a rate, a request's time begins when it was due, not when there was room for it: who is
 * served slowly may not ask less often. All requests use the same memory: what is in it matters to
 * nobody.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "guests/blk/spread.h"
#include "guests/blk/modes.h"
#include "guests/rt/apic.h"
#include "guests/rt/args.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"

#define DEPTH_MAX    RING_SIZE_MAX
#define MS_PER_S     1000u
#define BUFFER_ALIGN 4096u

enum mix { MIX_READ, MIX_WRITE, MIX_BOTH };
static const char *const mix_names[] = { "read", "write", "rw" };

static struct load {
	struct device *d;
	enum mix mix;
	uint32_t depth, bytes;
	bool is_sequential;
	uint64_t span_blocks, next_block, random;
	uint64_t interval_tsc, due_tsc; /* of a rate; interval 0: none */
	uint64_t left;                  /* requests to submit */
	uint64_t start_tsc, end_tsc, say_tsc, next_say_tsc, progress_tsc;
	uint64_t done, errors;
	struct request *idle[DEPTH_MAX];
	uint32_t idle_count;
	struct spread times;
} load;

static bool make_requests(struct load *l, uint32_t pieces)
{
	const uint32_t piece = (l->bytes / pieces + SECTOR_BYTES - 1) & ~(SECTOR_BYTES - 1);
	void *buffer = memalign(BUFFER_ALIGN, l->bytes);

	if (!buffer) {
		printf("blk: not enough memory\n");
		return false;
	}
	memset(buffer, 0x5a, l->bytes);
	for (; l->idle_count < l->depth; l->idle_count++) {
		struct request *r = modes_new_request();

		if (!r)
			return false;
		if (!modes_set_data(r, buffer, l->bytes,
				    piece < l->d->facts.size_max ? piece : l->d->facts.size_max) ||
		    r->piece_count > l->d->facts.seg_max) {
			printf("blk: requests of %u bytes take too many pieces\n",
			       (unsigned)l->bytes);
			return false;
		}
		r->tag = l->idle_count % l->d->queue_count;
		l->idle[l->idle_count] = r;
	}
	return true;
}

static bool set_up(struct load *l, struct device *d, const char *args)
{
	const uint64_t rate = args_number(args, "rate", 0);
	uint64_t span = args_number(args, "span", UINT64_MAX);

	l->d = d;
	l->mix = args_is(args, "op", "write") ? MIX_WRITE
		 : args_is(args, "op", "rw")  ? MIX_BOTH
					      : MIX_READ;
	l->depth = (uint32_t)args_number(args, "depth", 1);
	l->bytes = (uint32_t)args_number(args, "bytes", 4096);
	l->is_sequential = args_is(args, "order", "sequential");
	l->random = args_number(args, "seed", 1) * 0x9e3779b97f4a7c15u | 1;
	l->left = args_number(args, "requests", UINT64_MAX);
	l->interval_tsc = rate ? guest_info()->tsc_hz / rate : 0;
	l->say_tsc = device_ticks_from_ms(args_number(args, "say_ms", 0));
	if (span > d->facts.sector_count * SECTOR_BYTES)
		span = d->facts.sector_count * SECTOR_BYTES;
	if (l->depth < 1 || l->depth > DEPTH_MAX || l->bytes < SECTOR_BYTES ||
	    l->bytes % SECTOR_BYTES || span < l->bytes) {
		printf("blk: impossible depth, bytes or span\n");
		return false;
	}
	l->span_blocks = span / l->bytes;
	return make_requests(l, (uint32_t)args_number(args, "pieces", 1));
}

static bool submit(struct load *l, uint64_t begin_tsc)
{
	struct request *r = l->idle[l->idle_count - 1];
	uint64_t block = l->next_block++ % l->span_blocks;
	bool writes = l->mix == MIX_WRITE;

	if (!l->is_sequential)
		block = modes_random(&l->random) % l->span_blocks;
	if (l->mix == MIX_BOTH)
		writes = modes_random(&l->random) >> 32 & 1;
	r->head.type = writes ? REQUEST_WRITE : REQUEST_READ;
	r->head.sector = block * (l->bytes / SECTOR_BYTES);
	r->submitted_tsc = begin_tsc;
	if (!device_submit(l->d, r, (uint32_t)r->tag))
		return false;
	l->idle_count--;
	l->left--;
	return true;
}

static void submit_all(struct load *l)
{
	uint32_t queues = 0;

	while (l->idle_count && l->left) {
		const uint64_t now = cpu_rdtsc();

		if (now >= l->end_tsc)
			l->left = 0;
		if (!l->left || (l->interval_tsc && l->due_tsc > now))
			break;
		if (!submit(l, l->interval_tsc ? l->due_tsc : now))
			break;
		queues |= 1u << l->idle[l->idle_count]->tag;
		l->due_tsc += l->interval_tsc;
	}
	for (uint32_t q = 0; queues >> q; q++)
		if (queues >> q & 1)
			device_kick(l->d, q);
}

static bool reap(struct load *l)
{
	const uint64_t before = l->done;

	for (uint32_t q = 0; q < l->d->queue_count; q++) {
		struct request *r;

		while ((r = device_next(l->d, q)) != NULL) {
			const uint64_t now = cpu_rdtsc();

			spread_add(&l->times, now - r->submitted_tsc);
			l->errors += r->status != REQUEST_OK;
			l->done++;
			l->progress_tsc = now;
			l->idle[l->idle_count++] = r;
		}
	}
	return l->done != before;
}

static void say_progress(struct load *l)
{
	const uint64_t now = cpu_rdtsc();

	if (!l->say_tsc || now < l->next_say_tsc)
		return;
	l->next_say_tsc += l->say_tsc;
	printf("@{\"blk\":\"window\",\"us\":%lu,\"requests\":%lu,\"bytes\":%lu}\n",
	       device_ns(now) / 1000, l->done, l->done * l->bytes);
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* When there is something to do although no request has come back. */
static uint64_t next_event(const struct load *l)
{
	uint64_t at = l->progress_tsc + device_ticks_from_ms(STUCK_MS);

	if (l->left && l->interval_tsc && l->idle_count)
		at = min(at, l->due_tsc);
	if (l->left)
		at = min(at, l->end_tsc);
	return l->say_tsc ? min(at, l->next_say_tsc) : at;
}

static bool run(struct load *l)
{
	while (l->left || l->idle_count < l->depth) {
		submit_all(l);
		if (!reap(l) && (l->left || l->idle_count < l->depth)) {
			const uint64_t now = cpu_rdtsc();

			if (l->idle_count < l->depth &&
			    now > l->progress_tsc + device_ticks_from_ms(STUCK_MS))
				return false;
			if (l->idle_count == l->depth) /* nothing is under way: nobody hangs */
				l->progress_tsc = now;
			device_wait(l->d, next_event(l));
		}
		say_progress(l);
	}
	return true;
}

static void say_result(const struct load *l)
{
	const struct spread *h = &l->times;
	const uint64_t ticks = cpu_rdtsc() - l->start_tsc;

	printf("@{\"blk\":\"load\",\"op\":\"%s\",\"depth\":%u,\"bytes\":%u,\"requests\":%lu,"
	       "\"errors\":%lu,\"ns\":%lu,\"ticks\":%lu}\n",
	       mix_names[l->mix], (unsigned)l->depth, (unsigned)l->bytes, l->done, l->errors,
	       device_ns(ticks), ticks);
	printf("@{\"blk\":\"latency\",\"n\":%lu,\"min_ns\":%lu,\"p50_ns\":%lu,\"p99_ns\":%lu,"
	       "\"p99_9_ns\":%lu,\"p99_99_ns\":%lu,\"max_ns\":%lu}\n",
	       h->count, device_ns(h->min), device_ns(spread_at(h, 50, 100)),
	       device_ns(spread_at(h, 99, 100)), device_ns(spread_at(h, 999, 1000)),
	       device_ns(spread_at(h, 9999, 10000)), device_ns(h->max));
	printf("@{\"blk\":\"signals\",\"interrupts\":%lu,\"kicks\":%lu,\"kicks_saved\":%lu,"
	       "\"sleeps\":%lu}\n",
	       device_interrupts(l->d), l->d->kicks, l->d->kicks_saved, l->d->sleeps);
}

int mode_load(struct device *d, const char *args)
{
	struct load *l = &load;
	const uint64_t start = device_ticks_from_ms(args_number(args, "start_ms", 0));
	uint64_t seconds;

	if (!set_up(l, d, args))
		return EXIT_FAILURE;
	seconds = args_number(args, "seconds", l->left == UINT64_MAX ? 10 : UINT32_MAX);
	while (cpu_rdtsc() < start)
		apic_pause(start);
	l->start_tsc = l->due_tsc = l->progress_tsc = cpu_rdtsc();
	l->next_say_tsc = l->start_tsc + l->say_tsc;
	l->end_tsc = l->start_tsc + device_ticks_from_ms(seconds * MS_PER_S);
	if (!run(l))
		return modes_stuck(d);
	say_result(l);
	return l->errors || d->queues[0].ring.broken ? EXIT_FAILURE : EXIT_SUCCESS;
}
