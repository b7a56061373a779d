/* SPDX-License-Identifier: Apache-2.0 */
/* io/memnic_wire.c - frames: who is next, how long the link has it, who gets it. */
#include <string.h>
#include "io/memnic_parts.h"

#define ADDRESS_BYTES    12u /* destination and source */
#define ADDRESS_BITS     (BIT64(48) - 1)
#define NOBODY           MEMNIC_VF_MAX

#define ASKED_WHILE_BUSY 2u

static uint8_t *desc_at(const struct memnic_ring *r)
{
	return r->at + (uint64_t)r->head * DESC_BYTES;
}

static void advance(struct memnic_vf *v, struct memnic_ring *r, uint32_t queue)
{
	r->head = r->head + 1 < r->count ? r->head + 1 : 0;
	memnic_put(v, queue + QUEUE_HEAD, r->head);
}

/* The guest's tail register, if it leads to something. */
static bool look_at_tail(const struct memnic_vf *v, struct memnic_ring *r, uint32_t queue)
{
	const uint32_t tail = memnic_get(v, queue + QUEUE_TAIL);

	if (tail >= r->count || tail == r->head)
		return false;
	r->tail = tail;
	return true;
}

void memnic_note_queues(struct memnic *m, uint32_t i)
{
	const struct memnic_vf *const v = &m->vfs[i];
	const uint32_t bit = BIT32(i);

	m->rx_on = v->rx.at ? m->rx_on | bit : m->rx_on & ~bit;
	m->tx_on = v->tx.at ? m->tx_on | bit : m->tx_on & ~bit;
	m->filled &= ~bit; /* it is seen again */
	if (!v->tx.at && m->is_busy && m->frame.from == i)
		m->is_busy = false;
}

/* ---- Who gets it ---- */

static uint32_t find(struct memnic *m, uint64_t address)
{
	uint8_t *const hint = &m->hints[address >> 40 & 0xff];

	if (m->vfs[*hint].address == address)
		return *hint;
	for (uint32_t i = 0; i < MEMNIC_VF_MAX; i++)
		if (m->vfs[i].address == address) {
			*hint = (uint8_t)i;
			return i;
		}
	return NOBODY;
}

/* The receiver's next buffer that holds so much; NULL: it has none. */
static uint8_t *find_room(struct memnic_vf *v, uint32_t bytes)
{
	struct memnic_ring *const r = &v->rx;
	uint8_t *room;

	if (r->head == r->tail && !look_at_tail(v, r, REG_RX))
		return NULL;
	if (bytes > v->rx_buffer_bytes)
		return NULL;
	room = gmem_at(v->memory, gmem_load64(desc_at(r)), bytes);
	if (!room) /* it leads nowhere: the guest has lost it */
		advance(v, r, REG_RX);
	return room;
}

/* The frame's owner may be changing it: where it goes, and whose it is, is as we have read it. */
static void copy(const struct memnic_frame *f, uint8_t *to)
{
	memcpy(to + ADDRESS_BYTES, f->at + ADDRESS_BYTES, f->bytes - ADDRESS_BYTES);
	gmem_store64(to, f->first);
	gmem_store32(to + 8, f->second);
	if (f->bytes < MEMNIC_FRAME_MIN)
		memset(to + f->bytes, 0, MEMNIC_FRAME_MIN - f->bytes);
}

static uint32_t padded(uint32_t bytes)
{
	return bytes < MEMNIC_FRAME_MIN ? MEMNIC_FRAME_MIN : bytes;
}

static bool may_receive(struct memnic *m, uint32_t i)
{
	const struct memnic_shaping *const s = &m->vfs[i].shaping;

	return m->vfs[i].may_receive && (!s->rx || shaper_is_open(s->rx, s->rx_client));
}

static void deliver(struct memnic *m, uint32_t i)
{
	struct memnic_vf *const v = &m->vfs[i];
	const uint32_t bytes = padded(m->frame.bytes);
	uint8_t *room, *desc;

	if (!may_receive(m, i)) {
		v->counts.shaped++;
		return;
	}
	room = m->rx_on & BIT32(i) ? find_room(v, bytes) : NULL;
	if (!room) {
		v->counts.no_room++;
		return;
	}
	copy(&m->frame, room);
	desc = desc_at(&v->rx);
	gmem_store64(desc, 0);
	/* After all that belongs to it. */
	__atomic_store_n((uint64_t *)(void *)(desc + 8), RX_DONE | RX_LAST | RX_BYTES(bytes),
			 __ATOMIC_RELEASE);
	advance(v, &v->rx, REG_RX);
	v->counts.rx_packets++;
	v->counts.rx_bytes += bytes;
	if (v->shaping.rx)
		shaper_take(v->shaping.rx, v->shaping.rx_client, 1, bytes);
	memnic_cause(m, i, IVAR_RX);
}

static void pass_on(struct memnic *m)
{
	const uint32_t from = m->frame.from;
	const uint64_t to = m->frame.first & ADDRESS_BITS;
	const uint64_t vlan = m->vfs[from].address & ~ADDRESS_BITS;
	uint32_t i;

	if (to != ADDRESS_BITS) {
		i = find(m, to | vlan);
		if (i != NOBODY && i != from)
			deliver(m, i);
		return;
	}
	for (i = 0; i < MEMNIC_VF_MAX; i++)
		if (i != from && (m->present & BIT32(i)) &&
		    (m->vfs[i].address & ~ADDRESS_BITS) == vlan)
			deliver(m, i);
}

