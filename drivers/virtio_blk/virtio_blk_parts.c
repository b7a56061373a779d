/* SPDX-License-Identifier: Apache-2.0 */
/* drivers/virtio_blk/virtio_blk_parts.c - requests as chains of descriptors, and what becomes of them. */
#include "arch/mem.h"
#include "drivers/virtio_blk/virtio_blk_priv.h"
#include <string.h>

#define TRIES_MAX    3u
#define TAKE_BATCH   32u /* completions in one call */
#define STATUS_UNSET 0xffu

/* Of a slot, in its VIRTIO_HEADER_BYTES. */
#define HEADER_AT 0u
#define RANGE_AT  16u
#define STATUS_AT 32u

/* --- the ring ---------------------------------------------------------------------------------------- */

static struct virtio_desc *ring_descs(const struct virtio_blk *v)
{
	return virtio_at(v, VIRTIO_DESCS_AT);
}

static struct virtio_avail *avail(const struct virtio_blk *v)
{
	return virtio_at(v, VIRTIO_AVAIL_AT);
}

static const struct virtio_used *used(const struct virtio_blk *v)
{
	return virtio_at(v, VIRTIO_USED_AT);
}

static bool has_tables(const struct virtio_blk *v)
{
	return v->features & VIRTIO_F_INDIRECT_DESC;
}

void virtio_ring_init(struct virtio_blk *v)
{
	memset(virtio_at(v, VIRTIO_DESCS_AT), 0, VIRTIO_HEADERS_AT - VIRTIO_DESCS_AT);
	v->avail_count = v->shown_count = v->used_count = 0;
	avail(v)->flags = VIRTIO_AVAIL_NO_INTERRUPT;
}

/* Descriptors of slot `i`, and the number of the first of them in their table. */
static struct virtio_desc *table_of(const struct virtio_blk *v, uint32_t i, uint32_t *first)
{
	if (has_tables(v)) {
		*first = 0;
		return virtio_at(v, VIRTIO_TABLES_AT + i * VIRTIO_BLK_TABLE_BYTES);
	}
	*first = i * v->slot_descs;
	return ring_descs(v) + *first;
}

static uint64_t header_offset(uint32_t i, uint32_t field)
{
	return VIRTIO_HEADERS_AT + i * VIRTIO_HEADER_BYTES + field;
}

static void show_head(struct virtio_blk *v, uint32_t i, uint32_t desc_count)
{
	const uint16_t head = (uint16_t)(i * v->slot_descs);

	if (has_tables(v))
		ring_descs(v)[head] = (struct virtio_desc){
			.addr = virtio_hpa(v, VIRTIO_TABLES_AT + i * VIRTIO_BLK_TABLE_BYTES),
			.len = desc_count * (uint32_t)sizeof(struct virtio_desc),
			.flags = VIRTIO_DESC_INDIRECT,
		};
	avail(v)->ring[v->avail_count++ & (v->entries - 1u)] = head;
}

