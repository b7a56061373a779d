/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every sector says where it belongs and how often it has been written; a copy of that is kept.
 * Requests under way never overlap, so that what a read must find is known when it is submitted.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "guests/blk/modes.h"
#include "guests/rt/args.h"
#include "guests/rt/cpu.h"

#define DEPTH_MAX    64u
#define BUFFER_ALIGN 4096u
#define MAGIC        0x6b6c6220u
#define PLACES_TRIED 16u
#define WORDS        (SECTOR_BYTES / 8u)
#define PIECES_MAX   8u
#define FLUSH_ONE_IN 50u

struct job {
	struct request *r;
	uint8_t *buffer;
	uint32_t first, count; /* sectors */
};

static struct verify {
	struct device *d;
	uint32_t sectors, request_sectors, step; /* step: sectors of a block */
	uint32_t depth, busy_count;
	uint32_t *generations; /* of each sector; 0: nobody has written it */
	uint8_t *busy;
	struct job jobs[DEPTH_MAX];
	struct job *idle[DEPTH_MAX];
	uint64_t random;
	uint64_t writes, reads, flushes, checked, errors, mismatches, left;
} verify;

/* The last word is the sum of the others; all of them follow from the place and the generation. */
static void fill(uint64_t *words, uint32_t sector, uint32_t generation)
{
	uint64_t state = ((uint64_t)sector << 32 | generation) * 0x9e3779b97f4a7c15u | 1;
	uint64_t sum = 0;

	words[0] = (uint64_t)MAGIC << 32 | generation;
	words[1] = sector;
	for (uint32_t i = 2; i < WORDS - 1; i++)
		words[i] = modes_random(&state);
	for (uint32_t i = 0; i < WORDS - 1; i++)
		sum += words[i] * (2 * i + 1);
	words[WORDS - 1] = sum;
}

static void check(struct verify *v, const struct job *j)
{
	uint64_t expected[WORDS];

	for (uint32_t i = 0; i < j->count; i++) {
		const uint32_t sector = j->first + i, generation = v->generations[sector];
		const uint8_t *found = j->buffer + i * SECTOR_BYTES;

		if (!generation)
			continue;
		fill(expected, sector, generation);
		v->checked++;
		if (memcmp(expected, found, SECTOR_BYTES) == 0)
			continue;
		if (v->mismatches++ < 10)
			printf("@{\"blk\":\"mismatch\",\"sector\":%u,\"generation\":%u,"
			       "\"found\":\"%lx %lx\"}\n",
			       (unsigned)sector, (unsigned)generation, ((const uint64_t *)found)[0],
			       ((const uint64_t *)found)[1]);
	}
}

static void set_busy(struct verify *v, const struct job *j, bool busy)
{
	memset(v->busy + j->first, busy, j->count);
}

/* A place where nothing is under way. */
static bool find_place(struct verify *v, struct job *j)
{
	const uint32_t blocks = v->request_sectors / v->step;

	for (uint32_t i = 0; i < PLACES_TRIED; i++) {
		j->count = (1 + (uint32_t)(modes_random(&v->random) % blocks)) * v->step;
		j->first = (uint32_t)(modes_random(&v->random) %
				      ((v->sectors - j->count) / v->step + 1)) *
			   v->step;
		if (!memchr(v->busy + j->first, true, j->count))
			return true;
	}
	return false;
}

/* Random pieces, of any length: the device must take them as they are. */
static void cut(struct verify *v, struct job *j)
{
	const uint32_t bytes = j->count * SECTOR_BYTES;
	uint32_t max = v->d->facts.seg_max < PIECES_MAX ? v->d->facts.seg_max : PIECES_MAX;
	uint32_t at = 0;

	j->r->piece_count = 0;
	for (; max > 1 && bytes - at > 16; max--) {
		const uint32_t n = 1 + (uint32_t)(modes_random(&v->random) % (bytes - at));

		if (n == bytes - at)
			break;
		j->r->pieces[j->r->piece_count++] = (struct ring_piece){ j->buffer + at, n };
		at += n;
	}
	j->r->pieces[j->r->piece_count++] = (struct ring_piece){ j->buffer + at, bytes - at };
}

static void write_sectors(struct verify *v, struct job *j)
{
	for (uint32_t i = 0; i < j->count; i++)
		fill((uint64_t *)(j->buffer + i * SECTOR_BYTES), j->first + i,
		     ++v->generations[j->first + i]);
}

static bool submit(struct verify *v, struct job *j, uint32_t type)
{
	j->r->head.type = type;
	j->r->head.sector = j->first;
	cut(v, j);
	if (type == REQUEST_READ)
		memset(j->buffer, 0, j->count * SECTOR_BYTES);
	else
		write_sectors(v, j);
	set_busy(v, j, true);
	return device_submit(v->d, j->r, (uint32_t)j->r->tag);
}

static bool submit_flush(struct verify *v, struct job *j)
{
	j->r->head.type = REQUEST_FLUSH;
	j->r->head.sector = 0;
	j->r->piece_count = 0;
	j->count = 0;
	v->flushes++;
	return device_submit(v->d, j->r, (uint32_t)j->r->tag);
}

