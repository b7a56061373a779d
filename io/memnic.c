/* SPDX-License-Identifier: Apache-2.0 */
/* io/memnic.c - ports of the network controller: registers, mailbox, queues, messages. */
#include "io/memnic.h"
#include <string.h>
#include "io/memnic_parts.h"

#define SHAPER_TICK_NS US(100)
#define LOOK_NS        US(4)

/* ---- Queues ---- */

static uint64_t base_of(const struct memnic_vf *v, uint32_t queue)
{
	return (uint64_t)memnic_get(v, queue + QUEUE_BAH) << 32 |
	       (memnic_get(v, queue + QUEUE_BAL) & ~(RING_UNIT - 1));
}

/* As it is programmed now, or not at all. */
static void open_ring(struct memnic_vf *v, struct memnic_ring *r, uint32_t queue)
{
	const uint32_t bytes = memnic_get(v, queue + QUEUE_LEN);
	const uint32_t head = memnic_get(v, queue + QUEUE_HEAD);

	if (bytes == 0 || bytes % RING_UNIT != 0 || bytes > RING_BYTES_MAX ||
	    head >= bytes / DESC_BYTES)
		return;
	r->at = gmem_at(v->memory, base_of(v, queue), bytes);
	r->count = bytes / DESC_BYTES;
	r->head = r->tail = head;
	/* "BSIZEPACKET": 0 is 2 KiB */
	if (queue == REG_RX)
		v->rx_buffer_bytes = SRRCTL_KIB(memnic_get(v, queue + QUEUE_SRRCTL)) * 1024;
	if (queue == REG_RX && v->rx_buffer_bytes == 0)
		v->rx_buffer_bytes = 2048;
}

static bool follow_queue(struct memnic_vf *v, struct memnic_ring *r, uint32_t queue)
{
	const bool is_on =
		v->is_ready && v->is_master && (memnic_get(v, queue + QUEUE_DCTL) & DCTL_ENABLE);

	if (is_on == (r->at != NULL))
		return false;
	r->at = NULL;
	if (is_on)
		open_ring(v, r, queue);
	return true;
}

static void follow_queues(struct memnic *m, uint32_t i)
{
	struct memnic_vf *const v = &m->vfs[i];

	if (follow_queue(v, &v->rx, REG_RX) | follow_queue(v, &v->tx, REG_TX))
		memnic_note_queues(m, i);
}

static void close_queues(struct memnic *m, uint32_t i)
{
	m->vfs[i].rx.at = m->vfs[i].tx.at = NULL;
	memnic_note_queues(m, i);
}

/* ---- Resets ---- */

/*
 * The registers, and not all of the page: a guest that resets its port all the time takes this time from the
 * others. Of the mailbox nothing changes: a message may be there already.
 */
static const struct {
	uint16_t from, bytes;
} registers[] = {
	{ REG_CTRL, REG_STATUS + 4 - REG_CTRL },
	{ REG_EICS, REG_EIAM + 4 - REG_EICS },
	{ REG_EICR, 4 },
	{ REG_EITR(0), 4 * MEMNIC_VECTORS },
	{ REG_IVAR, 4 },
	{ REG_RX, QUEUE_DCTL + 4 },
	{ REG_TX, QUEUE_DCTL + 4 },
};

static void clear_registers(struct memnic_vf *v)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(registers); i++)
		memset(v->page + registers[i].from, 0, registers[i].bytes);
	memnic_put(v, REG_STATUS, STATUS_FD | STATUS_LU | STATUS_1000);
}

static void reset(struct memnic *m, uint32_t i)
{
	struct memnic_vf *const v = &m->vfs[i];

	close_queues(m, i);
	clear_registers(v);
	v->is_ready = false;
	v->mask = v->causes = v->latched = v->vectors = 0;
	for (uint32_t n = 0; n < MEMNIC_VECTORS; n++)
		v->throttle[n].guest_ns = 0;
	m->waiting &= ~BIT32(i);
	v->counts.generation++;
}

void memnic_reset(struct memnic *m, uint32_t vf)
{
	struct memnic_vf *const v = &m->vfs[vf];

	memnic_put(v, REG_MAILBOX, 0);
	reset(m, vf);
	v->is_cut = v->is_master = false;
}

void memnic_cut(struct memnic *m, uint32_t vf)
{
	m->vfs[vf].is_cut = true;
	m->vfs[vf].causes = m->vfs[vf].vectors = 0;
	m->waiting &= ~BIT32(vf);
	close_queues(m, vf);
}

