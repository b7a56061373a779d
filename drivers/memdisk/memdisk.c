/* SPDX-License-Identifier: Apache-2.0 */
/* drivers/memdisk/memdisk.c - a disk in memory: what is in flight, in the order of its completion. */
#include "drivers/memdisk/memdisk.h"
#include <string.h>

static struct memdisk *of(struct disk *d)
{
	return (struct memdisk *)(void *)d;
}

/* --- what is in flight ------------------------------------------------------------------------------ */

static bool is_before(const struct memdisk_slot *a, const struct memdisk_slot *b)
{
	if (a->done_tsc != b->done_tsc)
		return a->done_tsc < b->done_tsc;
	return (int32_t)(a->number - b->number) < 0;
}

static void insert(struct memdisk *m, const struct memdisk_slot *s)
{
	uint32_t at = m->disk.in_flight++;

	while (at > 0 && is_before(s, &m->slots[(at - 1) / 2])) {
		m->slots[at] = m->slots[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	m->slots[at] = *s;
}

static void remove_first(struct memdisk *m)
{
	const uint32_t count = --m->disk.in_flight;
	const struct memdisk_slot last = m->slots[count];
	uint32_t at = 0;

	for (uint32_t child = 1; child < count; child = 2 * at + 1) {
		if (child + 1 < count && is_before(&m->slots[child + 1], &m->slots[child]))
			child++;
		if (!is_before(&m->slots[child], &last))
			break;
		m->slots[at] = m->slots[child];
		at = child;
	}
	m->slots[at] = last;
}

/* --- data ------------------------------------------------------------------------------------------- */

static bool moves_data(const struct memdisk *m, const struct block_request *r)
{
	return m->config.memory && r->op != BLOCK_FLUSH && r->op != BLOCK_DISCARD;
}

/* From where it stopped before, `most` bytes at most. Its range is known to be on the disk. */
static uint64_t copy(struct memdisk *m, struct block_request *r, uint64_t most)
{
	const uint64_t begin = r->driver.done_bytes;
	const uint64_t end = begin + min_u64(most, block_bytes(r) - begin);
	uint8_t *const disk = m->config.memory + r->sector * BLOCK_SECTOR_BYTES;
	uint64_t at = 0; /* where this segment begins */

	for (uint32_t i = 0; i < r->segment_count && at < end; i++) {
		const struct block_segment *s = &r->segments[i];
		const uint64_t from = max_u64(at, begin), to = min_u64(at + s->bytes, end);

		if (from < to && r->op == BLOCK_READ)
			memcpy(s->at + (from - at), disk + from, to - from);
		else if (from < to)
			memcpy(disk + from, s->at + (from - at), to - from);
		at += s->bytes;
	}
	r->driver.done_bytes = end;
	return end - begin;
}

static uint64_t zero(struct memdisk *m, struct block_request *r, uint64_t most)
{
	const uint64_t begin = r->driver.done_bytes;
	const uint64_t bytes = min_u64(most, block_bytes(r) - begin);

	memset(m->config.memory + r->sector * BLOCK_SECTOR_BYTES + begin, 0, bytes);
	r->driver.done_bytes += bytes;
	return bytes;
}

/* False: it is not all there yet, and *left is 0. */
static bool is_moved(struct memdisk *m, struct block_request *r, uint64_t *left)
{
	if (!moves_data(m, r))
		return true;
	*left -= r->op == BLOCK_WRITE_ZEROES ? zero(m, r, *left) : copy(m, r, *left);
	return r->driver.done_bytes == block_bytes(r);
}

/* --- operations ------------------------------------------------------------------------------------- */

static enum disk_state serve(struct disk *d, uint64_t now_tsc, uint64_t *again_tsc)
{
	*again_tsc = TSC_NEVER;
	return d->state;
}

static enum err check(const struct disk *d, const struct block_request *r)
{
	const uint64_t count = d->facts.sector_count;
	const bool has_data = r->op == BLOCK_READ || r->op == BLOCK_WRITE;

	if (r->op >= BLOCK_OP_COUNT)
		return ERR_UNSUPPORTED;
	if (r->op == BLOCK_FLUSH)
		return OK;
	if (r->sector > count || r->sector_count > count - r->sector ||
	    (has_data && block_bytes(r) > d->facts.request_max_bytes))
		return ERR_RANGE;
	return OK;
}

static enum err submit(struct disk *d, struct block_request *r, uint64_t now_tsc)
{
	struct memdisk *const m = of(d);
	const enum err e = check(d, r);
	struct memdisk_slot s;

	if (e != OK)
		return e;
	if (d->in_flight == MEMDISK_DEPTH_MAX)
		return ERR_BUSY;
	r->driver.done_bytes = 0;
	r->driver.done_tsc = service_time_submit(&m->time, (enum block_op)r->op, r->is_fua,
						 block_bytes(r), now_tsc);
	s = (struct memdisk_slot){ r, r->driver.done_tsc, m->submitted++ };
	insert(m, &s);
	return OK;
}

/* The service of a request begins with its submission. */
static void kick(struct disk *d)
{
}

static uint32_t poll(struct disk *d, uint64_t now_tsc, struct block_request *done[], uint32_t max,
		     uint64_t *again_tsc)
{
	struct memdisk *const m = of(d);
	uint64_t left = DISK_COPY_MAX;
	uint32_t n = 0;

	while (n < max && d->in_flight > 0 && m->slots[0].done_tsc <= now_tsc) {
		struct block_request *const r = m->slots[0].request;

		if (!is_moved(m, r, &left))
			break;
		r->status = BLOCK_OK;
		done[n++] = r;
		remove_first(m);
	}
	*again_tsc = d->in_flight ? max_u64(now_tsc, m->slots[0].done_tsc) : TSC_NEVER;
	return n;
}

static const struct disk_ops ops = { "memory", serve, submit, kick, poll };

static bool is_config_valid(const struct memdisk_config *c)
{
	const uint32_t block = c->block_bytes;

	return block >= BLOCK_SECTOR_BYTES && block <= PAGE_BYTES && (block & (block - 1)) == 0 &&
	       c->bytes >= block && c->bytes % block == 0 && c->request_max_bytes >= block &&
	       c->request_max_bytes % block == 0;
}

enum err memdisk_begin(struct memdisk *m, const struct memdisk_config *config, uint64_t now_tsc)
{
	enum err e;

	m->disk = (struct disk){ .ops = &ops, .state = DISK_GONE, .why = "its configuration" };
	if (!is_config_valid(config))
		return ERR_INVAL;
	m->config = *config;
	m->submitted = 0;
	m->disk.facts = (struct disk_facts){ .sector_count = config->bytes / BLOCK_SECTOR_BYTES,
					     .block_bytes = config->block_bytes,
					     .request_max_bytes = config->request_max_bytes,
					     .has_cache = config->time.flush_ns != 0,
					     .has_discard = true,
					     .has_write_zeroes = true,
					     .model = "memory" };
	/* What a look costs is worth it at the earliest a microsecond after the last. */
	m->disk.poll_tsc = config->tsc_hz / (SEC(1) / US(1));
	e = service_time_init(&m->time, &m->config.time, config->tsc_hz, now_tsc);
	if (e != OK)
		return e;
	m->disk.state = DISK_UP;
	m->disk.why = NULL;
	return OK;
}
