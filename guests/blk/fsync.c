/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the power to be cut: record after record, each flushed before its number is told. Other
 * requests write beside it all the time, so that there is always something that no flush has
 * covered.
 *
 * A flush covers what was complete when it was submitted: it is submitted when all pieces have come
 * back.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "guests/blk/modes.h"
#include "guests/blk/record.h"
#include "guests/rt/args.h"
#include "guests/rt/cpu.h"

#define NOISE_MAX    32u
#define NOISE_BYTES  4096u
#define BUFFER_ALIGN 4096u
#define TAG_RECORD   1u
#define TAG_NOISE    2u

static struct fsync {
	struct device *d;
	uint64_t slots, noise_first, noise_blocks, random;
	struct request *pieces[RECORD_PIECES], *flush, *noise[NOISE_MAX];
	uint32_t noise_depth, pending; /* of the record, or its flush */
	uint64_t errors, noise_done;
} state;

static struct request *new_request(void *data, uint32_t bytes, uint64_t tag)
{
	struct request *r = modes_new_request();

	if (!r || (bytes && !data))
		exit(EXIT_FAILURE);
	r->head.type = bytes ? REQUEST_WRITE : REQUEST_FLUSH;
	r->tag = tag;
	modes_set_data(r, data, bytes, bytes);
	return r;
}

static void set_up(struct fsync *s, struct device *d, const char *args)
{
	s->d = d;
	s->slots = record_slots(d->facts.sector_count);
	s->noise_first = record_noise_sector(s->slots);
	s->noise_blocks = (d->facts.sector_count - s->noise_first) * SECTOR_BYTES / NOISE_BYTES;
	s->random = args_number(args, "seed", 1) * 0x9e3779b97f4a7c15u | 1;
	s->noise_depth = (uint32_t)args_number(args, "depth", 4);
	if (s->noise_depth > NOISE_MAX)
		s->noise_depth = NOISE_MAX;
	for (uint32_t i = 0; i < RECORD_PIECES; i++)
		s->pieces[i] = new_request(memalign(BUFFER_ALIGN, RECORD_SECTOR_BYTES),
					   RECORD_SECTOR_BYTES, TAG_RECORD);
	s->flush = new_request(NULL, 0, TAG_RECORD);
	for (uint32_t i = 0; i < s->noise_depth; i++)
		s->noise[i] =
			new_request(memalign(BUFFER_ALIGN, NOISE_BYTES), NOISE_BYTES, TAG_NOISE);
}

static void submit_noise(struct fsync *s, struct request *r)
{
	uint64_t *words = r->pieces[0].at;

	words[0] = modes_random(&s->random);
	r->head.sector = s->noise_first + words[0] % s->noise_blocks * (NOISE_BYTES / SECTOR_BYTES);
	device_submit(s->d, r, 0);
	device_kick(s->d, 0);
}

static bool wait_for_record(struct fsync *s)
{
	while (s->pending) {
		struct request *r;

		if (!device_wait(s->d, cpu_rdtsc() + device_ticks_from_ms(STUCK_MS)))
			return false;
		while ((r = device_next(s->d, 0)) != NULL) {
			s->errors += r->status != REQUEST_OK;
			if (r->tag == TAG_NOISE) {
				s->noise_done++;
				submit_noise(s, r);
			} else {
				s->pending--;
			}
		}
	}
	return true;
}

static bool write_record(struct fsync *s, uint64_t number)
{
	for (uint32_t i = 0; i < RECORD_PIECES; i++) {
		record_fill(s->pieces[i]->pieces[0].at, number, i);
		s->pieces[i]->head.sector = record_sector(s->slots, number, i);
		device_submit(s->d, s->pieces[i], 0);
	}
	s->pending = RECORD_PIECES;
	device_kick(s->d, 0);
	if (!wait_for_record(s))
		return false;
	s->pending = 1;
	device_submit(s->d, s->flush, 0);
	device_kick(s->d, 0);
	return wait_for_record(s);
}

int mode_fsync(struct device *d, const char *args)
{
	struct fsync *s = &state;
	const uint64_t say = args_number(args, "say", 1);
	const uint64_t last = args_number(args, "requests", UINT64_MAX);

	if (!(d->features & FEATURE(FEATURE_FLUSH))) {
		printf("blk: the device has no flush\n");
		return EXIT_FAILURE;
	}
	set_up(s, d, args);
	printf("@{\"blk\":\"records\",\"slots\":%lu}\n", s->slots);
	for (uint32_t i = 0; i < s->noise_depth; i++)
		submit_noise(s, s->noise[i]);
	for (uint64_t n = 1; n <= last; n++) {
		if (!write_record(s, n))
			return modes_stuck(d);
		if (s->errors) {
			printf("@{\"blk\":\"fsync\",\"errors\":%lu}\n", s->errors);
			return EXIT_FAILURE;
		}
		if (say && n % say == 0)
			printf("@{\"acked\":%lu,\"noise\":%lu}\n", n, s->noise_done);
	}
	printf("@{\"blk\":\"fsync\",\"records\":%lu,\"errors\":0}\n", last);
	return EXIT_SUCCESS;
}