void memnic_set_master(struct memnic *m, uint32_t vf, bool is_master)
{
	m->vfs[vf].is_master = is_master;
	if (!is_master)
		close_queues(m, vf);
}

/* ---- Mailbox ---- */

static void answer(struct memnic_vf *v, uint32_t what, bool is_granted)
{
	memnic_put(v, REG_VMBMEM, what | (is_granted ? MESSAGE_ACK : MESSAGE_NACK));
	memnic_put(v, REG_VMBMEM + 4, (uint32_t)v->address);
	memnic_put(v, REG_VMBMEM + 8, (uint32_t)(v->address >> 32) & 0xffff);
	/* After the words. */
	gmem_give32(v->page + REG_MAILBOX, MAILBOX_PFSTS | MAILBOX_PFACK);
}

static void take_message(struct memnic_vf *v)
{
	const uint32_t what = memnic_get(v, REG_VMBMEM) & MESSAGE_WHAT;
	const uint32_t low = memnic_get(v, REG_VMBMEM + 4);
	const uint32_t high = memnic_get(v, REG_VMBMEM + 8) & 0xffff;
	const bool is_mine =
		low == (uint32_t)v->address && high == ((uint32_t)(v->address >> 32) & 0xffff);

	v->is_ready |= what == MESSAGE_RESET;
	answer(v, what, what == MESSAGE_RESET || (what == MESSAGE_SET_MAC && is_mine));
}

/*
 * A message that follows a reset is seen after it: the mailbox is read first. Only what we have seen is
 * taken out of it.
 */
static void look_at_mailbox(struct memnic *m, uint32_t i)
{
	struct memnic_vf *const v = &m->vfs[i];
	gmem_aligned_u32 *const at = (gmem_aligned_u32 *)(void *)(v->page + REG_MAILBOX);
	uint32_t mailbox = __atomic_load_n(at, __ATOMIC_ACQUIRE);

	if (memnic_take(v, REG_CTRL) & CTRL_RST)
		reset(m, i);
	if (!(mailbox & (MAILBOX_REQ | MAILBOX_ACK)) ||
	    !__atomic_compare_exchange_n(at, &mailbox, 0, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_RELAXED))
		return;
	if (mailbox & MAILBOX_REQ)
		take_message(v);
}

static uint32_t count(uint32_t vectors)
{
	uint32_t n = 0;

	for (; vectors; vectors &= vectors - 1)
		n++;
	return n;
}

/* One port, each time another: registers for which nobody is in a hurry. */
static void look(struct memnic *m)
{
	const uint32_t i = m->look = memnic_after(m->present, m->look);
	struct memnic_vf *const v = &m->vfs[i];
	uint32_t set;

	if (v->is_cut)
		return;
	look_at_mailbox(m, i);
	follow_queues(m, i);
	memnic_note_mask(v);
	v->latched &= ~memnic_take(v, REG_EICR);
	set = memnic_take(v, REG_EICS) & (BIT32(MEMNIC_VECTORS) - 1);
	v->counts.raised += count(set);
	v->counts.merged += count(set & v->causes);
	v->causes |= set;
	if (v->causes)
		m->waiting |= BIT32(i);
}

/* ---- Messages ---- */

/* As if it had been sent at the first moment at which it might. */
static bool is_over(const struct memnic *m, struct memnic_vf *v, uint32_t vector, uint64_t now_ns)
{
	const uint64_t open_ns =
		v->throttle[vector].sent_ns + max_u64(v->interval_ns, v->throttle[vector].guest_ns);

	if (now_ns < open_ns)
		return false;
	v->throttle[vector].sent_ns = max_u64(open_ns, m->last_ns);
	v->throttle[vector].guest_ns = US(EITR_US(memnic_get(v, REG_EITR(vector))));
	return true;
}

static void send(struct memnic_vf *v, uint32_t vectors)
{
	v->causes &= ~vectors;
	v->mask &= ~(vectors & memnic_get(v, REG_EIAM));
	v->latched |= vectors & ~memnic_get(v, REG_EIAC);
	v->vectors |= vectors;
	v->counts.delivered += count(vectors);
}

