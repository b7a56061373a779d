/* SPDX-License-Identifier: Apache-2.0 */
/* drivers/nvme/nvme_disk_parts.c - requests cut into commands, and what becomes of these. */
#include "arch/mem.h"
#include "drivers/nvme/nvme_disk_priv.h"
#include "drivers/nvme/nvme_priv.h"
#include <string.h>

#define PAGE_MASK       (PAGE_BYTES - 1u)
#define PRP_ALIGN_MASK  3u
#define BLOCK_COUNT_MAX 65536u
#define TRIES_MAX       3u
#define TAKE_BATCH      16u /* completions of a queue in one call */

/* --- free parts, lost parts ------------------------------------------------------------------------- */

void nvme_parts_init(struct nvme_disk *n)
{
	for (uint32_t i = 0; i < NVME_DISK_PART_MAX; i++)
		n->parts[i].next = (uint16_t)(i + 1 < NVME_DISK_PART_MAX ? i + 1 : NVME_PART_NONE);
	n->free_part = 0;
	n->lost_first = n->lost_last = NVME_PART_NONE;
}

static void free_part(struct nvme_disk *n, uint16_t index)
{
	struct nvme_part *const p = &n->parts[index];

	if (p->bounce != NVME_BOUNCE_NONE)
		n->bounce_used &= ~BIT32(p->bounce);
	p->request = NULL;
	p->next = n->free_part;
	n->free_part = index;
}

static void lose_part(struct nvme_disk *n, uint16_t index)
{
	n->parts[index].next = NVME_PART_NONE;
	if (n->lost_first == NVME_PART_NONE)
		n->lost_first = index;
	else
		n->parts[n->lost_last].next = index;
	n->lost_last = index;
}

/* --- the end of a request ---------------------------------------------------------------------------- */

static void settle_flush(struct nvme_disk *n, struct block_request *r)
{
	/* With another on its way nobody knows which writes this one has covered. */
	if (--n->flushes_in_flight == 0 && r->status == BLOCK_OK)
		n->flushing = 0;
	if (n->lost_cache & nvme_disk_client(r)) {
		n->lost_cache &= ~nvme_disk_client(r);
		r->status = BLOCK_IO_ERROR;
	}
}

void nvme_parts_finish(struct nvme_disk *n, struct block_request *r)
{
	const bool writes = r->op == BLOCK_WRITE || r->op == BLOCK_WRITE_ZEROES;

	if (writes && !r->is_fua && r->status == BLOCK_OK && n->disk.facts.has_cache)
		n->dirty |= nvme_disk_client(r);
	n->disk.error_count += r->status != BLOCK_OK;
	r->next = NULL;
	if (n->done_first)
		n->done_last->next = r;
	else
		n->done_first = r;
	n->done_last = r;
}

/* One of its parts, or the cutting of them, has ended. */
static void release(struct nvme_disk *n, struct block_request *r)
{
	if (--r->driver.parts_left > 0)
		return;
	if (r->op == BLOCK_FLUSH && r->driver.done_bytes)
		settle_flush(n, r);
	nvme_parts_finish(n, r);
}

/* --- data -------------------------------------------------------------------------------------------- */

static bool has_data(const struct block_request *r)
{
	return r->op == BLOCK_READ || r->op == BLOCK_WRITE;
}

/* Memory at `at` as the first of a command, or after what ends at `end`. */
static bool can_begin(uint64_t at)
{
	return (at & PRP_ALIGN_MASK) == 0;
}

static bool can_follow(uint64_t end, uint64_t at)
{
	return end == at || ((end | at) & PAGE_MASK) == 0;
}

/*
 * Into n->pieces what one command can transfer from here on, `most` bytes at most, whole blocks. How
 * many bytes; 0: not even one block.
 */
static uint64_t gather(struct nvme_disk *n, const struct block_request *r, struct block_cursor c,
		       uint64_t most, uint32_t *piece_count)
{
	uint64_t bytes = 0, end = 0, surplus;
	uint32_t count = 0;

	for (; bytes < most && c.segment < r->segment_count; c.segment++, c.segment_done = 0) {
		const struct block_segment *s = &r->segments[c.segment];
		const uint64_t here = min_u64(s->bytes - c.segment_done, most - bytes);
		const uint64_t at = arch_mem_hpa(s->at).v + c.segment_done;

		if (here == 0)
			continue;
		if (count == 0 ? !can_begin(at) : !can_follow(end, at))
			break;
		if (count > 0 && end == at)
			n->pieces[count - 1].bytes += here;
		else
			n->pieces[count++] = (struct nvme_piece){ { at }, here };
		end = at + here;
		bytes += here;
	}
	surplus = bytes & (BIT64(n->block_shift) - 1);
	bytes -= surplus;
	while (surplus > 0) {
		const uint64_t here = min_u64(surplus, n->pieces[count - 1].bytes);

		n->pieces[count - 1].bytes -= here;
		count -= n->pieces[count - 1].bytes == 0;
		surplus -= here;
	}
	*piece_count = count;
	return bytes;
}

