/* SPDX-License-Identifier: Apache-2.0 */
/* drivers/nvme/nvme_io.c - I/O queues: PRP lists, requests, completions, and giving back. */
#include "drivers/nvme/nvme_io.h"
#include "drivers/nvme/nvme_priv.h"
#include <string.h>

#define PAGE_MASK       (PAGE_BYTES - 1u)
#define LIST_PAGES_MAX  512u /* a list fills at most one page: it never needs a link to another */
#define BLOCK_COUNT_MAX 65536u
/* "PRP Entry Layout": bits 1:0 of an offset are 0. */
#define PRP_ALIGN_MASK 3u

/* --- the turns of stepper and owner ---------------------------------------------------------------- */

static uint32_t state_of(const struct nvme_io_queue *q)
{
	return __atomic_load_n(&q->state, __ATOMIC_ACQUIRE);
}

/* Release: whoever sees the new state sees what the old one's holder did to the queue. */
static void set_state(struct nvme_io_queue *q, enum nvme_queue_state state)
{
	__atomic_store_n(&q->state, (uint32_t)state, __ATOMIC_RELEASE);
}

void nvme_io_close(struct nvme *d)
{
	for (uint32_t i = 0; i < d->io_count; i++)
		if (state_of(d->io[i]) == NVME_Q_OPEN)
			set_state(d->io[i], NVME_Q_CLOSED);
}

void nvme_io_collect(struct nvme *d)
{
	for (uint32_t i = 0; i < d->io_count; i++)
		if (state_of(d->io[i]) == NVME_Q_CLOSED)
			set_state(d->io[i], NVME_Q_COLLECT);
}

bool nvme_io_is_collected(const struct nvme *d)
{
	for (uint32_t i = 0; i < d->io_count; i++)
		if (state_of(d->io[i]) != NVME_Q_COLLECTED)
			return false;
	return true;
}

struct nvme_sqe nvme_io_create_cq(const struct nvme *d, uint32_t index)
{
	const struct nvme_queue *q = &d->io[index]->queue;

	return (struct nvme_sqe){
		.cdw0 = NVME_ADMIN_CREATE_CQ,
		.prp1 = q->cq_hpa.v,
		.cdw10 = (q->entries - 1u) << 16 | q->id,
		.cdw11 = NVME_QUEUE_CONTIGUOUS,
	};
}

struct nvme_sqe nvme_io_create_sq(const struct nvme *d, uint32_t index)
{
	const struct nvme_queue *q = &d->io[index]->queue;

	return (struct nvme_sqe){
		.cdw0 = NVME_ADMIN_CREATE_SQ,
		.prp1 = q->sq_hpa.v,
		.cdw10 = (q->entries - 1u) << 16 | q->id,
		.cdw11 = (uint32_t)q->id << 16 | NVME_QUEUE_CONTIGUOUS,
	};
}

void nvme_io_open(struct nvme *d, uint32_t index)
{
	set_state(d->io[index], NVME_Q_OPEN);
}

/* --- adding a queue ----------------------------------------------------------------------------------- */

static uint32_t power_above(uint32_t n)
{
	uint32_t p = 2;

	while (p <= n)
		p *= 2;
	return p;
}

static uint64_t sq_bytes(uint32_t entries)
{
	return align_up(entries * sizeof(struct nvme_sqe), PAGE_BYTES);
}

static uint64_t cq_bytes(uint32_t entries)
{
	return align_up(entries * sizeof(struct nvme_cqe), PAGE_BYTES);
}

/* The first page of a transfer is in the command itself, so that the list has one to spare. */
static uint32_t list_bytes(uint32_t page_count)
{
	return page_count * 8u;
}

uint64_t nvme_io_memory_bytes(uint16_t slot_count, uint32_t page_count)
{
	const uint32_t entries = power_above(slot_count);

	return sq_bytes(entries) + cq_bytes(entries) +
	       align_up((uint64_t)slot_count * list_bytes(page_count), PAGE_BYTES);
}

static bool is_config_valid(const struct nvme_io_config *c)
{
	return c->memory.at && (c->memory.hpa.v & PAGE_MASK) == 0 && c->slots &&
	       c->slot_count >= 1 && c->slot_count <= NVME_SLOT_MAX && c->page_count >= 2 &&
	       c->page_count <= LIST_PAGES_MAX && (c->page_count & (c->page_count - 1)) == 0;
}

