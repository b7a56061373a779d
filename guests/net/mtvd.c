/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "guests/net/mtvd.h"

#define BYTES_BITS 16u

_Static_assert((MTVD_RING & (MTVD_RING - 1)) == 0, "indices wrap around");
_Static_assert(MTVD_BUFFER_MAX + 4096 <= UINT32_MAX >> BYTES_BITS, "an item holds both numbers");

/*
 * Rings' indices rise for ever, and are taken modulo the size. Whoever puts something in knows that there is
 * room: the dispatcher counts what is under way.
 */
static uint32_t ring_filled(const struct mtvd_ring *r)
{
	return __atomic_load_n(&r->put, __ATOMIC_ACQUIRE) - r->taken;
}

/* Orders what was written, slots and frames, before the index. */
static void ring_publish(struct mtvd_ring *r, uint32_t put)
{
	__atomic_store_n(&r->put, put, __ATOMIC_RELEASE);
}

/* Orders the looks at the slots before their being free. */
static void ring_free(struct mtvd_ring *r, uint32_t taken)
{
	__atomic_store_n(&r->taken, taken, __ATOMIC_RELEASE);
}

/* --- the dispatcher ------------------------------------------------------------------------------ */

void mtvd_init(struct mtvd *m, uint32_t lane_count, enum mtvd_order order, uint32_t first_buffer)
{
	memset(m, 0, sizeof(*m));
	m->lane_count = lane_count;
	m->order = order;
	for (uint32_t i = 0; i < mtvd_buffers(lane_count); i++)
		m->free[m->free_count++] = first_buffer + i;
}

uint32_t mtvd_choose(const struct mtvd *m, uint32_t flow)
{
	return (m->order == MTVD_BY_FLOW ? flow : (uint32_t)m->dispatched) % m->lane_count;
}

static void collect(struct mtvd *m, struct mtvd_lane *l)
{
	const uint32_t taken = l->done.taken, count = ring_filled(&l->done);

	for (uint32_t i = 0; i < count; i++)
		m->free[m->free_count + i] = l->done.slots[(taken + i) % MTVD_RING];
	m->free_count += count;
	l->under_way -= count;
	ring_free(&l->done, taken + count);
}

/* There are as many buffers as lanes have room for: where there is room, one is free somewhere. */
static bool has_room(struct mtvd *m, struct mtvd_lane *l)
{
	if (__builtin_expect(!l->was_full && l->under_way < MTVD_RING && m->free_count, true))
		return true;
	for (uint32_t i = 0; i < m->lane_count; i++)
		collect(m, &m->lanes[i]);
	l->was_full = l->under_way >= (l->was_full ? MTVD_RING / 2 : MTVD_RING);
	return !l->was_full;
}

uint32_t mtvd_room(struct mtvd *m)
{
	uint32_t least = MTVD_RING;

	for (uint32_t i = 0; i < m->lane_count && least; i++) {
		struct mtvd_lane *l = &m->lanes[i];
		uint32_t room = has_room(m, l) ? MTVD_RING - l->under_way : 0;

		/* Few at a time would have the others sleep and be woken for as few. */
		if (room < MTVD_RING / 8) {
			l->was_full = true;
			room = 0;
		}
		least = room < least ? room : least;
	}
	return least * m->lane_count;
}

uint32_t mtvd_dispatch(struct mtvd *m, struct mtvd_frame *frames, uint32_t count)
{
	uint32_t n;

	for (n = 0; n < count; n++) {
		struct mtvd_frame *f = &frames[n];
		struct mtvd_lane *l = &m->lanes[mtvd_choose(m, f->flow)];
		const uint32_t put = l->work.put;

		if (__builtin_expect(!has_room(m, l), false))
			break;
		f->instead = m->free[--m->free_count];
		l->work.slots[put % MTVD_RING] = f->buffer << BYTES_BITS | f->bytes;
		ring_publish(&l->work, put + 1);
		l->under_way++;
		l->has_new = true;
		m->dispatched++;
	}
	return n;
}

uint32_t mtvd_wanted(struct mtvd *m)
{
	uint32_t wanted = 0;

	/*
	 * Orders what was put before the look at who sleeps; a thread orders its saying so before its look at
	 * the ring: one of both sees the other.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < m->lane_count; i++) {
		struct mtvd_lane *l = &m->lanes[i];

		if (l->has_new && __atomic_load_n(&l->sleeps, __ATOMIC_RELAXED)) {
			__atomic_store_n(&l->sleeps, 0, __ATOMIC_RELAXED);
			wanted |= 1u << i;
			m->wakes++;
		}
		l->has_new = false;
	}
	return wanted;
}

uint32_t mtvd_under_way(struct mtvd *m)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < m->lane_count; i++) {
		collect(m, &m->lanes[i]);
		sum += m->lanes[i].under_way;
	}
	return sum;
}

/* --- a lane's thread ----------------------------------------------------------------------------- */

uint32_t mtvd_next(struct mtvd_lane *l, struct mtvd_frame *frames, uint32_t max)
{
	const uint32_t taken = l->work.taken, filled = ring_filled(&l->work);
	const uint32_t count = filled < max ? filled : max;

	for (uint32_t i = 0; i < count; i++) {
		const uint32_t item = l->work.slots[(taken + i) % MTVD_RING];

		frames[i].buffer = item >> BYTES_BITS;
		frames[i].bytes = item & ((1u << BYTES_BITS) - 1);
	}
	ring_free(&l->work, taken + count);
	return count;
}

void mtvd_done(struct mtvd_lane *l, const struct mtvd_frame *frames, uint32_t count)
{
	const uint32_t put = l->done.put;

	for (uint32_t i = 0; i < count; i++)
		l->done.slots[(put + i) % MTVD_RING] = frames[i].buffer;
	ring_publish(&l->done, put + count);
}

bool mtvd_is_idle(const struct mtvd_lane *l)
{
	return ring_filled(&l->work) == 0;
}

bool mtvd_may_sleep(struct mtvd_lane *l)
{
	__atomic_store_n(&l->sleeps, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* as in mtvd_wanted() */
	return mtvd_is_idle(l);
}

void mtvd_woke(struct mtvd_lane *l)
{
	__atomic_store_n(&l->sleeps, 0, __ATOMIC_RELAXED);
}
