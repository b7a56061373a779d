/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "guests/net/mtvd.h"

#define BYTES_BITS 16u

_Static_assert((MTVD_RING & (MTVD_RING - 1)) == 0, "indices wrap around");
_Static_assert(MTVD_BUFFER_MAX + 4096 <= UINT32_MAX >> BYTES_BITS, "an item holds both numbers");

/* --- a ring: indices rise for ever, and are taken modulo its size ---------------------------------- */

/* The dispatcher's count of what is under way sees to it that there is room. */
static void ring_put(struct mtvd_ring *r, uint32_t item)
{
	const uint32_t put = r->put;

	r->slots[put % MTVD_RING] = item;
	/* Orders the slot, and the frame that it names, before the index. */
	__atomic_store_n(&r->put, put + 1, __ATOMIC_RELEASE);
}

static bool ring_take(struct mtvd_ring *r, uint32_t *item)
{
	const uint32_t taken = r->taken;

	if (__atomic_load_n(&r->put, __ATOMIC_ACQUIRE) == taken)
		return false;
	*item = r->slots[taken % MTVD_RING];
	/* Orders the look at the slot before its being free. */
	__atomic_store_n(&r->taken, taken + 1, __ATOMIC_RELEASE);
	return true;
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
	uint32_t buffer;

	while (ring_take(&l->done, &buffer)) {
		m->free[m->free_count++] = buffer;
		l->under_way--;
	}
}

/* There are as many buffers as the lanes have room for: where there is room, there is one free. */
static bool has_room(struct mtvd *m, struct mtvd_lane *l)
{
	if (l->under_way >= (l->was_full ? MTVD_RING / 2 : MTVD_RING))
		collect(m, l);
	l->was_full = l->under_way >= (l->was_full ? MTVD_RING / 2 : MTVD_RING);
	return !l->was_full;
}

static uint32_t take_free(struct mtvd *m)
{
	for (uint32_t i = 0; i < m->lane_count && !m->free_count; i++)
		collect(m, &m->lanes[i]);
	return m->free[--m->free_count];
}

bool mtvd_dispatch(struct mtvd *m, uint32_t lane, uint32_t buffer, uint32_t bytes,
		   uint32_t *instead)
{
	struct mtvd_lane *l = &m->lanes[lane];

	if (!has_room(m, l))
		return false;
	*instead = take_free(m);
	ring_put(&l->work, buffer << BYTES_BITS | bytes);
	l->under_way++;
	l->has_new = true;
	m->dispatched++;
	return true;
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

bool mtvd_next(struct mtvd_lane *l, uint32_t *buffer, uint32_t *bytes)
{
	uint32_t item;

	if (!ring_take(&l->work, &item))
		return false;
	*buffer = item >> BYTES_BITS;
	*bytes = item & ((1u << BYTES_BITS) - 1);
	return true;
}

void mtvd_done(struct mtvd_lane *l, uint32_t buffer)
{
	ring_put(&l->done, buffer);
}

bool mtvd_may_sleep(struct mtvd_lane *l)
{
	__atomic_store_n(&l->sleeps, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* as in mtvd_wanted() */
	return __atomic_load_n(&l->work.put, __ATOMIC_ACQUIRE) == l->work.taken;
}

void mtvd_woke(struct mtvd_lane *l)
{
	__atomic_store_n(&l->sleeps, 0, __ATOMIC_RELAXED);
}
