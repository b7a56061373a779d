/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/property/disk_guest.h - the driver of a shared disk in a guest, and what it knows of its data.
 *
 * Model    It never has two requests for one sector at a time if one of them changes it: then what
 *	    a sector holds follows from the requests that ended. `shadow` is what its writes have
 *	    left; `is_unknown` are sectors whose write ended badly, or with the device's life.
 *	    It looks at its rings when it was interrupted, having told the device to do that.
 */
#pragma once
#include "tests/property/disk_machine.h"
#include "tests/property/virtqueue_driver.h"

#define QUEUE_MAX   2u
#define SLOT_COUNT  16u /* requests of a queue at a time */
#define SLOT_BYTES  0x4000u
#define RINGS       0x1000u
#define RINGS_BYTES 0x3000u
#define LOW_SLOTS   0x10000u
#define HIGH_SLOTS  0xc0000u /* behind the hole: another piece of memory */
#define HEADER      0u
#define STATUS      0x20u
#define DATA        0x1003u
#define DATA_BYTES  0x2800u
#define NO_STATUS   0xeeu
#define IN_RAM      0u
#define NOWHERE     0x200000u

enum guest_state {
	GUEST_OFF,
	GUEST_RESETTING,
	GUEST_LIVE,
	GUEST_PARKING,
	GUEST_QUIET,
	GUEST_ENDED
};
enum request_type {
	TYPE_IN = 0,
	TYPE_OUT = 1,
	TYPE_FLUSH = 4,
	TYPE_GET_ID = 8,
	TYPE_DISCARD = 11,
	TYPE_WRITE_ZEROES = 13,
	TYPE_NONE = 99
};

struct slot {
	bool is_used, must_fail;
	uint32_t id; /* in the ring */
	uint32_t type, sector_count;
	uint64_t sector; /* of its share */
	uint64_t seed;   /* of what it writes */
};

struct queue {
	struct driver ring;
	struct slot slots[SLOT_COUNT];
	bool is_armed;
};

struct guest {
	uint32_t part;
	enum guest_state state;
	bool is_packed, has_event_idx, is_broken;
	uint32_t queue_count;
	struct queue queues[QUEUE_MAX];
	uint32_t readers[SHARE], writers[SHARE];
	uint8_t *memory_then; /* QUIET, ENDED: all its memory */
	uint64_t sent, ended; /* in all */
};

static inline struct device *device_of(const struct guest *g)
{
	return &m.devices[g->part];
}

static inline uint8_t *ram_of(const struct guest *g)
{
	return m.ram[g->part];
}

static inline uint8_t *slot_at(const struct guest *g, uint32_t q, uint32_t i)
{
	return ram_of(g) + (q == 0 ? LOW_SLOTS : HIGH_SLOTS) + i * SLOT_BYTES;
}

static inline uint64_t gpa_of(const struct guest *g, const uint8_t *at)
{
	return (uint64_t)(at - ram_of(g));
}

/* ---- Registers ---- */

static inline uint64_t device_read(const struct guest *g, uint64_t offset, uint32_t width)
{
	const struct pc_model *const model = &device_of(g)->model;
	const uint32_t before = taken_count();
	const uint64_t value = model->ops->read(model->context, offset, width);

	CHECK(taken_count() <= before && taken_count() + DISK_STEP_MAX >= before);
	return value;
}

/* What one exit may do. `port`: a write to BAR 2. True: the guest is to make it again. */
static inline bool device_access(const struct guest *g, bool port, uint64_t offset, uint32_t width,
				 uint64_t value)
{
	struct device *const d = device_of(g);
	const uint32_t before = taken_count();
	bool again = false;

	m.looks = m.ended = m.submitted = 0;
	d->is_locked = true;
	if (port)
		d->irq |= d->model.ops->write_port(d->model.context, offset, width, value, &again);
	else
		d->irq |= d->model.ops->write(d->model.context, offset, width, value);
	d->is_locked = false;
	CHECK(m.ended == 0 && m.looks == 0 && m.submitted <= 12);
	/* A reset drops some, a kick may find as many that the disk is not to be given any more. */
	CHECK(taken_count() <= before + DISK_STEP_MAX);
	CHECK(taken_count() + 2 * DISK_STEP_MAX >= before);
	return again;
}