static uint32_t use_bounce(struct nvme_disk *n, const struct nvme_part *p)
{
	n->pieces[0] = (struct nvme_piece){ { n->bounce_hpa.v + (uint64_t)p->bounce * PAGE_BYTES },
					    p->bytes };
	return 1;
}

static uint8_t *bounce_at(const struct nvme_disk *n, const struct nvme_part *p)
{
	return n->bounce + (uint64_t)p->bounce * PAGE_BYTES;
}

/* --- sending ------------------------------------------------------------------------------------------ */

static bool is_queue_full(const struct nvme_disk *n, uint32_t queue)
{
	return nvme_queue_is_full(&n->queues[queue].queue);
}

static enum err send(struct nvme_disk *n, uint16_t index, uint32_t piece_count, uint64_t now_tsc)
{
	static const uint8_t ops[BLOCK_OP_COUNT] = {
		[BLOCK_READ] = NVME_READ,
		[BLOCK_WRITE] = NVME_WRITE,
		[BLOCK_FLUSH] = NVME_FLUSH,
		[BLOCK_DISCARD] = NVME_DEALLOCATE,
		[BLOCK_WRITE_ZEROES] = NVME_WRITE_ZEROES,
	};
	const struct nvme_part *const p = &n->parts[index];
	const struct block_request *const r = p->request;
	const struct nvme_request command = {
		.op = (enum nvme_op)ops[r->op],
		.nsid = n->nsid,
		.lba = (r->sector * BLOCK_SECTOR_BYTES + p->offset) >> n->block_shift,
		.block_count = (uint32_t)(p->bytes >> n->block_shift),
		.is_fua = r->is_fua && r->op != BLOCK_READ,
		.pieces = n->pieces,
		.piece_count = piece_count,
		.tag = index,
	};

	return nvme_io_submit(&n->queues[p->queue], &command, now_tsc);
}

/* Which bytes the next part has, and where they come from or go to. */
static enum err shape(struct nvme_disk *n, struct block_request *r, struct nvme_part *p,
		      uint32_t *piece_count)
{
	const uint64_t left = block_bytes(r) - n->at.done;
	uint32_t bounce;

	*piece_count = 0;
	p->bounce = NVME_BOUNCE_NONE;
	if (!has_data(r)) {
		p->bytes = min_u64(left, (uint64_t)BLOCK_COUNT_MAX << n->block_shift);
		return OK;
	}
	p->bytes = gather(n, r, n->at, min_u64(left, n->command_max_bytes), piece_count);
	if (p->bytes > 0)
		return OK;
	if (n->bounce_used == BIT32(NVME_DISK_BOUNCE_MAX) - 1)
		return ERR_BUSY;
	bounce = (uint32_t)__builtin_ctz(~n->bounce_used);
	n->bounce_used |= BIT32(bounce);
	p->bounce = (uint8_t)bounce;
	p->bytes = min_u64(left, PAGE_BYTES);
	*piece_count = use_bounce(n, p);
	if (r->op == BLOCK_WRITE)
		block_copy(r, n->at, bounce_at(n, p), p->bytes);
	return OK;
}

static enum err send_next(struct nvme_disk *n, struct block_request *r, uint64_t now_tsc)
{
	const uint16_t index = n->free_part;
	uint32_t piece_count;
	struct nvme_part *p;
	enum err e;

	if (index == NVME_PART_NONE || is_queue_full(n, n->cut_queue))
		return ERR_BUSY;
	p = &n->parts[index];
	e = shape(n, r, p, &piece_count);
	if (e != OK)
		return e;
	n->free_part = p->next;
	p->request = r;
	p->offset = n->at.done;
	p->queue = (uint8_t)n->cut_queue;
	p->tries = 1;
	e = send(n, index, piece_count, now_tsc);
	if (e != OK) {
		free_part(n, index);
		return e;
	}
	r->driver.parts_left++;
	if (has_data(r))
		block_advance(&n->at, r, p->bytes);
	else
		n->at.done += p->bytes;
	return OK;
}

/* A flush covers what was acknowledged before it is sent. done_bytes: it was. */
static void note_flush(struct nvme_disk *n, struct block_request *r)
{
	r->driver.done_bytes = 1;
	n->flushes_in_flight++;
	n->flushing |= n->dirty;
	n->dirty = 0;
}

static bool is_all_sent(const struct nvme_disk *n, const struct block_request *r)
{
	return r->op == BLOCK_FLUSH ? r->driver.done_bytes != 0 : n->at.done == block_bytes(r);
}

static void cut(struct nvme_disk *n, uint64_t now_tsc)
{
	struct block_request *const r = n->cutting;
	enum err e = OK;

	while (r->status == BLOCK_OK && !is_all_sent(n, r)) {
		e = send_next(n, r, now_tsc);
		if (e == ERR_BUSY)
			return;
		if (e != OK)
			r->status = e == ERR_UNSUPPORTED ? BLOCK_UNSUPPORTED : BLOCK_IO_ERROR;
		else if (r->op == BLOCK_FLUSH)
			note_flush(n, r);
	}
	n->cutting = NULL;
	release(n, r);
}

