/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/blk/main.c - a guest with a virtio disk, and a driver of its own for it.
 *
 *   mode=load	    requests at random or one behind the other, and how long they take
 *		      op=read|write|rw	(read)	  rw: half and half
 *		      depth=N		(1)	  requests under way
 *		      bytes=N		(4096)	  of a request; pieces=N (1) of memory
 *		      span=BYTES	(all)	  of the disk, from its beginning
 *		      order=sequential		  not at random
 *		      rate=N		(0)	  so many a second, at absolute times; 0: no limit
 *		      requests=N, seconds=N	  the end: whichever comes first (10 seconds)
 *		      start_ms=N	(0)	  waits first
 *		      say_ms=N		(0)	  how far it is, each
 *   mode=verify    writes blocks that tell where they belong and when they were written, mixed in
 *		    size and number of pieces, and reads them back
 *		      depth=N (8) span=BYTES (8 MiB) bytes=N (65536, at most) requests=N (2000)
 *   mode=fsync	    for ever: writes record n, flushes, and says so. guests/blk/record.h
 *		      depth=N (4) of other writes meanwhile
 *		      say=N (1): every Nth
 *   mode=probe	    what the device is and offers; the answers to requests that are wrong
 *   mode=hostile   requests that break the rules
 *		      count=N (1000000) break=N (16) one in so many breaks those of the ring
 *   mode=abandon   all that the ring takes, one kick, and a reset before any of it is done
 *		      count=N (4) times, bytes=N (512) of a request
 *   mode=tasks	    tasks that each have one request under way, at a rate: guests/blk/tasks.c
 *		      tasks=N,N,..	    requests a second of each; task j has virtqueue j
 *		      seconds=N (10) write=N (50) percent, bytes=N (4096)
 *		      over_ms=N (50)	    how many took longer, and when the first of them came back
 *		      stream=N (0)	    of random numbers: that of the first task
 *		      start_ms=N (0)	    of this guest's TSC: all begin together
 *   in all	    queues=N (1; a task's each) queue_size=N (256) seed=N (1) coalesce=N (1) requests an interrupt
 *		    event_idx=0, indirect=0 without that feature; packed=1; flush=0; poll=1: looks,
 *		    no interrupts
 *
 * Output  Lines for machines; times are of the guest's TSC.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "guests/blk/modes.h"
#include "guests/rt/args.h"
#include "guests/rt/call.h"

#define MODE_BYTES 16u

static const struct {
	const char *name;
	int (*run)(struct device *d, const char *args);
} modes[] = {
	{ "load", mode_load },       { "verify", mode_verify },   { "fsync", mode_fsync },
	{ "probe", mode_probe },     { "hostile", mode_hostile }, { "tasks", mode_tasks },
	{ "abandon", mode_abandon },
};

static struct device device;

struct request *modes_new_request(void)
{
	struct request *r = calloc(1, sizeof(*r));

	if (r)
		r->table = memalign(16, RING_PIECE_MAX * sizeof(struct ring_desc));
	if (!r || !r->table) {
		printf("blk: not enough memory\n");
		return NULL;
	}
	return r;
}

bool modes_set_data(struct request *r, void *at, uint32_t bytes, uint32_t piece_bytes)
{
	uint8_t *p = at;

	r->piece_count = 0;
	while (bytes > 0) {
		const uint32_t n = bytes < piece_bytes ? bytes : piece_bytes;

		if (r->piece_count == RING_PIECE_MAX - 2)
			return false;
		r->pieces[r->piece_count++] = (struct ring_piece){ p, n };
		p += n;
		bytes -= n;
	}
	return true;
}

int modes_stuck(const struct device *d)
{
	printf("@{\"blk\":\"stuck\",\"in_flight\":%u,\"status\":%u,\"interrupts\":%lu,"
	       "\"broken\":%lu}\n",
	       (unsigned)device_in_flight(d), (unsigned)device_status(d), device_interrupts(d),
	       d->queues[0].ring.broken);
	return EXIT_FAILURE;
}

static uint32_t limited(const char *args, const char *key, uint32_t fallback, uint32_t max)
{
	const uint64_t n = args_number(args, key, fallback);

	return n < 1 || n > max ? fallback : (uint32_t)n;
}

static uint16_t queues_wanted(const char *args)
{
	const uint32_t tasks = modes_task_count(args);

	return (uint16_t)limited(args, "queues", tasks ? tasks : 1, DEVICE_QUEUE_MAX);
}

static uint64_t wanted_features(const char *args)
{
	uint64_t f = FEATURE(FEATURE_SIZE_MAX) | FEATURE(FEATURE_SEG_MAX) |
		     FEATURE(FEATURE_READ_ONLY) | FEATURE(FEATURE_BLOCK_BYTES) |
		     FEATURE(FEATURE_TOPOLOGY) | FEATURE(FEATURE_WRITE_CACHE) |
		     FEATURE(FEATURE_DISCARD) | FEATURE(FEATURE_WRITE_ZEROES);

	if (args_number(args, "flush", 1))
		f |= FEATURE(FEATURE_FLUSH);
	if (args_number(args, "event_idx", 1))
		f |= FEATURE(FEATURE_EVENT_IDX);
	if (args_number(args, "indirect", 1))
		f |= FEATURE(FEATURE_INDIRECT);
	if (args_number(args, "packed", 0))
		f |= FEATURE(FEATURE_PACKED);
	if (queues_wanted(args) > 1)
		f |= FEATURE(FEATURE_QUEUES);
	return f;
}

static void say_device(const struct device *d)
{
	printf("@{\"blk\":\"device\",\"sectors\":%lu,\"features\":\"%lx\",\"queues\":%u,"
	       "\"queue_size\":%u,\"seg_max\":%u,\"size_max\":%u}\n",
	       d->facts.sector_count, d->features, (unsigned)d->queue_count,
	       (unsigned)d->queues[0].ring.size, (unsigned)d->facts.seg_max,
	       (unsigned)d->facts.size_max);
}

int main(void)
{
	const char *args = guest_info()->args;
	const struct device_options options = {
		.features = wanted_features(args),
		.queue_count = queues_wanted(args),
		.queue_size = (uint16_t)limited(args, "queue_size", RING_SIZE_MAX, RING_SIZE_MAX),
		.coalesce = limited(args, "coalesce", 1, RING_SIZE_MAX),
		.is_polled = args_number(args, "poll", 0),
	};
	char mode[MODE_BYTES];

	args_find(args, "mode", mode, sizeof(mode));
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(mode, modes[i].name) != 0)
			continue;
		if (!device_open(&device, &options))
			return EXIT_FAILURE;
		say_device(&device);
		return modes[i].run(&device, args);
	}
	printf("blk: no mode '%s'\n", mode);
	return EXIT_FAILURE;
}