static inline void device_write(const struct guest *g, uint64_t offset, uint32_t width,
				uint64_t value)
{
	(void)device_access(g, false, offset, width, value);
}

static inline void set_up_queue(struct guest *g, uint32_t i)
{
	struct driver *const v = &g->queues[i].ring;
	const uint64_t at = RINGS + i * RINGS_BYTES;

	device_write(g, 0x16, 2, i);
	*v = (struct driver){ .is_packed = g->is_packed,
			      .has_event_idx = g->has_event_idx,
			      .size = (uint32_t)device_read(g, 0x18, 2),
			      .ram = ram_of(g),
			      .desc_gpa = at,
			      .driver_gpa = at + 0x1000,
			      .device_gpa = at + 0x2000 };
	CHECK(v->size >= 16 && v->size <= 64);
	driver_init(v);
	memset(g->queues[i].slots, 0, sizeof(g->queues[i].slots));
	device_write(g, 0x1a, 2, i);
	device_write(g, 0x20, 8, v->desc_gpa);
	device_write(g, 0x28, 8, v->driver_gpa);
	device_write(g, 0x30, 8, v->device_gpa);
	device_write(g, 0x1c, 2, 1);
	driver_enable_interrupts(v, 0);
	g->queues[i].is_armed = true;
}

/* "Bus Master Enable": without it nothing is taken. */
static inline void let_reach_memory(const struct guest *g, bool is_master)
{
	const struct pc_model *const model = &device_of(g)->model;

	model->ops->set_master(model->context, is_master);
}

/* "Device Initialization" */
static inline void guest_start(struct guest *g)
{
	const bool is_master_first = random_below(2);
	uint64_t features;

	if (is_master_first)
		let_reach_memory(g, true);
	g->is_packed = random_below(2);
	g->has_event_idx = random_below(2);
	g->is_broken = false;
	memset(ram_of(g) + RINGS, 0, QUEUE_MAX * RINGS_BYTES);
	memset(g->readers, 0, sizeof(g->readers));
	memset(g->writers, 0, sizeof(g->writers));
	device_of(g)->irq = 0;
	device_write(g, 0x14, 1, 3);
	device_write(g, 0, 4, 0);
	features = device_read(g, 4, 4);
	device_write(g, 0, 4, 1);
	features |= device_read(g, 4, 4) << 32;
	features &= ~(g->is_packed ? 0 : VIRTIO_F_RING_PACKED);
	features &= ~(g->has_event_idx ? 0 : VIRTIO_F_EVENT_IDX);
	for (uint32_t i = 0; i < 2; i++) {
		device_write(g, 0x08, 4, i);
		device_write(g, 0x0c, 4, (uint32_t)(features >> 32 * i));
	}
	device_write(g, 0x10, 2, g->queue_count);
	device_write(g, 0x14, 1, 11);
	CHECK(device_read(g, 0x14, 1) == 11);
	for (uint32_t i = 0; i < g->queue_count; i++)
		set_up_queue(g, i);
	device_write(g, 0x14, 1, 15);
	CHECK(device_read(g, 0x14, 1) == 15);
	if (!is_master_first)
		let_reach_memory(g, true);
	g->state = GUEST_LIVE;
}

/* ---- Requests ---- */

static inline void fill(uint64_t seed, uint8_t *at, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++, seed = seed * 6364136223846793005u + 1)
		at[i] = (uint8_t)(seed >> 56);
}

static inline bool is_change(const struct slot *s)
{
	return s->type == TYPE_OUT || s->type == TYPE_DISCARD || s->type == TYPE_WRITE_ZEROES;
}

