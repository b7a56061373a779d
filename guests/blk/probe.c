/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the device is, and what it answers to requests that are wrong by themselves: each of them
 * must be answered, by the status that the specification has for it, and nothing else may come of
 * it.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "guests/blk/modes.h"
#include "guests/rt/apic.h"
#include "guests/rt/cpu.h"

#define BUFFER_BYTES   8192u
#define ID_BYTES       20u
#define UNKNOWN_TYPE   0x1234u
#define ZEROES_SECTORS 8u
#define ZEROES_UNMAP   1u

struct range { /* VIRTIO 1.2, "Block Device", struct virtio_blk_discard_write_zeroes */
	uint64_t sector;
	uint32_t sectors, flags;
};

static struct probe {
	struct device *d;
	struct request *r;
	uint8_t *buffer;
	uint32_t wrong;
} probe;

static uint8_t ask(uint32_t type, uint64_t sector, uint32_t bytes)
{
	probe.r->head.type = type;
	probe.r->head.sector = sector;
	modes_set_data(probe.r, probe.buffer, bytes, BUFFER_BYTES);
	return device_do(probe.d, probe.r);
}

static void expect(const char *what, uint8_t status, uint8_t expected)
{
	const bool good = status == expected;

	probe.wrong += !good;
	printf("@{\"blk\":\"answer\",\"to\":\"%s\",\"status\":%u,\"good\":%s}\n", what,
	       (unsigned)status, good ? "true" : "false");
}

static void say_facts(const struct device *d)
{
	const struct device_facts *f = &d->facts;
	char id[ID_BYTES + 1] = "";

	if (ask(REQUEST_ID, 0, ID_BYTES) == REQUEST_OK)
		memcpy(id, probe.buffer, ID_BYTES);
	else
		probe.wrong++;
	printf("@{\"blk\":\"facts\",\"id\":\"%s\",\"sectors\":%lu,\"block_bytes\":%u,"
	       "\"read_only\":%s,\"queues\":%u,\"offered\":\"%lx\",\"seg_max\":%u,"
	       "\"size_max\":%u}\n",
	       id, f->sector_count, (unsigned)f->block_bytes, f->is_read_only ? "true" : "false",
	       (unsigned)f->queue_count, d->offered, (unsigned)f->seg_max, (unsigned)f->size_max);
	printf("@{\"blk\":\"limits\",\"discard_max\":%u,\"zeroes_max\":%u,\"writeback\":%u,"
	       "\"physical_exponent\":%u}\n",
	       (unsigned)f->discard_max, (unsigned)f->zeroes_max, (unsigned)f->writeback,
	       (unsigned)f->physical_exponent);
}

static void ask_beyond_the_end(const struct device *d)
{
	const uint64_t end = d->facts.sector_count;

	expect("read of the last sector", ask(REQUEST_READ, end - 8, 4096), REQUEST_OK);
	expect("read over the end", ask(REQUEST_READ, end - 1, 4096), REQUEST_ERROR);
	expect("read behind the end", ask(REQUEST_READ, end, 4096), REQUEST_ERROR);
	expect("read beyond all sectors", ask(REQUEST_READ, UINT64_MAX, 4096), REQUEST_ERROR);
	expect("read that wraps", ask(REQUEST_READ, UINT64_MAX - 6, 4096), REQUEST_ERROR);
	expect("write over the end", ask(REQUEST_WRITE, end - 1, 4096), REQUEST_ERROR);
	expect("write behind the end", ask(REQUEST_WRITE, end, 4096), REQUEST_ERROR);
}

static void ask_nonsense(const struct device *d)
{
	expect("unknown request", ask(UNKNOWN_TYPE, 0, 4096), REQUEST_UNSUPPORTED);
	expect("length that is no sector's", ask(REQUEST_READ, 0, 100), REQUEST_ERROR);
}

static uint8_t ask_range(uint32_t type, struct range range)
{
	memcpy(probe.buffer, &range, sizeof(range));
	return ask(type, 0, sizeof(range));
}

