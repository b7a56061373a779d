/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "core/lib/assert.h"
#include "tests/model/vtd_device.h"

/* ---- MSI-X ---- */

void vtdd_init(struct vtdd *d, struct vtdm *unit, uint16_t requester, uint32_t vectors,
	       uint64_t seed)
{
	ASSERT(vectors <= VTDD_VECTORS);
	*d = (struct vtdd){
		.unit = unit, .requester = requester, .vector_count = vectors, .seed = seed
	};
	for (uint32_t i = 0; i < vectors; i++)
		d->table[i].control = 1;
}

static void send(struct vtdd *d, uint64_t address, uint32_t data)
{
	const struct vtdm_interrupt what = vtdm_interrupt(d->unit, d->requester, address, data);

	if (d->message)
		d->message(d->context, d, what);
}

/* A message is a memory write: where the entry's address is not in the range, that is all. */
static void send_entry(struct vtdd *d, const struct vtdd_entry *e)
{
	if (e->address >> 20 == 0xfee)
		send(d, e->address, e->data);
	else
		vtdd_write(d, e->address, &e->data, 4);
}

static void send_pending(struct vtdd *d)
{
	for (uint32_t i = 0; i < d->vector_count; i++) {
		if (!d->is_enabled || d->is_masked || (d->table[i].control & 1) ||
		    !(d->pending & BIT64(i)))
			continue;
		d->pending &= ~BIT64(i);
		send_entry(d, &d->table[i]);
	}
}

void vtdd_signal(struct vtdd *d, uint32_t vector)
{
	ASSERT(vector < d->vector_count);
	if (!d->is_enabled || !d->is_master)
		return;
	d->pending |= BIT64(vector);
	send_pending(d);
}

void vtdd_forge(struct vtdd *d, uint64_t address, uint32_t data)
{
	if (d->is_master)
		send(d, 0xfee00000 | (address & 0xffffc), data);
}

void vtdd_enable(struct vtdd *d, bool is_enabled, bool is_masked)
{
	d->is_enabled = is_enabled;
	d->is_masked = is_masked;
	if (d->is_master)
		send_pending(d);
}

uint32_t vtdd_table_read(const struct vtdd *d, uint32_t offset)
{
	const struct vtdd_entry *const e = &d->table[offset / 16 % VTDD_VECTORS];

	if (offset == VTDD_PBA || offset == VTDD_PBA + 4)
		return (uint32_t)(d->pending >> (offset == VTDD_PBA ? 0 : 32));
	if (offset / 16 >= d->vector_count)
		return 0;
	switch (offset % 16) {
	case 0:
		return (uint32_t)e->address;
	case 4:
		return (uint32_t)(e->address >> 32);
	case 8:
		return e->data;
	default:
		return e->control;
	}
}

void vtdd_table_write(struct vtdd *d, uint32_t offset, uint32_t value)
{
	struct vtdd_entry *const e = &d->table[offset / 16 % VTDD_VECTORS];

	if (offset / 16 >= d->vector_count)
		return;
	switch (offset % 16) {
	case 0:
		e->address = (e->address & ~(uint64_t)UINT32_MAX) | (value & ~3u);
		break;
	case 4:
		e->address = (e->address & UINT32_MAX) | (uint64_t)value << 32;
		break;
	case 8:
		e->data = value;
		break;
	default:
		e->control = value & 1;
		break;
	}
	if (d->is_master)
		send_pending(d);
}

/* ---- DMA ---- */

struct request {
	uint64_t at;
	uint8_t *data;
	uint32_t bytes;
	enum vtdm_access access;
};

static enum vtdm_fault one_request(struct vtdd *d, const struct request *q)
{
	const struct vtdm_dma done = vtdm_dma(d->unit, d->requester, q->at, q->bytes, q->access);
	uint8_t *host;

