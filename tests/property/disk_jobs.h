/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/property/disk_jobs.h - random requests to a driver of drivers/disk.h, against an array.
 *
 * Segments have every shape; those in flight do not overlap on the disk. What a request says when
 * it comes back is compared with the device's data, with what a FUA has brought to the medium,
 * and with all of its memory: not a byte beside the segments is touched.
 * The includer has a rig: `jobs_disk`, its turn(), and the device's data.
 */
#pragma once
#include <stdlib.h>
#include <string.h>
#include "drivers/disk.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define JOBS_MAX         24u
#define JOBS_SLICE       KIB(400)
#define JOBS_ARENA       MIB(10)
#define JOBS_SECTORS     8192u /* of the disk */
#define JOBS_SECTORS_MAX 128u  /* of a request */

struct job {
	struct block_request r;
	bool is_out;
};

static struct job jobs[JOBS_MAX];
static uint8_t jobs_model[JOBS_SECTORS * 512];
static uint8_t *jobs_shadow; /* of the arena: what must lie there */
static uint32_t jobs_ended, jobs_failed, jobs_block_sectors;

/* From the includer. */
struct disk *jobs_disk(void);
uint64_t jobs_now(void);
void jobs_turn(void);
uint8_t *jobs_arena(void);
const uint8_t *jobs_data(void), *jobs_medium(void);

static inline bool jobs_overlap(uint64_t sector, uint64_t count)
{
	for (uint32_t i = 0; i < JOBS_MAX; i++)
		if (jobs[i].is_out && sector < jobs[i].r.sector + jobs[i].r.sector_count &&
		    jobs[i].r.sector < sector + count)
			return true;
	return false;
}

/* Where the next segment begins, at or after `at`, and how long it is. */
static inline uint64_t jobs_place(uint64_t at, uint32_t style, uint64_t *bytes)
{
	switch (style) {
	case 0:
		*bytes = random_between(1, 3) * PAGE_BYTES;
		return align_up(at, PAGE_BYTES);
	case 1:
		*bytes = random_between(1, 9) * 512;
		return align_up(at, 512) + 512 * random_below(3);
	case 2:
		*bytes = random_between(1, 800) * 4;
		return align_up(at, 4) + 4 * random_below(100);
	case 3:
		*bytes = random_between(1, 3000);
		return at + random_below(50);
	default: /* right behind the one before */
		*bytes = random_between(1, 9000);
		return at;
	}
}

static inline void jobs_make_segments(struct job *j, uint8_t *slice)
{
	uint64_t left = block_bytes(&j->r), at = random_below(PAGE_BYTES);
	const uint32_t style = (uint32_t)random_below(7); /* from 5 on: each its own */

	while (left) {
		const bool is_last = j->r.segment_count == BLOCK_SEGMENT_MAX - 1;
		uint64_t bytes;

		at = jobs_place(at, style < 5 ? style : (uint32_t)random_below(5), &bytes);
		bytes = is_last ? left : min_u64(bytes, left);
		if (!is_last && random_below(16) == 0)
			bytes = 0;
		j->r.segments[j->r.segment_count++] = (struct block_segment){ slice + at, bytes };
		at += bytes;
		left -= bytes;
	}
	CHECK(at <= JOBS_SLICE);
}

/* New data for a write: in memory, and where they are to be in the end. */
static inline void jobs_fill(const struct block_request *r)
{
	uint64_t to = r->sector * 512;

	for (uint32_t i = 0; i < r->segment_count; i++) {
		const struct block_segment *s = &r->segments[i];

		for (uint64_t k = 0; k < s->bytes; k++)
			s->at[k] = (uint8_t)random_u64();
		memcpy(jobs_shadow + (s->at - jobs_arena()), s->at, s->bytes);
		memcpy(jobs_model + to, s->at, s->bytes);
		to += s->bytes;
	}
}