/* ---- Who is next ---- */

/* The sender's place is its own again. */
static void give_back(struct memnic *m, uint32_t i, bool is_reported)
{
	struct memnic_vf *const v = &m->vfs[i];
	uint8_t *const status = desc_at(&v->tx) + DESC_BYTES - 4;

	if (is_reported)
		gmem_give32(status, gmem_load32(status) | TX_DONE);
	advance(v, &v->tx, REG_TX);
	if (v->tx.head == v->tx.tail && !look_at_tail(v, &v->tx, REG_TX))
		m->filled &= ~BIT32(i);
	if (is_reported)
		memnic_cause(m, i, IVAR_TX);
}

static void arrive(struct memnic *m)
{
	struct memnic_vf *const v = &m->vfs[m->frame.from];

	m->is_busy = false;
	m->frame_count++;
	v->counts.tx_packets++;
	v->counts.tx_bytes += padded(m->frame.bytes);
	pass_on(m);
	give_back(m, m->frame.from, m->frame.is_reported);
}

static bool may_send(struct memnic *m, uint32_t i)
{
	const struct memnic_shaping *const s = &m->vfs[i].shaping;

	return m->vfs[i].may_send && (!s->tx || shaper_is_open(s->tx, s->tx_client));
}

static uint32_t choose(struct memnic *m)
{
	for (uint32_t n = 0; n < m->level_count; n++)
		for (uint32_t set = m->filled & m->levels[n]; set;) {
			const uint32_t i = memnic_after(set, m->turn);

			if (may_send(m, i))
				return i;
			set &= ~BIT32(i);
		}
	return NOBODY;
}

/* What the descriptor says, once. False: nothing that can be sent. */
static bool read_frame(const struct memnic_vf *v, uint64_t lo, uint64_t hi, struct memnic_frame *f)
{
	const uint64_t wanted = TX_ADVANCED | TX_LAST | TX_DATA;
	const uint32_t bytes = TX_BYTES(hi);

	if ((hi & (TX_ADVANCED | TX_LAST | TX_TYPE)) != wanted || bytes <= ADDRESS_BYTES ||
	    bytes > MEMNIC_FRAME_MAX)
		return false;
	f->at = gmem_at(v->memory, lo, bytes);
	if (!f->at)
		return false;
	f->bytes = bytes;
	f->first = gmem_load64(f->at);
	f->second = gmem_load32(f->at + 8);
	return (f->first >> 48 | (uint64_t)f->second << 16) == (v->address & ADDRESS_BITS);
}

static void begin_time(struct memnic *m, uint32_t bytes)
{
	const uint64_t took = (padded(bytes) + MEMNIC_WIRE_BYTES) * m->byte_ns + m->fraction;

	m->end_ns = max_u64(m->end_ns, m->last_ns) + (took >> 32);
	m->fraction = (uint32_t)took;
}

/* False: nobody has anything to send, or may. */
static bool depart(struct memnic *m)
{
	const uint32_t i = choose(m);
	struct memnic_vf *v;
	uint64_t lo, hi;

	if (i == NOBODY)
		return false;
	v = &m->vfs[i];
	m->turn = i;
	lo = gmem_load64(desc_at(&v->tx));
	hi = gmem_load64(desc_at(&v->tx) + 8);
	m->frame.from = i;
	m->frame.is_reported = (hi & TX_REPORT) != 0;
	if (!read_frame(v, lo, hi, &m->frame)) {
		v->counts.refused++;
		give_back(m, i, m->frame.is_reported);
		return true;
	}
	m->is_busy = true;
	begin_time(m, m->frame.bytes);
	if (v->shaping.tx)
		shaper_take(v->shaping.tx, v->shaping.tx_client, 1, padded(m->frame.bytes));
	return true;
}

static inline void look_at_sender(struct memnic *m, uint32_t i)
{
	struct memnic_vf *const v = &m->vfs[i];

	if (memnic_get(v, REG_TX + QUEUE_TAIL) != v->tx.head && look_at_tail(v, &v->tx, REG_TX))
		m->filled |= BIT32(i);
}

/* Who has something to send? While the link has enough to do, a few are asked in each poll, in turn. */
static void look_at_senders(struct memnic *m)
{
	uint32_t left = m->tx_on & ~m->filled;

	if (!m->filled) {
		for (; left; left &= left - 1)
			look_at_sender(m, (uint32_t)__builtin_ctz(left));
		return;
	}
	for (uint32_t n = 0; left && n < ASKED_WHILE_BUSY; n++) {
		m->asked = memnic_after(left, m->asked);
		left &= ~BIT32(m->asked);
		look_at_sender(m, m->asked);
	}
}

void memnic_move(struct memnic *m, uint64_t now_ns)
{
	if (m->is_busy && now_ns < m->end_ns)
		return;
	look_at_senders(m);
	for (uint32_t n = 0; n < MEMNIC_POLL_FRAMES; n++) {
		if (m->is_busy) {
			if (now_ns < m->end_ns)
				return;
			arrive(m);
		}
		if (!depart(m))
			return;
	}
}