	if (done.fault)
		return done.fault;
	if (done.is_message) {
		uint32_t data;

		memcpy(&data, q->data, 4);
		send(d, q->at, data);
		return VTDM_OK;
	}
	host = vtdm_memory(d->unit, done.host, q->bytes);
	if (q->access == VTDM_READ && !host)
		memset(q->data, 0xff, q->bytes);
	else if (q->access == VTDM_READ)
		memcpy(q->data, host, q->bytes);
	else if (host)
		memcpy(host, q->data, q->bytes);
	return VTDM_OK;
}

static struct vtdd_transfer transfer(struct vtdd *d, struct request q)
{
	struct vtdd_transfer done = { 0 };
	const uint32_t bytes = q.bytes;

	while (d->is_master && done.bytes < bytes) {
		const uint32_t room = 4096 - (uint32_t)(q.at & 4095);

		q.bytes = bytes - done.bytes < room ? bytes - done.bytes : room;
		done.fault = one_request(d, &q);
		done.fault_at = q.at;
		if (done.fault)
			break;
		done.bytes += q.bytes;
		q.at += q.bytes;
		q.data += q.bytes;
	}
	return done;
}

struct vtdd_transfer vtdd_read(struct vtdd *d, uint64_t at, void *data, uint32_t bytes)
{
	return transfer(d, (struct request){ at, data, bytes, VTDM_READ });
}

struct vtdd_transfer vtdd_write(struct vtdd *d, uint64_t at, const void *data, uint32_t bytes)
{
	/* Not written through: one request for both directions. */
	union {
		const void *from;
		uint8_t *to;
	} both = { .from = data };

	return transfer(d, (struct request){ at, both.to, bytes, VTDM_WRITE });
}

/* ---- Anything ---- */

/* SplitMix64 (Steele, Lea, Flood) */
static uint64_t next(struct vtdd *d)
{
	uint64_t z = d->seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t random_address(struct vtdd *d, uint64_t reach)
{
	const uint64_t r = next(d);

	if (r & 1)
		return reach ? next(d) % reach : 0;
	if (r & 2)
		return (BIT64(12 + (r >> 8) % 52) + (r & 4 ? 0 : next(d) % 8192)) -
		       (r & 8 ? 64 : 0);
	return next(d) >> (r >> 8) % 52;
}

static uint64_t random_message(struct vtdd *d)
{
	const uint64_t r = next(d);

	/* Small handles are where the table is. */
	return r & 1 ? 0x10 | (r >> 8 & 0xff) << 5 | (r & 8) : r >> 8;
}

struct vtdd_step vtdd_random(struct vtdd *d, uint64_t reach, uint8_t fill)
{
	static const uint32_t sizes[] = { 1, 4, 8, 64, 256, 4096, 9000 };
	static uint8_t data[9000];
	const uint64_t r = next(d);
	struct vtdd_step s = { .bytes = sizes[(r >> 8) % ARRAY_SIZE(sizes)] };

	s.kind = (unsigned int)(r & 7) < 3 ? VTDD_READ : (r & 7) < 6 ? VTDD_WRITE : VTDD_SIGNAL;
	if ((r & 7) == 7 || (s.kind == VTDD_SIGNAL && !d->vector_count))
		s.kind = VTDD_FORGE;
	s.at = s.kind <= VTDD_WRITE ? random_address(d, reach) : 0;
	if (s.kind == VTDD_READ) {
		s.transfer = vtdd_read(d, s.at, data, s.bytes);
	} else if (s.kind == VTDD_WRITE) {
		memset(data, fill, s.bytes);
		s.transfer = vtdd_write(d, s.at, data, s.bytes);
	} else if (s.kind == VTDD_SIGNAL) {
		s.at = next(d) % d->vector_count;
		vtdd_signal(d, (uint32_t)s.at);
	} else {
		s.at = 0xfee00000 | (random_message(d) & 0xffffc);
		s.data = (uint32_t)next(d);
		vtdd_forge(d, s.at, s.data);
	}
	return s;
}