void virtio_ring_notify(struct virtio_blk *v)
{
	if (v->shown_count == v->avail_count)
		return;
	v->shown_count = v->avail_count;
	/* Release: chains and the ring before the index that makes them visible. */
	__atomic_store_n(&avail(v)->idx, v->avail_count, __ATOMIC_RELEASE);
	/* The index before the flag: else the device may sleep, and we do not know it. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(&used(v)->flags, __ATOMIC_RELAXED) & VIRTIO_USED_NO_NOTIFY))
		virtio_write(v, &v->config.layout.notify, v->notify_offset, 2, 0);
}

/* --- slots ------------------------------------------------------------------------------------------- */

void virtio_parts_init(struct virtio_blk *v)
{
	memset(v->slots, 0, sizeof(v->slots));
	for (uint32_t i = 0; i < v->slot_count; i++)
		v->slots[i].next = (uint8_t)(i + 1 < v->slot_count ? i + 1 : VIRTIO_SLOT_NONE);
	v->free_slot = 0;
	v->lost_first = v->lost_last = VIRTIO_SLOT_NONE;
}

static void free_slot(struct virtio_blk *v, uint8_t i)
{
	struct virtio_slot *const s = &v->slots[i];

	if (s->bounce != VIRTIO_BOUNCE_NONE)
		v->bounce_used &= ~BIT32(s->bounce);
	s->request = NULL;
	s->next = v->free_slot;
	v->free_slot = i;
}

static void lose_slot(struct virtio_blk *v, uint8_t i)
{
	v->slots[i].next = VIRTIO_SLOT_NONE;
	if (v->lost_first == VIRTIO_SLOT_NONE)
		v->lost_first = i;
	else
		v->slots[v->lost_last].next = i;
	v->lost_last = i;
}

/* --- the end of a request ---------------------------------------------------------------------------- */

static void append(struct block_request **first, struct block_request **last,
		   struct block_request *r)
{
	r->next = NULL;
	if (*first)
		(*last)->next = r;
	else
		*first = r;
	*last = r;
}

void virtio_parts_finish(struct virtio_blk *v, struct block_request *r)
{
	v->disk.error_count += r->status != BLOCK_OK;
	append(&v->done_first, &v->done_last, r);
}

/* It is to be on the medium, and is written: done_bytes says that its flush is under way. */
static bool wants_flush(const struct virtio_blk *v, const struct block_request *r)
{
	return (r->op == BLOCK_WRITE || r->op == BLOCK_WRITE_ZEROES) && r->is_fua &&
	       v->disk.facts.has_cache && r->status == BLOCK_OK && r->driver.done_bytes == 0;
}

static void release(struct virtio_blk *v, struct block_request *r)
{
	if (--r->driver.parts_left > 0)
		return;
	if (wants_flush(v, r)) {
		r->driver.done_bytes = 1;
		r->driver.parts_left = 1; /* to be flushed */
		append(&v->flush_first, &v->flush_last, r);
	} else {
		virtio_parts_finish(v, r);
	}
}

/* --- data -------------------------------------------------------------------------------------------- */

static bool has_data(const struct block_request *r)
{
	return r->op == BLOCK_READ || r->op == BLOCK_WRITE;
}

static uint32_t pieces_of_a_slot(const struct virtio_blk *v)
{
	return has_tables(v) ? BLOCK_SEGMENT_MAX : v->slot_descs - 2u;
}

/*
 * Into v->pieces what one chain can transfer from here on, `most` bytes at most, whole blocks. How
 * many bytes; 0: not even one block.
 */
static uint64_t gather(struct virtio_blk *v, const struct block_request *r, struct block_cursor c,
		       uint64_t most, uint32_t *piece_count)
{
	const uint64_t count_max = min_u64(v->piece_max, pieces_of_a_slot(v));
	uint64_t bytes = 0, surplus;
	uint32_t count = 0;

	while (bytes < most && c.segment < r->segment_count && count < count_max) {
		const struct block_segment *s = &r->segments[c.segment];
		uint64_t here = min_u64(s->bytes - c.segment_done, most - bytes);

		if (here == 0) {
			c.segment++;
			c.segment_done = 0;
			continue;
		}
		here = min_u64(here, v->piece_max_bytes);
		v->pieces[count++] = (struct virtio_piece){ arch_mem_hpa(s->at).v + c.segment_done,
							    (uint32_t)here };
		bytes += here;
		block_advance(&c, r, here);
	}
	surplus = bytes & (v->disk.facts.block_bytes - 1);
	bytes -= surplus;
	while (surplus > 0) {
		const uint32_t here = (uint32_t)min_u64(surplus, v->pieces[count - 1].bytes);

		v->pieces[count - 1].bytes -= here;
		count -= v->pieces[count - 1].bytes == 0;
		surplus -= here;
	}
	*piece_count = count;
	return bytes;
}

static uint8_t *bounce_at(const struct virtio_blk *v, const struct virtio_slot *s)
{
	return virtio_at(v, VIRTIO_BOUNCE_AT + (uint64_t)s->bounce * PAGE_BYTES);
}

static uint32_t use_bounce(struct virtio_blk *v, const struct virtio_slot *s)
{
	v->pieces[0] = (struct virtio_piece){ virtio_hpa(v, VIRTIO_BOUNCE_AT + (uint64_t)s->bounce *
										       PAGE_BYTES),
					      (uint32_t)s->bytes };
	return 1;
}

/* Of DISCARD and WRITE_ZEROES the data say which sectors. */
static uint32_t use_range(struct virtio_blk *v, uint32_t i)
{
	const struct virtio_slot *s = &v->slots[i];
	const struct block_request *r = s->request;
	struct virtio_blk_range *range = virtio_at(v, header_offset(i, RANGE_AT));
	const bool unmaps = r->op == BLOCK_WRITE_ZEROES && r->may_unmap && v->may_unmap;

	*range = (struct virtio_blk_range){
		.sector = r->sector + s->offset / BLOCK_SECTOR_BYTES,
		.sector_count = (uint32_t)(s->bytes / BLOCK_SECTOR_BYTES),
		.flags = unmaps ? VIRTIO_BLK_UNMAP : 0,
	};
	v->pieces[0] =
		(struct virtio_piece){ virtio_hpa(v, header_offset(i, RANGE_AT)), sizeof(*range) };
	return 1;
}

/* --- sending ------------------------------------------------------------------------------------------ */

/* Header, pieces, status byte: written from one end to the other, and not looked at again. */
static void put_chain(struct virtio_blk *v, uint32_t i, uint32_t piece_count, uint32_t piece_flags)
{
	const uint32_t last = piece_count + 1;
	uint32_t first;
	struct virtio_desc *const table = table_of(v, i, &first);

	table[0] = (struct virtio_desc){ .addr = virtio_hpa(v, header_offset(i, HEADER_AT)),
					 .len = sizeof(struct virtio_blk_header),
					 .flags = VIRTIO_DESC_NEXT,
					 .next = (uint16_t)(first + 1) };
	for (uint32_t n = 1; n < last; n++)
		table[n] =
			(struct virtio_desc){ .addr = v->pieces[n - 1].at,
					      .len = v->pieces[n - 1].bytes,
					      .flags = (uint16_t)(VIRTIO_DESC_NEXT | piece_flags),
					      .next = (uint16_t)(first + n + 1) };
	table[last] = (struct virtio_desc){ .addr = virtio_hpa(v, header_offset(i, STATUS_AT)),
					    .len = 1,
					    .flags = VIRTIO_DESC_WRITE };
	show_head(v, i, last + 1);
}

static void send(struct virtio_blk *v, uint8_t i, uint32_t piece_count, uint64_t now_tsc)
{
	static const uint8_t types[BLOCK_OP_COUNT] = {
		[BLOCK_READ] = VIRTIO_BLK_IN,
		[BLOCK_WRITE] = VIRTIO_BLK_OUT,
		[BLOCK_FLUSH] = VIRTIO_BLK_FLUSH,
		[BLOCK_DISCARD] = VIRTIO_BLK_DISCARD,
		[BLOCK_WRITE_ZEROES] = VIRTIO_BLK_WRITE_ZEROES,
	};
	struct virtio_slot *const s = &v->slots[i];
	const struct block_request *const r = s->request;
	struct virtio_blk_header *header = virtio_at(v, header_offset(i, HEADER_AT));

	*header = (struct virtio_blk_header){
		.type = s->is_flush ? VIRTIO_BLK_FLUSH : types[r->op],
		.sector = has_data(r) && !s->is_flush ? r->sector + s->offset / BLOCK_SECTOR_BYTES
						      : 0,
	};
	*(uint8_t *)virtio_at(v, header_offset(i, STATUS_AT)) = STATUS_UNSET;
	put_chain(v, i, piece_count, r->op == BLOCK_READ ? VIRTIO_DESC_WRITE : 0);
	s->deadline_tsc = now_tsc + mul_div(v->config.io_timeout_ns, v->config.tsc_hz, SEC(1));
	s->is_sent = true;
	v->sent_count++;
}

/* False: no bounce page is free. */
static bool shape(struct virtio_blk *v, uint8_t i, uint32_t *piece_count)
{
	struct virtio_slot *const s = &v->slots[i];
	const struct block_request *const r = s->request;
	const uint64_t left = block_bytes(r) - v->at.done;
	const uint32_t most =
		r->op == BLOCK_DISCARD ? v->discard_max_sectors : v->zeroes_max_sectors;
	uint32_t bounce;

	if (!has_data(r)) {
		s->bytes = min_u64(left, (uint64_t)most * BLOCK_SECTOR_BYTES);
		*piece_count = use_range(v, i);
		return true;
	}
	s->bytes = gather(v, r, v->at, left, piece_count);
	if (s->bytes > 0)
		return true;
	if (v->bounce_used == BIT32(VIRTIO_BLK_BOUNCE_MAX) - 1)
		return false;
	bounce = (uint32_t)__builtin_ctz(~v->bounce_used);
	v->bounce_used |= BIT32(bounce);
	s->bounce = (uint8_t)bounce;
	s->bytes = min_u64(left, PAGE_BYTES);
	*piece_count = use_bounce(v, s);
	if (r->op == BLOCK_WRITE)
		block_copy(r, v->at, bounce_at(v, s), s->bytes);
	return true;
}

/* A slot for the next part of `r`; VIRTIO_SLOT_NONE. */
static uint8_t take_slot(struct virtio_blk *v, struct block_request *r, uint64_t offset)
{
	const uint8_t i = v->free_slot;

	if (i == VIRTIO_SLOT_NONE)
		return i;
	v->free_slot = v->slots[i].next;
	v->slots[i] = (struct virtio_slot){
		.request = r, .offset = offset, .bounce = VIRTIO_BOUNCE_NONE, .tries = 1
	};
	return i;
}

static bool send_flush(struct virtio_blk *v, struct block_request *r, uint64_t now_tsc)
{
	const uint8_t i = take_slot(v, r, 0);

	if (i == VIRTIO_SLOT_NONE)
		return false;
	v->slots[i].is_flush = true;
	send(v, i, 0, now_tsc);
	return true;
}

static bool send_next(struct virtio_blk *v, struct block_request *r, uint64_t now_tsc)
{
	uint32_t piece_count;
	uint8_t i;

	if (r->op == BLOCK_FLUSH) {
		if (!send_flush(v, r, now_tsc))
			return false;
		r->driver.done_bytes = 1;
		r->driver.parts_left++;
		return true;
	}
	i = take_slot(v, r, v->at.done);
	if (i == VIRTIO_SLOT_NONE)
		return false;
	if (!shape(v, i, &piece_count)) {
		free_slot(v, i);
		return false;
	}
	send(v, i, piece_count, now_tsc);
	r->driver.parts_left++;
	if (has_data(r))
		block_advance(&v->at, r, v->slots[i].bytes);
	else
		v->at.done += v->slots[i].bytes;
	return true;
}

static bool is_all_sent(const struct virtio_blk *v, const struct block_request *r)
{
	return r->op == BLOCK_FLUSH ? r->driver.done_bytes != 0 : v->at.done == block_bytes(r);
}

static void cut(struct virtio_blk *v, uint64_t now_tsc)
{
	struct block_request *const r = v->cutting;

	while (r->status == BLOCK_OK && !is_all_sent(v, r))
		if (!send_next(v, r, now_tsc))
			return;
	v->cutting = NULL;
	release(v, r);
}

enum err virtio_parts_begin(struct virtio_blk *v, struct block_request *r, uint64_t now_tsc)
{
	if (v->cutting || v->flush_first || v->lost_first != VIRTIO_SLOT_NONE || v->fault)
		return ERR_BUSY;
	r->status = BLOCK_OK;
	r->driver.parts_left = 1; /* the cutting */
	r->driver.done_bytes = 0;
	v->cutting = r;
	v->at = (struct block_cursor){ 0 };
	cut(v, now_tsc);
	if (v->cutting && r->driver.parts_left == 1) {
		v->cutting = NULL;
		return ERR_BUSY;
	}
	return OK;
}

/* --- completions --------------------------------------------------------------------------------------- */

static void end_slot(struct virtio_blk *v, uint8_t i)
{
	struct block_request *const r = v->slots[i].request;

	free_slot(v, i);
	release(v, r);
}

static void complete(struct virtio_blk *v, uint8_t i)
{
	struct virtio_slot *const s = &v->slots[i];
	struct block_request *const r = s->request;
	const uint8_t status = *(const volatile uint8_t *)virtio_at(v, header_offset(i, STATUS_AT));

	s->is_sent = false;
	v->sent_count--;
	if (status != VIRTIO_BLK_OK)
		r->status = status == VIRTIO_BLK_UNSUPP ? BLOCK_UNSUPPORTED : BLOCK_IO_ERROR;
	else if (r->op == BLOCK_READ && s->bounce != VIRTIO_BOUNCE_NONE)
		block_copy(r, block_cursor_at(r, s->offset), bounce_at(v, s), s->bytes);
	end_slot(v, i);
}

static void take_used(struct virtio_blk *v)
{
	const struct virtio_used *const u = used(v);
	/* Acquire: what the device wrote before this index is there. */
	const uint16_t idx = __atomic_load_n(&u->idx, __ATOMIC_ACQUIRE);
	uint32_t count = (uint16_t)(idx - v->used_count);

	if (count > v->sent_count) {
		v->fault = "it has used more than it was given";
		return;
	}
	for (count = (uint32_t)min_u64(count, TAKE_BATCH); count > 0; count--) {
		const uint32_t id = __atomic_load_n(&u->ring[v->used_count & (v->entries - 1u)].id,
						    __ATOMIC_RELAXED);
		const uint32_t i = id / v->slot_descs;

		if (id % v->slot_descs != 0 || i >= v->slot_count || !v->slots[i].is_sent) {
			v->fault = "it has used what it was not given";
			return;
		}
		v->used_count++;
		complete(v, (uint8_t)i);
	}
}

static void send_again(struct virtio_blk *v, uint64_t now_tsc)
{
	while (v->lost_first != VIRTIO_SLOT_NONE) {
		const uint8_t i = v->lost_first;
		struct virtio_slot *const s = &v->slots[i];
		struct block_request *const r = s->request;
		uint32_t piece_count = 0;

		v->lost_first = s->next;
		if (r->status != BLOCK_OK || s->tries++ == TRIES_MAX) {
			r->status = BLOCK_IO_ERROR;
			end_slot(v, i);
			continue;
		}
		if (s->bounce != VIRTIO_BOUNCE_NONE)
			piece_count = use_bounce(v, s);
		else if (!s->is_flush && has_data(r))
			(void)gather(v, r, block_cursor_at(r, s->offset), s->bytes, &piece_count);
		else if (!s->is_flush)
			piece_count = use_range(v, i);
		send(v, i, piece_count, now_tsc);
	}
}

static void send_flushes(struct virtio_blk *v, uint64_t now_tsc)
{
	while (v->flush_first) {
		struct block_request *const r = v->flush_first;
		struct block_request *const next = r->next;

		if (!send_flush(v, r, now_tsc))
			return;
		v->flush_first = next;
	}
}

void virtio_parts_go_on(struct virtio_blk *v, uint64_t now_tsc)
{
	if (v->disk.state != DISK_UP || v->fault)
		return;
	take_used(v);
	if (v->fault)
		return;
	send_again(v, now_tsc);
	send_flushes(v, now_tsc);
	if (v->cutting)
		cut(v, now_tsc);
	if (v->flush_first) /* of what has just ended */
		send_flushes(v, now_tsc);
	virtio_ring_notify(v);
}

/* --- recovery ------------------------------------------------------------------------------------------- */

bool virtio_parts_are_late(const struct virtio_blk *v, uint64_t now_tsc)
{
	for (uint32_t i = 0; i < v->slot_count; i++)
		if (v->slots[i].is_sent && now_tsc >= v->slots[i].deadline_tsc)
			return true;
	return false;
}

void virtio_parts_lose(struct virtio_blk *v)
{
	for (uint32_t i = 0; i < v->slot_count; i++) {
		if (!v->slots[i].is_sent)
			continue;
		v->slots[i].is_sent = false;
		v->sent_count--;
		lose_slot(v, (uint8_t)i);
	}
}

void virtio_parts_fail(struct virtio_blk *v)
{
	struct block_request *r;

	while (v->lost_first != VIRTIO_SLOT_NONE) {
		const uint8_t i = v->lost_first;

		v->lost_first = v->slots[i].next;
		v->slots[i].request->status = BLOCK_IO_ERROR;
		end_slot(v, i);
	}
	r = v->cutting;
	v->cutting = NULL;
	if (r) {
		r->status = BLOCK_IO_ERROR;
		release(v, r);
	}
	while (v->flush_first) {
		r = v->flush_first;
		v->flush_first = r->next;
		r->status = BLOCK_IO_ERROR;
		release(v, r);
	}
}