enum err nvme_parts_begin(struct nvme_disk *n, struct block_request *r, uint64_t now_tsc)
{
	/* Lost ones go first, or they might wait for ever. */
	if (n->cutting || n->lost_first != NVME_PART_NONE)
		return ERR_BUSY;
	r->status = BLOCK_OK;
	r->driver.parts_left = 1; /* the cutting */
	r->driver.done_bytes = 0;
	n->cutting = r;
	n->at = (struct block_cursor){ 0 };
	n->cut_queue = n->submit_queue;
	cut(n, now_tsc);
	if (n->cutting && r->driver.parts_left == 1) {
		n->cutting = NULL;
		return ERR_BUSY;
	}
	return OK;
}

/* --- completions --------------------------------------------------------------------------------------- */

static enum block_status status_of(const struct block_request *r, uint16_t status)
{
	const uint32_t code = NVME_STATUS_CODE(status);
	const bool is_hint = r->op == BLOCK_DISCARD || r->op == BLOCK_WRITE_ZEROES;

	if (is_hint && (code == NVME_SC_INVALID_OPCODE || code == NVME_SC_INVALID_FIELD))
		return BLOCK_UNSUPPORTED;
	return BLOCK_IO_ERROR;
}

static void end_part(struct nvme_disk *n, uint16_t index)
{
	struct block_request *const r = n->parts[index].request;

	free_part(n, index);
	release(n, r);
}

static bool is_worth_another_try(const struct nvme_disk *n, struct nvme_part *p, uint16_t status)
{
	if (n->disk.state == DISK_GONE || p->request->status != BLOCK_OK)
		return false;
	/* A reset may be this very command's doing: it is not to have one after the other. */
	if (status != NVME_STATUS_LOST && (status & NVME_STATUS_DNR))
		return false;
	return p->tries++ < TRIES_MAX;
}

static void take(struct nvme_disk *n, const struct nvme_done *done)
{
	const uint16_t index = (uint16_t)done->tag;
	struct nvme_part *const p = &n->parts[index];
	struct block_request *const r = p->request;

	if (done->status != NVME_SC_SUCCESS) {
		if (is_worth_another_try(n, p, done->status)) {
			lose_part(n, index);
			return;
		}
		if (r->status == BLOCK_OK)
			r->status = (uint8_t)(done->status == NVME_STATUS_LOST
						      ? BLOCK_IO_ERROR
						      : status_of(r, done->status));
	} else if (r->op == BLOCK_READ && p->bounce != NVME_BOUNCE_NONE) {
		block_copy(r, block_cursor_at(r, p->offset), bounce_at(n, p), p->bytes);
	}
	end_part(n, index);
}

static void send_again(struct nvme_disk *n, uint64_t now_tsc)
{
	while (n->lost_first != NVME_PART_NONE) {
		const uint16_t index = n->lost_first;
		struct nvme_part *const p = &n->parts[index];
		struct block_request *const r = p->request;
		uint32_t piece_count = 0;
		enum err e;

		/* Fewer may have been granted than before the reset. */
		p->queue = (uint8_t)(p->queue % n->d.io_granted_count);
		if (is_queue_full(n, p->queue))
			return;
		n->lost_first = p->next;
		if (p->bounce != NVME_BOUNCE_NONE)
			piece_count = use_bounce(n, p);
		else if (has_data(r))
			(void)gather(n, r, block_cursor_at(r, p->offset), p->bytes, &piece_count);
		e = r->status == BLOCK_OK ? send(n, index, piece_count, now_tsc) : ERR_INVAL;
		if (e != OK) {
			r->status = BLOCK_IO_ERROR;
			end_part(n, index);
		}
	}
}

void nvme_parts_go_on(struct nvme_disk *n, uint64_t now_tsc)
{
	struct nvme_done done[TAKE_BATCH];

	for (uint32_t i = 0; i < n->queue_count; i++) {
		const uint32_t count = nvme_io_poll(&n->queues[i], now_tsc, done, TAKE_BATCH);

		for (uint32_t k = 0; k < count; k++)
			take(n, &done[k]);
	}
	if (n->disk.state != DISK_UP || (!n->cutting && n->lost_first == NVME_PART_NONE))
		return;
	send_again(n, now_tsc);
	if (n->cutting && n->lost_first == NVME_PART_NONE)
		cut(n, now_tsc);
	for (uint32_t i = 0; i < n->queue_count; i++)
		nvme_io_kick(&n->queues[i]);
}

void nvme_parts_fail(struct nvme_disk *n)
{
	struct block_request *const r = n->cutting;

	while (n->lost_first != NVME_PART_NONE) {
		const uint16_t index = n->lost_first;

		n->lost_first = n->parts[index].next;
		n->parts[index].request->status = BLOCK_IO_ERROR;
		end_part(n, index);
	}
	if (!r)
		return;
	n->cutting = NULL;
	r->status = BLOCK_IO_ERROR;
	release(n, r);
}