static inline bool has_range(const struct slot *s)
{
	return s->type == TYPE_IN || is_change(s);
}

static inline bool is_free(const struct guest *g, const struct slot *s)
{
	for (uint64_t i = s->sector; i < s->sector + s->sector_count; i++)
		if (g->writers[i] != 0 || (is_change(s) && g->readers[i] != 0))
			return false;
	return true;
}

static inline void claim(struct guest *g, const struct slot *s, uint32_t by)
{
	if (!has_range(s) || s->must_fail)
		return;
	for (uint64_t i = s->sector; i < s->sector + s->sector_count; i++)
		*(is_change(s) ? &g->writers[i] : &g->readers[i]) += by;
}

/* False: it would meet another one. */
static inline bool choose_request(const struct guest *g, struct slot *s)
{
	static const uint32_t types[] = { TYPE_IN,     TYPE_IN,      TYPE_IN,           TYPE_OUT,
					  TYPE_OUT,    TYPE_OUT,     TYPE_OUT,          TYPE_FLUSH,
					  TYPE_GET_ID, TYPE_DISCARD, TYPE_WRITE_ZEROES, TYPE_NONE };

	*s = (struct slot){ .is_used = true,
			    .type = types[random_below(ARRAY_SIZE(types))],
			    .sector = random_below(SHARE),
			    .seed = random_u64() };
	s->sector_count = (uint32_t)random_between(1, DATA_BYTES / BLOCK_SECTOR_BYTES);
	s->sector_count = (uint32_t)min_u64(s->sector_count, SHARE - s->sector);
	if (random_below(2))
		s->sector_count = 1;
	s->must_fail = s->type == TYPE_NONE || (is_change(s) && m.shares[g->part].is_read_only);
	if (has_range(s) && random_below(32) == 0) {
		s->must_fail = true; /* some of it is the neighbour's, or the gap before that */
		s->sector = random_below(2) ? SHARE - s->sector_count + 1 : SHARE + GAP;
	}
	return s->must_fail || !has_range(s) || is_free(g, s);
}

static inline uint32_t data_bytes(const struct slot *s)
{
	switch (s->type) {
	case TYPE_IN:
	case TYPE_OUT:
		return s->sector_count * BLOCK_SECTOR_BYTES;
	case TYPE_GET_ID:
		return VBLK_SERIAL_BYTES;
	case TYPE_DISCARD:
	case TYPE_WRITE_ZEROES:
		return 16;
	default:
		return 0;
	}
}

static inline bool is_to_guest(const struct slot *s)
{
	return s->type == TYPE_IN || s->type == TYPE_GET_ID;
}

static inline void put_request(uint8_t *at, const struct slot *s)
{
	const uint32_t words[2] = { s->type, 0 };
	const uint64_t sector = s->type == TYPE_IN || s->type == TYPE_OUT ? s->sector : 0;

	memcpy(at + HEADER, words, 8);
	memcpy(at + HEADER + 8, &sector, 8);
	at[STATUS] = NO_STATUS;
	memset(at + DATA - 1, 0x5a, DATA_BYTES + 2); /* and a byte on each side */
	if (s->type == TYPE_OUT)
		fill(s->seed, at + DATA, data_bytes(s));
	if (s->type == TYPE_DISCARD || s->type == TYPE_WRITE_ZEROES) {
		memcpy(at + DATA, &s->sector, 8);
		memcpy(at + DATA + 8, &s->sector_count, 4);
		memset(at + DATA + 12, 0, 4);
	}
}

/* Header, the data in up to three pieces, status. */
static inline uint32_t cut_request(const struct guest *g, uint8_t *at, const struct slot *s,
				   struct piece *pieces)
{
	const uint32_t bytes = data_bytes(s);
	uint32_t n = 0, done = 0;

