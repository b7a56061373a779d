/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders: the compiler keeps volatile accesses in order, and x86 keeps loads and stores, but for a
 * store and a later load: full_barrier() says where that matters.
 */
#include <string.h>
#include "guests/blk/ring_priv.h"

#define FLAGS               0u
#define INDEX               1u
#define RING_FIRST          2u

#define OFFSET_DRIVER(size) ((uint32_t)(size) * (uint32_t)sizeof(struct ring_desc))

static uint32_t device_offset(uint16_t size)
{
	const uint32_t driver_end = OFFSET_DRIVER(size) + (3u + size) * (uint32_t)sizeof(uint16_t);

	return (driver_end + RING_ALIGN - 1) & ~(RING_ALIGN - 1);
}

uint32_t ring_bytes(uint16_t size)
{
	return device_offset(size) + 6u + size * (uint32_t)sizeof(struct ring_used);
}

void ring_init(struct ring *r, void *memory, uint16_t size, bool is_packed, bool has_event_idx)
{
	memset(memory, 0, ring_bytes(size));
	*r = (struct ring){
		.size = size,
		.is_packed = is_packed,
		.has_event_idx = has_event_idx,
		.desc = memory,
		.avail = (uint16_t *)((uint8_t *)memory + OFFSET_DRIVER(size)),
		.used = (uint16_t *)((uint8_t *)memory + device_offset(size)),
		.free_count = size,
	};
	for (uint16_t i = 0; i < size; i++)
		r->places[i].next = (uint16_t)(i + 1);
}

static struct ring_desc describe(const struct ring_chain *c, uint32_t piece)
{
	return (struct ring_desc){
		.address = (uintptr_t)c->pieces[piece].at,
		.bytes = c->pieces[piece].bytes,
		.flags = piece < c->out_count ? 0 : RING_DESC_WRITE,
	};
}

struct ring_desc ring_indirect(const struct ring_chain *c, bool is_packed)
{
	const uint32_t count = c->out_count + c->in_count;

	for (uint32_t i = 0; i < count; i++) {
		c->table[i] = describe(c, i);
		if (is_packed) { /* in order, without NEXT: the length says how many */
			c->table[i].next = c->table[i].flags;
			c->table[i].flags = 0;
		} else if (i + 1 < count) {
			c->table[i].flags |= RING_DESC_NEXT;
			c->table[i].next = (uint16_t)(i + 1);
		}
	}
	return (struct ring_desc){
		.address = (uintptr_t)c->table,
		.bytes = count * (uint32_t)sizeof(struct ring_desc),
		.flags = RING_DESC_INDIRECT,
	};
}

struct ring_desc ring_describe(const struct ring_chain *c, uint32_t piece, bool is_packed)
{
	return c->table ? ring_indirect(c, is_packed) : describe(c, piece);
}

/* --- split --------------------------------------------------------------------------------- */

static volatile struct ring_used *used_ring(const struct ring *r)
{
	return (volatile struct ring_used *)(volatile void *)(r->used + RING_FIRST);
}

static volatile uint16_t *used_event(const struct ring *r)
{
	return &r->avail[RING_FIRST + r->size];
}

static uint16_t avail_event(const struct ring *r)
{
	return r->used[RING_FIRST + 4u * r->size];
}

static void split_add(struct ring *r, const struct ring_chain *c, uint16_t count)
{
	const uint16_t head = r->free_head;
	uint16_t at = head, last = head;

	for (uint16_t i = 0; i < count; i++) {
		r->desc[at] = ring_describe(c, i, false);
		if (i + 1 < count) {
			r->desc[at].flags |= RING_DESC_NEXT;
			r->desc[at].next = r->places[at].next;
		}
		last = at;
		at = r->places[at].next;
	}
	r->places[head].token = c->token;
	r->places[head].descs = count;
	r->free_head = r->places[last].next;
	r->free_count = (uint16_t)(r->free_count - count);
	r->avail[RING_FIRST + r->added % r->size] = head;
	r->added++;
}

static bool split_publish(struct ring *r)
{
	const uint16_t before = r->published, now = r->added;

	ring_compiler_barrier();
	r->avail[INDEX] = now;
	r->published = now;
	/* The index before the wish: or the device sleeps and we have seen its old wish. */
	ring_full_barrier();
	if (r->has_event_idx)
		return ring_event_passed(avail_event(r), now, before);
	return now != before && !(r->used[FLAGS] & RING_NO_NOTIFY);
}

static void split_free(struct ring *r, uint16_t head)
{
	uint16_t last = head;

	for (uint16_t i = 1; i < r->places[head].descs; i++)
		last = r->places[last].next;
	r->places[last].next = r->free_head;
	r->free_head = head;
	r->free_count = (uint16_t)(r->free_count + r->places[head].descs);
	r->places[head].token = NULL;
}

static void *split_next(struct ring *r, uint32_t *written_bytes)
{
	const struct ring_used u = used_ring(r)[r->seen % r->size];
	void *token;

	r->seen++;
	if (u.id >= r->size || !r->places[u.id].token) {
		r->broken++;
		return NULL;
	}
	token = r->places[u.id].token;
	*written_bytes = u.bytes;
	split_free(r, (uint16_t)u.id);
	return token;
}

/* --- both ---------------------------------------------------------------------------------- */

bool ring_add(struct ring *r, const struct ring_chain *c)
{
	const uint32_t count = c->table ? 1 : c->out_count + c->in_count;

	if (count == 0 || count > r->free_count)
		return false;
	if (r->is_packed)
		ring_packed_add(r, c, (uint16_t)count);
	else
		split_add(r, c, (uint16_t)count);
	return true;
}

bool ring_publish(struct ring *r)
{
	return r->is_packed ? ring_packed_publish(r) : split_publish(r);
}

bool ring_has_next(const struct ring *r)
{
	return r->is_packed ? ring_packed_has_next(r) : r->used[INDEX] != r->seen;
}

void *ring_next(struct ring *r, uint32_t *written_bytes)
{
	void *token = NULL;

	while (!token && ring_has_next(r)) {
		ring_compiler_barrier();
		token = r->is_packed ? ring_packed_next(r, written_bytes)
				     : split_next(r, written_bytes);
	}
	return token;
}

void ring_want_interrupt(struct ring *r, uint16_t ahead)
{
	if (r->is_packed) {
		ring_packed_want_interrupt(r, ahead);
	} else {
		r->avail[FLAGS] = 0;
		*used_event(r) = (uint16_t)(r->seen + ahead - 1);
	}
	/* The wish before the look at what has been used: or both sides miss each other. */
	ring_full_barrier();
}

void ring_refuse_interrupts(struct ring *r)
{
	if (r->is_packed)
		ring_packed_refuse_interrupts(r);
	else if (!r->has_event_idx) /* with it, the old wish just lies behind */
		r->avail[FLAGS] = RING_NO_INTERRUPT;
}