static void ask_discard(const struct device *d)
{
	const uint64_t end = d->facts.sector_count;

	if (!(d->features & FEATURE(FEATURE_DISCARD)) || d->facts.is_read_only)
		return;
	expect("discard", ask_range(REQUEST_DISCARD, (struct range){ 0, ZEROES_SECTORS, 0 }),
	       REQUEST_OK);
	expect("discard over the end",
	       ask_range(REQUEST_DISCARD, (struct range){ end - 1, ZEROES_SECTORS, 0 }),
	       REQUEST_ERROR);
	expect("discard with a flag of another request",
	       ask_range(REQUEST_DISCARD, (struct range){ 0, ZEROES_SECTORS, ZEROES_UNMAP }),
	       REQUEST_UNSUPPORTED);
}

static void ask_zeroes(const struct device *d)
{
	const uint64_t end = d->facts.sector_count;
	bool are_zeroes = true;

	if (!(d->features & FEATURE(FEATURE_WRITE_ZEROES)) || d->facts.is_read_only)
		return;
	memset(probe.buffer, 0xa5, BUFFER_BYTES);
	expect("write before zeroes", ask(REQUEST_WRITE, 0, ZEROES_SECTORS * SECTOR_BYTES),
	       REQUEST_OK);
	expect("zeroes", ask_range(REQUEST_WRITE_ZEROES, (struct range){ 0, ZEROES_SECTORS, 0 }),
	       REQUEST_OK);
	expect("zeroes over the end",
	       ask_range(REQUEST_WRITE_ZEROES, (struct range){ end - 1, ZEROES_SECTORS, 0 }),
	       REQUEST_ERROR);
	memset(probe.buffer, 0xa5, BUFFER_BYTES);
	expect("read of zeroes", ask(REQUEST_READ, 0, ZEROES_SECTORS * SECTOR_BYTES), REQUEST_OK);
	for (uint32_t i = 0; i < ZEROES_SECTORS * SECTOR_BYTES; i++)
		are_zeroes &= probe.buffer[i] == 0;
	expect("zeroes are read", are_zeroes ? REQUEST_OK : REQUEST_ERROR, REQUEST_OK);
}

static void ask_write(const struct device *d)
{
	const bool reads_only = d->facts.is_read_only;

	expect("write", ask(REQUEST_WRITE, 0, 4096), reads_only ? REQUEST_ERROR : REQUEST_OK);
	if (d->features & FEATURE(FEATURE_FLUSH))
		expect("flush", ask(REQUEST_FLUSH, 0, 0), REQUEST_OK);
}

/* In the middle of requests, again and again: afterwards it is as new. */
static void reset_often(struct device *d)
{
	bool good = true;

	for (uint32_t i = 0; i < 10 && good; i++) {
		probe.r->head.type = REQUEST_READ;
		probe.r->head.sector = 0;
		modes_set_data(probe.r, probe.buffer, 4096, 4096);
		device_submit(d, probe.r, 0);
		device_kick(d, 0);
		good = device_start(d) && ask(REQUEST_READ, 0, 4096) == REQUEST_OK;
	}
	expect("reset with a request under way", good ? REQUEST_OK : REQUEST_ERROR, REQUEST_OK);
}

int mode_probe(struct device *d, const char *args)
{
	probe = (struct probe){ .d = d,
				.r = modes_new_request(),
				.buffer = memalign(4096, BUFFER_BYTES) };
	if (!probe.r || !probe.buffer)
		return EXIT_FAILURE;
	say_facts(d);
	ask_beyond_the_end(d);
	ask_nonsense(d);
	ask_write(d);
	ask_discard(d);
	ask_zeroes(d);
	reset_often(d);
	expect("not broken by all that", device_status(d) & STATUS_NEEDS_RESET, 0);
	printf("@{\"blk\":\"probe\",\"wrong\":%u}\n", (unsigned)probe.wrong);
	return probe.wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
