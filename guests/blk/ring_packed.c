/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packed: one ring of descriptors, which the device overwrites with those that it has used. Two
 * bits of each say in which round through the ring it was made available, and used.
 *
 * `added` and `seen` count descriptors; their place is the rest by the size, their round the
 * quotient. Sizes are powers of two, so both run on over 65535. Chains are known by an ID: the
 * number of a place, taken from a list of free ones.
 *
 * Source  VIRTIO 1.2, "Packed Virtqueues".
 */
#include "guests/blk/ring_priv.h"

#define AVAILABLE     0x0080u
#define USED          0x8000u
#define OFFSET        0u /* of an event structure: a place, and the round in bit 15 */
#define FLAGS         1u
#define EVENT_ENABLE  0u
#define EVENT_DISABLE 1u
#define EVENT_AT      2u
#define EVENT_ROUND   0x8000u

static bool round_of(const struct ring *r, uint16_t count)
{
	return !(count / r->size & 1); /* the first round's bit is 1 */
}

static struct ring_desc *at(const struct ring *r, uint16_t count)
{
	return &r->desc[count % r->size];
}

/* In a packed descriptor the ID comes before the flags. */
static uint16_t make_flags(const struct ring *r, uint16_t count, uint16_t flags)
{
	return (uint16_t)(flags | (round_of(r, count) ? AVAILABLE : USED));
}

static struct ring_desc packed(struct ring_desc d, uint16_t id, uint16_t flags)
{
	d.flags = id;
	d.next = flags;
	return d;
}

static uint16_t take_id(struct ring *r, const struct ring_chain *c, uint16_t count)
{
	const uint16_t id = r->free_head;

	r->free_head = r->places[id].next;
	r->free_count = (uint16_t)(r->free_count - count);
	r->places[id].token = c->token;
	r->places[id].descs = count;
	return id;
}

/* The first descriptor's flags last: with them the device may have the whole chain. */
void ring_packed_add(struct ring *r, const struct ring_chain *c, uint16_t count)
{
	const uint16_t id = take_id(r, c, count), first = r->added;
	uint16_t first_flags = 0;

	for (uint16_t i = 0; i < count; i++) {
		const uint16_t here = (uint16_t)(first + i);
		struct ring_desc d = ring_describe(c, i, true);
		uint16_t flags = make_flags(r, here, d.flags);

		flags = (uint16_t)(flags | (i + 1 < count ? RING_DESC_NEXT : 0));
		if (i == 0) {
			first_flags = flags;
			flags = at(r, here)->next; /* as it was: not available */
		}
		*at(r, here) = packed(d, id, flags);
	}
	ring_compiler_barrier();
	*(volatile uint16_t *)&at(r, first)->next = first_flags;
	r->added = (uint16_t)(first + count);
}

bool ring_packed_publish(struct ring *r)
{
	const uint16_t before = r->published, now = r->added;
	uint16_t flags, event, round_bit, wanted;

	r->published = now;
	ring_full_barrier(); /* what was made available before the device's wish */
	flags = r->used[FLAGS];
	event = r->used[OFFSET];
	if (now == before || flags == EVENT_DISABLE)
		return false;
	if (flags != EVENT_AT)
		return true;
	/* The count that the wish means is of this round or of the one before. */
	round_bit = round_of(r, now) ? EVENT_ROUND : 0;
	wanted = (uint16_t)((uint32_t)now - now % r->size + (event & ~EVENT_ROUND));
	if ((event & EVENT_ROUND) != round_bit)
		wanted = (uint16_t)(wanted - r->size);
	return ring_event_passed(wanted, now, before);
}

bool ring_packed_has_next(const struct ring *r)
{
	const uint16_t flags = *(volatile const uint16_t *)&at(r, r->seen)->next;
	const bool available = flags & AVAILABLE, used = flags & USED;

	return available == used && used == round_of(r, r->seen);
}

void *ring_packed_next(struct ring *r, uint32_t *written_bytes)
{
	const struct ring_desc *d = at(r, r->seen);
	const uint16_t id = d->flags;
	void *token;

	if (id >= r->size || !r->places[id].token) {
		r->broken++;
		r->seen++;
		return NULL;
	}
	token = r->places[id].token;
	*written_bytes = d->bytes;
	r->seen = (uint16_t)(r->seen + r->places[id].descs);
	r->free_count = (uint16_t)(r->free_count + r->places[id].descs);
	r->places[id].token = NULL;
	r->places[id].next = r->free_head;
	r->free_head = id;
	return token;
}

/* By descriptors, not chains: the device tells of the one that contains it. */
void ring_packed_want_interrupt(struct ring *r, uint16_t ahead)
{
	const uint16_t when = (uint16_t)(r->seen + ahead - 1);

	if (r->has_event_idx)
		r->avail[OFFSET] =
			(uint16_t)(when % r->size | (round_of(r, when) ? EVENT_ROUND : 0));
	ring_compiler_barrier();
	r->avail[FLAGS] = r->has_event_idx ? EVENT_AT : EVENT_ENABLE;
}

void ring_packed_refuse_interrupts(struct ring *r)
{
	r->avail[FLAGS] = EVENT_DISABLE;
}