static void take_memory(struct nvme_io_queue *q, const struct nvme_memory *m, uint32_t entries)
{
	uint8_t *at = m->at;

	q->queue.sq = (struct nvme_sqe *)(void *)at;
	q->queue.sq_hpa = m->hpa;
	q->queue.cq = (const struct nvme_cqe *)(void *)(at + sq_bytes(entries));
	q->queue.cq_hpa = (hpa_t){ m->hpa.v + sq_bytes(entries) };
	q->lists = at + sq_bytes(entries) + cq_bytes(entries);
	q->lists_hpa = (hpa_t){ m->hpa.v + sq_bytes(entries) + cq_bytes(entries) };
}

enum err nvme_io_add(struct nvme *d, struct nvme_io_queue *q, const struct nvme_io_config *c)
{
	const uint16_t id = (uint16_t)(d->io_count + 1);
	uint32_t slot_count, entries;

	if (!is_config_valid(c))
		return ERR_INVAL;
	if (d->io_count == NVME_IO_QUEUE_MAX ||
	    c->memory.bytes < nvme_io_memory_bytes(c->slot_count, c->page_count) ||
	    NVME_CQHDBL(id, d->dstrd) + 4u > d->config.register_bytes)
		return ERR_NOMEM;
	memset(q, 0, sizeof(*q));
	slot_count = c->slot_count;
	entries = power_above(slot_count);
	while (entries > NVME_CAP_MQES(d->cap) + 1) {
		entries /= 2;
		slot_count = entries - 1;
	}
	take_memory(q, &c->memory, entries);
	nvme_queue_init(&q->queue, id, (uint16_t)entries, c->slots, (uint16_t)slot_count);
	q->d = d;
	q->list_bytes = list_bytes(c->page_count);
	q->transfer_max_bytes = (uint64_t)c->page_count * PAGE_BYTES;
	set_state(q, NVME_Q_COLLECTED);
	d->io[d->io_count++] = q;
	return OK;
}

/* --- PRP lists ------------------------------------------------------------------------------------------ */

/* All of it, and nothing that a list cannot express. */
static enum err check_pieces(const struct nvme_request *r, uint64_t bytes)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < r->piece_count; i++) {
		const struct nvme_piece *p = &r->pieces[i];
		const uint64_t end = p->at.v + p->bytes;

		if (p->bytes == 0 || p->bytes > bytes - sum || end < p->at.v ||
		    (p->at.v & PRP_ALIGN_MASK))
			return ERR_INVAL;
		if (i > 0 && (p->at.v & PAGE_MASK))
			return ERR_INVAL;
		if (i + 1 < r->piece_count && (end & PAGE_MASK))
			return ERR_INVAL;
		sum += p->bytes;
	}
	return sum == bytes ? OK : ERR_INVAL;
}

/*
 * PRP1 is the first page, with its offset. PRP2 is the second where there are two, else the list.
 * At most transfer_max_bytes / 4096 + 1 pages: the list has room for all but the first.
 */
static void put_pieces(struct nvme_io_queue *q, const struct nvme_request *r, struct nvme_sqe *c)
{
	const uint64_t at = (uint64_t)nvme_queue_next_slot(&q->queue) * q->list_bytes;
	uint64_t *list = (uint64_t *)(void *)(q->lists + at);
	uint32_t count = 0;

	c->prp1 = r->pieces[0].at.v;
	for (uint32_t i = 0; i < r->piece_count; i++) {
		const uint64_t begin = r->pieces[i].at.v;
		uint64_t page = i == 0 ? (begin | PAGE_MASK) + 1 : begin;

		for (; page < begin + r->pieces[i].bytes; page += PAGE_BYTES)
			list[count++] = page;
	}
	if (count == 1)
		c->prp2 = list[0];
	else if (count > 1)
		c->prp2 = q->lists_hpa.v + at;
}

static void put_range(struct nvme_io_queue *q, const struct nvme_request *r, struct nvme_sqe *c)
{
	const uint64_t at = (uint64_t)nvme_queue_next_slot(&q->queue) * q->list_bytes;
	struct nvme_dsm_range *range = (struct nvme_dsm_range *)(void *)(q->lists + at);

	*range = (struct nvme_dsm_range){ .blocks = r->block_count, .lba = r->lba };
	c->prp1 = q->lists_hpa.v + at;
	c->cdw10 = 0; /* ranges, 0's based */
	c->cdw11 = NVME_DSM_DEALLOCATE;
}

/* --- requests --------------------------------------------------------------------------------------------- */

static enum err check_transfer(const struct nvme_io_queue *q, const struct nvme_namespace *n,
			       const struct nvme_request *r)
{
	const uint64_t bytes = (uint64_t)r->block_count << n->block_shift;

	if (bytes > q->transfer_max_bytes || bytes > q->d->id.transfer_max_bytes)
		return ERR_RANGE;
	return check_pieces(r, bytes);
}