static inline void jobs_expect(const struct block_request *r)
{
	uint64_t from = r->sector * 512;

	for (uint32_t i = 0; i < r->segment_count; i++) {
		const struct block_segment *s = &r->segments[i];

		memcpy(jobs_shadow + (s->at - jobs_arena()), jobs_model + from, s->bytes);
		from += s->bytes;
	}
}

/* Waits until the driver takes it. */
static inline void jobs_begin(uint32_t at)
{
	const uint32_t unit = jobs_block_sectors;
	const uint32_t blocks = (uint32_t)random_between(1, JOBS_SECTORS_MAX / unit);
	const uint64_t sector = random_below(JOBS_SECTORS / unit - blocks + 1) * unit;
	struct disk *const d = jobs_disk();
	struct job *const j = &jobs[at];

	if (jobs_overlap(sector, blocks * unit))
		return;
	j->r = (struct block_request){ .op = (uint8_t)random_below(BLOCK_OP_COUNT),
				       .is_fua = random_below(2),
				       .may_unmap = random_below(2),
				       .sector = sector,
				       .sector_count = blocks * unit };
	if (random_below(3))
		j->r.op = random_below(2) ? BLOCK_READ : BLOCK_WRITE;
	if (j->r.op == BLOCK_FLUSH)
		j->r.sector = j->r.sector_count = 0;
	if (j->r.op == BLOCK_READ || j->r.op == BLOCK_WRITE)
		jobs_make_segments(j, jobs_arena() + at * JOBS_SLICE);
	if (j->r.op == BLOCK_WRITE)
		jobs_fill(&j->r);
	while (d->ops->submit(d, &j->r, jobs_now()) == ERR_BUSY)
		jobs_turn();
	d->ops->kick(d);
	j->is_out = true;
}

static inline void jobs_end(struct block_request *r)
{
	struct job *const j = (struct job *)(void *)r;
	const uint64_t slice = (uint64_t)(j - jobs) * JOBS_SLICE, at = r->sector * 512;

	CHECK(j->is_out);
	j->is_out = false;
	jobs_ended++;
	if (r->status != BLOCK_OK) {
		jobs_failed++;
		return;
	}
	if (r->op == BLOCK_READ)
		jobs_expect(r);
	if (r->op == BLOCK_DISCARD || r->op == BLOCK_WRITE_ZEROES)
		memset(jobs_model + at, 0, block_bytes(r));
	CHECK(memcmp(jobs_arena() + slice, jobs_shadow + slice, JOBS_SLICE) == 0);
	if (r->op != BLOCK_FLUSH)
		CHECK(memcmp(jobs_data() + at, jobs_model + at, block_bytes(r)) == 0);
	if ((r->op == BLOCK_WRITE || r->op == BLOCK_WRITE_ZEROES) && r->is_fua)
		CHECK(memcmp(jobs_medium() + at, jobs_model + at, block_bytes(r)) == 0);
}

static inline void jobs_start(uint32_t block_sectors)
{
	memset(jobs_model, 0, sizeof(jobs_model));
	memset(jobs, 0, sizeof(jobs));
	for (uint64_t i = 0; i < JOBS_ARENA; i += 8)
		memcpy(jobs_arena() + i, &(uint64_t){ random_u64() }, 8);
	memcpy(jobs_shadow, jobs_arena(), JOBS_ARENA);
	jobs_block_sectors = block_sectors;
	jobs_ended = jobs_failed = 0;
}

/* Nothing is left, and nothing came back twice. */
static inline void jobs_finish(void)
{
	for (uint32_t i = 0; i < 100000 && jobs_disk()->in_flight; i++)
		jobs_turn();
	CHECK(jobs_disk()->in_flight == 0);
	for (uint32_t i = 0; i < JOBS_MAX; i++)
		CHECK(!jobs[i].is_out);
}

static inline bool jobs_data_agree(void)
{
	return memcmp(jobs_data(), jobs_model, sizeof(jobs_model)) == 0;
}