	pieces[n++] = (struct piece){ gpa_of(g, at + HEADER), 16, false, false };
	while (done < bytes) {
		const uint32_t some = n == 3 || bytes - done == 1
					      ? bytes - done
					      : (uint32_t)random_between(1, bytes - done);

		pieces[n++] =
			(struct piece){ gpa_of(g, at + DATA + done), some, is_to_guest(s), false };
		done += some;
	}
	pieces[n++] = (struct piece){ gpa_of(g, at + STATUS), 1, true, false };
	return n;
}

static inline bool is_all_taken(const struct guest *g, uint32_t q)
{
	const struct virtqueue *const r = &client_of(g->part)->vblk.pci.queues[q].ring;
	const struct driver *const v = &g->queues[q].ring;

	if (!v->is_packed)
		return r->avail == (uint16_t)v->avail;
	return r->avail == v->avail % v->size && r->avail_wrap == driver_wrap(v, v->avail);
}

/* By port or memory. Between two exits of one kick the service may have its turn, or time may pass. */
static inline void guest_kick(struct guest *g, uint32_t q)
{
	const uint64_t offset = VIRTIO_PCI_NOTIFY_EACH * q;
	uint32_t exits = 0;

	if (random_below(2)) {
		device_write(g, VIRTIO_PCI_NOTIFY + offset, 2, q);
		return;
	}
	while (device_access(g, true, offset, 2, q)) {
		m.kicked_again++;
		CHECK(!is_all_taken(g, q));
		if (m.due_tsc <= m.now_tsc && random_below(4) == 0)
			step();
		CHECK(++exits <= QUEUE_MAX * 64 / (DISK_STEP_MAX / 2));
	}
}

/* `nowhere`: a piece of it lies where there is no RAM. */
static inline void send_one(struct guest *g, uint32_t q, uint32_t nowhere)
{
	struct queue *const k = &g->queues[q];
	struct piece pieces[8];
	uint32_t i = 0, n;
	struct slot s;

	while (i < SLOT_COUNT && k->slots[i].is_used)
		i++;
	if (i == SLOT_COUNT || k->ring.free_count < 5 || !choose_request(g, &s))
		return;
	put_request(slot_at(g, q, i), &s);
	n = cut_request(g, slot_at(g, q, i), &s, pieces);
	pieces[random_below(n)].gpa += nowhere;
	claim(g, &s, 1);
	s.id = driver_add(&k->ring, pieces, n);
	k->slots[i] = s;
	g->sent++;
}

static inline void guest_send(struct guest *g)
{
	const uint32_t q = (uint32_t)random_below(g->queue_count);
	struct driver *const v = &g->queues[q].ring;

	for (uint32_t n = (uint32_t)random_between(1, 12); n > 0; n--)
		send_one(g, q, IN_RAM);
	if (random_below(200) == 0) {
		send_one(g, q, NOWHERE);
		g->is_broken = true; /* sooner or later */
	}
	driver_show(v);
	if (driver_needs_kick(v) || random_below(16) == 0)
		guest_kick(g, q);
}

/* ---- Ends ---- */

static inline uint8_t *shadow_of(const struct guest *g)
{
	return m.shadow[g->part % disks.count] +
	       m.shares[g->part].first_sector * BLOCK_SECTOR_BYTES;
}

static inline bool *unknown_of(const struct guest *g)
{
	return m.is_unknown[g->part % disks.count] + m.shares[g->part].first_sector;
}

static inline void became(struct guest *g, const struct slot *s, bool is_unknown)
{
	uint8_t *const to = shadow_of(g) + s->sector * BLOCK_SECTOR_BYTES;

	memset(unknown_of(g) + s->sector, is_unknown, s->sector_count);
	if (is_unknown)
		return;
	if (s->type == TYPE_OUT)
		fill(s->seed, to, data_bytes(s));
	if (s->type == TYPE_WRITE_ZEROES)
		memset(to, 0, s->sector_count * (size_t)BLOCK_SECTOR_BYTES);
}