static enum err check(const struct nvme_io_queue *q, const struct nvme_request *r)
{
	const struct nvme_namespace *n = nvme_namespace(q->d, r->nsid);

	if (!n)
		return ERR_NODEV;
	if (r->op == NVME_FLUSH)
		return r->block_count == 0 && r->piece_count == 0 ? OK : ERR_INVAL;
	if (r->block_count == 0 || r->block_count > BLOCK_COUNT_MAX)
		return ERR_INVAL;
	if (r->lba >= n->block_count || r->block_count > n->block_count - r->lba)
		return ERR_RANGE;
	if (r->op == NVME_READ || r->op == NVME_WRITE)
		return check_transfer(q, n, r);
	if (r->piece_count != 0)
		return ERR_INVAL;
	if (r->op == NVME_DEALLOCATE)
		return q->d->id.has_dsm ? OK : ERR_UNSUPPORTED;
	if (r->op == NVME_WRITE_ZEROES)
		return q->d->id.has_write_zeroes ? OK : ERR_UNSUPPORTED;
	return ERR_INVAL;
}

static const uint8_t opcodes[] = {
	[NVME_READ] = NVME_IO_READ,
	[NVME_WRITE] = NVME_IO_WRITE,
	[NVME_FLUSH] = NVME_IO_FLUSH,
	[NVME_DEALLOCATE] = NVME_IO_DSM,
	[NVME_WRITE_ZEROES] = NVME_IO_WRITE_ZEROES,
};

enum err nvme_io_submit(struct nvme_io_queue *q, const struct nvme_request *r, uint64_t now_tsc)
{
	struct nvme_sqe c = { .nsid = r->nsid };
	enum err e;

	if (state_of(q) != NVME_Q_OPEN || nvme_queue_is_full(&q->queue))
		return ERR_BUSY;
	e = check(q, r);
	if (e != OK)
		return e;
	c.cdw0 = opcodes[r->op];
	if (r->op == NVME_DEALLOCATE) {
		put_range(q, r, &c);
	} else if (r->op != NVME_FLUSH) {
		c.cdw10 = (uint32_t)r->lba;
		c.cdw11 = (uint32_t)(r->lba >> 32);
		c.cdw12 = (r->block_count - 1) | (r->is_fua ? NVME_IO_FUA : 0);
		if (r->op != NVME_WRITE_ZEROES)
			put_pieces(q, r, &c);
	}
	nvme_queue_put(&q->queue, &c, r->tag, now_tsc + q->d->io_timeout_tsc);
	return OK;
}

void nvme_io_kick(struct nvme_io_queue *q)
{
	if (state_of(q) == NVME_Q_OPEN)
		nvme_queue_ring(q->d, &q->queue);
}

/* --- completions -------------------------------------------------------------------------------------------- */

static void report(struct nvme *d, enum nvme_fault what)
{
	uint32_t none = NVME_FAULT_NONE;

	/* The first one counts. */
	__atomic_compare_exchange_n(&d->pending_fault, &none, (uint32_t)what, false,
				    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

static uint32_t collect(struct nvme_io_queue *q, struct nvme_done done[], uint32_t max)
{
	uint32_t n = 0;

	while (n < max && nvme_queue_take_lost(&q->queue, &done[n]))
		n++;
	if (q->queue.in_flight == 0) {
		nvme_queue_reset(&q->queue);
		set_state(q, NVME_Q_COLLECTED);
	}
	return n;
}

uint32_t nvme_io_poll(struct nvme_io_queue *q, uint64_t now_tsc, struct nvme_done done[],
		      uint32_t max)
{
	const uint32_t state = state_of(q);
	enum nvme_fault what = NVME_FAULT_NONE;
	uint32_t n = 0;

	if (state == NVME_Q_COLLECT)
		return collect(q, done, max);
	if (state != NVME_Q_OPEN)
		return 0;
	while (n < max && nvme_queue_take(&q->queue, &done[n], &what))
		n++;
	if (n > 0)
		nvme_queue_give_back(q->d, &q->queue);
	/* Only a queue that has been emptied shows that the oldest command is late. */
	if (what == NVME_FAULT_NONE && n < max && now_tsc >= nvme_queue_deadline(&q->queue))
		what = NVME_FAULT_IO_TIMEOUT;
	if (what != NVME_FAULT_NONE)
		report(q->d, what);
	return n;
}