/* False: no room in the ring. */
static bool submit_one(struct verify *v)
{
	struct job *j = v->idle[v->depth - v->busy_count - 1];
	bool fits;

	if (v->d->features & FEATURE(FEATURE_FLUSH) &&
	    modes_random(&v->random) % FLUSH_ONE_IN == 0) {
		fits = submit_flush(v, j);
	} else if (!find_place(v, j)) {
		return false;
	} else if (modes_random(&v->random) >> 20 & 1) {
		v->reads++;
		fits = submit(v, j, REQUEST_READ);
	} else {
		v->writes++;
		fits = submit(v, j, REQUEST_WRITE);
	}
	if (!fits) /* rings have room for DEPTH_MAX: this is a mistake of ours */
		v->errors++;
	v->busy_count++;
	v->left--;
	device_kick(v->d, (uint32_t)j->r->tag);
	return fits;
}

static void take_back(struct verify *v, struct job *j)
{
	if (j->r->status != REQUEST_OK)
		v->errors++;
	else if (j->r->head.type == REQUEST_READ)
		check(v, j);
	set_busy(v, j, false);
	v->busy_count--;
	v->idle[v->depth - v->busy_count - 1] = j;
}

static bool reap(struct verify *v)
{
	if (!device_wait(v->d, cpu_rdtsc() + device_ticks_from_ms(STUCK_MS)))
		return false;
	for (uint32_t q = 0; q < v->d->queue_count; q++) {
		struct request *r;

		while ((r = device_next(v->d, q)) != NULL)
			for (uint32_t i = 0; i < v->depth; i++)
				if (v->jobs[i].r == r)
					take_back(v, &v->jobs[i]);
	}
	return true;
}

/* All of it, in order, at the end. */
static bool read_everything(struct verify *v)
{
	struct job *j = &v->jobs[0];

	for (uint32_t at = 0; at < v->sectors; at += j->count) {
		j->first = at;
		j->count =
			v->sectors - at < v->request_sectors ? v->sectors - at : v->request_sectors;
		j->r->tag = 0;
		submit(v, j, REQUEST_READ);
		v->busy_count++;
		v->reads++;
		device_kick(v->d, 0);
		while (v->busy_count)
			if (!reap(v))
				return false;
	}
	return true;
}

static bool make_jobs(struct verify *v)
{
	for (uint32_t i = 0; i < v->depth; i++) {
		struct job *j = &v->jobs[i];

		j->r = modes_new_request();
		j->buffer = memalign(BUFFER_ALIGN, v->request_sectors * SECTOR_BYTES);
		if (!j->r || !j->buffer)
			return false;
		j->r->tag = i % v->d->queue_count;
		v->idle[i] = j;
	}
	v->generations = calloc(v->sectors, sizeof(v->generations[0]));
	v->busy = calloc(v->sectors, 1);
	return v->generations && v->busy;
}

static bool set_up(struct verify *v, struct device *d, const char *args)
{
	const uint64_t span = args_number(args, "span", 8u << 20) / SECTOR_BYTES;
	const uint64_t bytes = args_number(args, "bytes", 65536);

	v->d = d;
	v->step = d->facts.block_bytes / SECTOR_BYTES;
	v->sectors = (uint32_t)(span < d->facts.sector_count ? span : d->facts.sector_count);
	v->request_sectors = (uint32_t)(bytes / SECTOR_BYTES / v->step * v->step);
	v->depth = (uint32_t)args_number(args, "depth", 8);
	v->random = args_number(args, "seed", 1) * 0x9e3779b97f4a7c15u | 1;
	v->left = args_number(args, "requests", 2000);
	if (v->depth < 1 || v->depth > DEPTH_MAX || !v->request_sectors ||
	    v->sectors < v->request_sectors * 2) {
		printf("blk: impossible depth, bytes or span\n");
		return false;
	}
	if (!make_jobs(v)) {
		printf("blk: not enough memory\n");
		return false;
	}
	return true;
}

int mode_verify(struct device *d, const char *args)
{
	struct verify *v = &verify;

	if (!set_up(v, d, args))
		return EXIT_FAILURE;
	while (v->left || v->busy_count) {
		while (v->left && v->busy_count < v->depth && submit_one(v))
			;
		if (v->busy_count && !reap(v))
			return modes_stuck(d);
	}
	if (!read_everything(v))
		return modes_stuck(d);
	printf("@{\"blk\":\"verify\",\"writes\":%lu,\"reads\":%lu,\"flushes\":%lu,"
	       "\"checked\":%lu,\"errors\":%lu,\"mismatches\":%lu,\"interrupts\":%lu}\n",
	       v->writes, v->reads, v->flushes, v->checked, v->errors, v->mismatches,
	       device_interrupts(d));
	return v->errors || v->mismatches || d->queues[0].ring.broken ? EXIT_FAILURE : EXIT_SUCCESS;
}