static inline void check_read(struct guest *g, const uint8_t *at, const struct slot *s)
{
	for (uint64_t i = 0; i < s->sector_count; i++)
		CHECK(unknown_of(g)[s->sector + i] ||
		      memcmp(at + DATA + i * BLOCK_SECTOR_BYTES,
			     shadow_of(g) + (s->sector + i) * BLOCK_SECTOR_BYTES,
			     BLOCK_SECTOR_BYTES) == 0);
}

/* Nothing but the data it asked for was written. */
static inline void check_buffer(const uint8_t *at, const struct slot *s)
{
	const uint32_t bytes = data_bytes(s);
	uint8_t wanted[DATA_BYTES];

	CHECK(at[DATA - 1] == 0x5a);
	for (uint32_t i = DATA + bytes; i <= DATA + DATA_BYTES; i++)
		CHECK(at[i] == 0x5a);
	fill(s->seed, wanted, bytes);
	CHECK(s->type != TYPE_OUT || memcmp(at + DATA, wanted, bytes) == 0);
}

static inline void check_status(const struct slot *s, uint8_t status, uint32_t written)
{
	if (s->must_fail) {
		CHECK(status == (s->type == TYPE_NONE ? 2 : 1));
		return;
	}
	CHECK(status == 0 || (m.is_moody && (status == 1 || status == 2)));
	if (status == 0)
		CHECK(written == (is_to_guest(s) ? data_bytes(s) : 0) + 1);
}

static inline void end_one(struct guest *g, uint32_t q, uint32_t i, uint32_t written)
{
	struct slot *const s = &g->queues[q].slots[i];
	const uint8_t *const at = slot_at(g, q, i);
	const uint8_t status = at[STATUS];

	check_status(s, status, written);
	check_buffer(at, s);
	if (!s->must_fail && is_change(s))
		became(g, s, status != 0 || s->type == TYPE_DISCARD);
	if (s->type == TYPE_IN && status == 0)
		check_read(g, at, s);
	if (s->type == TYPE_GET_ID)
		CHECK(at[DATA] == disks.units[g->part % disks.count]->config->name[0]);
	claim(g, s, UINT32_MAX);
	s->is_used = false;
	g->ended++;
}

static inline void take_used(struct guest *g, uint32_t q)
{
	struct queue *const k = &g->queues[q];

	while (driver_has_used(&k->ring)) {
		uint32_t written, i = 0;
		const uint32_t id = driver_take(&k->ring, &written);

		while (i < SLOT_COUNT && !(k->slots[i].is_used && k->slots[i].id == id))
			i++;
		CHECK(i < SLOT_COUNT); /* once, and nothing that it did not ask for */
		if (i == SLOT_COUNT)
			return;
		end_one(g, q, i, written);
	}
}

/* As a driver does after an interrupt: the last look is after the device was told to send more. */
static inline void guest_reap(struct guest *g, uint32_t q)
{
	struct queue *const k = &g->queues[q];

	device_of(g)->irq &= ~BIT64(q);
	take_used(g, q);
	driver_enable_interrupts(&k->ring, 0);
	k->is_armed = true;
	take_used(g, q);
}

static inline void guest_disarm(struct guest *g, uint32_t q)
{
	driver_disable_interrupts(&g->queues[q].ring);
	device_of(g)->irq &= ~BIT64(q);
	g->queues[q].is_armed = false;
}

/* What it had is lost: each of it was carried out, or not. */
static inline void guest_forget(struct guest *g)
{
	for (uint32_t q = 0; q < g->queue_count; q++)
		for (uint32_t i = 0; i < SLOT_COUNT; i++) {
			struct slot *const s = &g->queues[q].slots[i];

			if (s->is_used && !s->must_fail && is_change(s))
				became(g, s, true);
			g->ended += s->is_used;
			s->is_used = false;
		}
}