/* Ports that have messages to send. */
static uint32_t send_due(struct memnic *m, uint64_t now_ns)
{
	uint32_t ports = 0;

	for (uint32_t left = m->waiting; left; left &= left - 1) {
		const uint32_t i = (uint32_t)__builtin_ctz(left);
		struct memnic_vf *const v = &m->vfs[i];
		uint32_t vectors = 0, due;

		memnic_note_mask(v);
		for (due = v->causes & v->mask & ~v->latched; due; due &= due - 1)
			if (is_over(m, v, (uint32_t)__builtin_ctz(due), now_ns))
				vectors |= due & -due;
		if (vectors == 0)
			continue;
		send(v, vectors);
		if (v->causes == 0)
			m->waiting &= ~BIT32(i);
		ports |= BIT32(i);
	}
	return ports;
}

uint32_t memnic_take_vectors(struct memnic *m, uint32_t vf)
{
	const uint32_t vectors = m->vfs[vf].vectors;

	m->vfs[vf].vectors = 0;
	return vectors;
}

/* ---- All of it ---- */

static void shape(struct memnic *m, uint64_t now_ns)
{
	if (now_ns < m->shaper_due_ns)
		return;
	m->shaper_due_ns = now_ns + SHAPER_TICK_NS;
	for (uint32_t i = 0; i < ARRAY_SIZE(m->shapers); i++)
		if (m->shapers[i])
			shaper_tick(m->shapers[i], now_ns);
}

uint32_t memnic_poll(struct memnic *m, uint64_t now_ns)
{
	uint32_t ports = 0;

	if (now_ns >= m->look_due_ns && m->present) {
		m->look_due_ns = now_ns + LOOK_NS;
		look(m);
	}
	shape(m, now_ns);
	memnic_move(m, now_ns);
	if (m->waiting)
		ports = send_due(m, now_ns);
	m->last_ns = now_ns;
	return ports;
}

void memnic_init(struct memnic *m, uint64_t link_bytes_per_s, uint64_t now_ns)
{
	*m = (struct memnic){ .byte_ns = (SEC(1) << 32) / link_bytes_per_s,
			      .end_ns = now_ns,
			      .last_ns = now_ns };
	for (uint32_t i = 0; i < MEMNIC_VF_MAX; i++)
		m->vfs[i].address = UINT64_MAX; /* nobody's */
}

void memnic_shape(struct memnic *m, uint32_t vf, const struct memnic_shaping *shaping)
{
	m->vfs[vf].shaping = *shaping;
	if (shaping->rx)
		m->shapers[0] = shaping->rx;
	if (shaping->tx)
		m->shapers[1] = shaping->tx;
}

/* Levels anew: there are few ports, and it is boot. */
static void order_levels(struct memnic *m)
{
	uint64_t below = UINT64_MAX;

	m->level_count = 0;
	for (uint32_t set = m->present; set; set &= ~m->levels[m->level_count++]) {
		uint32_t highest = 0;

		m->levels[m->level_count] = 0;
		for (uint32_t i = 0; i < MEMNIC_VF_MAX; i++)
			if ((set & BIT32(i)) && m->vfs[i].priority < below)
				highest = (uint32_t)max_u64(highest, m->vfs[i].priority);
		for (uint32_t i = 0; i < MEMNIC_VF_MAX; i++)
			if ((set & BIT32(i)) && m->vfs[i].priority == highest)
				m->levels[m->level_count] |= BIT32(i);
		below = highest;
	}
}

enum err memnic_add(struct memnic *m, uint32_t vf, const struct memnic_port *port)
{
	struct memnic_vf *v;

	if (vf >= MEMNIC_VF_MAX || (m->present & BIT32(vf)))
		return ERR_INVAL;
	v = &m->vfs[vf];
	/* An interval, and buckets, may have been given before. */
	v->page = port->page;
	v->memory = port->memory;
	v->address = (uint64_t)port->vlan << 48;
	v->priority = port->priority;
	v->may_receive = v->may_send = true;
	for (uint32_t i = 0; i < sizeof(port->mac); i++)
		v->address |= (uint64_t)port->mac[i] << 8 * i;
	m->present |= BIT32(vf);
	order_levels(m);
	memnic_reset(m, vf);
	return OK;
}

void memnic_set_interval(struct memnic *m, uint32_t vf, uint64_t interval_ns)
{
	m->vfs[vf].interval_ns = interval_ns;
}

void memnic_set_gate(struct memnic *m, uint32_t vf, bool may_receive, bool may_send)
{
	m->vfs[vf].may_receive = may_receive;
	m->vfs[vf].may_send = may_send;
}
