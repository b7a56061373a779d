/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device's virtqueue against a driver's, at random: split and packed, with and without EVENT_IDX,
 * with tables and without, in batches, over many laps. What was made available is taken once, in order,
 * as it was written; what is used comes back once, as it was pushed, and not before it is published;
 * an interrupt or a kick is asked for exactly when the specification says so, by a slow count.
 */
#include <string.h>
#include "io/virtqueue.h"
#include "tests/property/random.h"
#include "tests/property/virtqueue_driver.h"
#include "tests/test.h"

#define RAM_BYTES  KIB(64)
#define DESC_GPA   0x1000u
#define DRIVER_GPA 0x3000u
#define DEVICE_GPA 0x4000u
#define TABLES     0x8000u /* 192 bytes for each head */

static uint8_t ram[RAM_BYTES] __attribute__((aligned(4096)));
static const struct gmem memory = { 1, { { 0, RAM_BYTES, ram } } };
static struct virtqueue q;
static struct driver v;
static bool has_indirect, device_wants_kicks;

/* A chain as it was added, by its ID; in the order in which the device has to see it. */
struct sent {
	uint32_t id, count;
	struct piece pieces[DRIVER_PIECES_MAX];
};
static struct sent queue[DRIVER_SIZE_MAX];
static uint32_t queue_first, queue_count;

/* Taken by the device, to be pushed in any order. */
static struct virtqueue_chain held[DRIVER_SIZE_MAX];
static uint32_t held_count;

/* Pushed, in order; those before `shown` are published. */
static struct {
	uint32_t id, bytes;
} pushed[DRIVER_SIZE_MAX];
static uint32_t pushed_count, shown_count;
static uint64_t used_total, published_total; /* positions, as driver_wants_interrupt() has them */

static bool driver_sleeps, interrupt_came, device_sleeps, kick_came;
static uint64_t chains_done, interrupts, kicks;

static void start(uint32_t shape)
{
	const bool is_packed = shape & 1;
	const uint32_t size = is_packed ? (uint32_t)random_between(1, 40) : 1u << random_below(7);
	const struct virtqueue_config config = { .size = (uint16_t)size,
						 .is_packed = is_packed,
						 .has_event_idx = shape & 2,
						 .has_indirect = shape & 4,
						 .desc = DESC_GPA,
						 .driver = DRIVER_GPA,
						 .device = DEVICE_GPA };

	memset(ram, 0, sizeof(ram));
	v = (struct driver){ .is_packed = is_packed,
			     .has_event_idx = shape & 2,
			     .size = size,
			     .ram = ram,
			     .desc_gpa = DESC_GPA,
			     .driver_gpa = DRIVER_GPA,
			     .device_gpa = DEVICE_GPA };
	driver_init(&v);
	has_indirect = shape & 4;
	device_wants_kicks = true;
	queue_count = queue_first = held_count = pushed_count = shown_count = 0;
	used_total = published_total = 0;
	driver_sleeps = interrupt_came = device_sleeps = kick_came = false;
	CHECK(virtqueue_enable(&q, &memory, &config) == OK);
}

/* ---- The driver ---- */

static void random_chain(struct sent *s)
{
	const uint32_t writable_from = (uint32_t)random_below(DRIVER_PIECES_MAX);

	s->count = (uint32_t)random_between(1, min_u64(DRIVER_PIECES_MAX, v.size));
	for (uint32_t i = 0; i < s->count; i++)
		s->pieces[i] =
			(struct piece){ random_below(RAM_BYTES - 512),
					(uint32_t)random_below(8) ? (uint32_t)random_below(512) : 0,
					i >= writable_from, false };
}

/* Any place that no other table is at: one for each chain that there can be. */
static struct piece make_table(const struct sent *s, uint32_t direct)
{
	struct piece t = driver_table(&v, TABLES + 192 * ((queue_first + queue_count) % 128),
				      s->pieces + direct, s->count - direct);

	t.is_writable = random_below(2); /* "MUST ignore the write-only flag" */
	return t;
}

/* Split: some of it directly, and the rest in a table behind them. */
static void add(void)
{
	struct sent *s = &queue[(queue_first + queue_count) % DRIVER_SIZE_MAX];
	const bool has_table = has_indirect && random_below(2);
	struct piece ring[DRIVER_PIECES_MAX + 1];
	uint32_t count;

	random_chain(s);
	count = !has_table ? s->count : v.is_packed ? 0 : (uint32_t)random_below(s->count);
	if (v.free_count < count + has_table)
		return;
	memcpy(ring, s->pieces, sizeof(s->pieces));
	if (has_table)
		ring[count] = make_table(s, count);
	s->id = driver_add(&v, ring, count + has_table);
	queue_count++;
}

static void show(void)
{
	driver_show(&v);
	if (!driver_needs_kick(&v))
		return;
	kick_came = true;
	kicks++;
	CHECK(device_wants_kicks);
}

static void take_used(void)
{
	uint32_t bytes, id;

	while (driver_has_used(&v)) {
		CHECK(shown_count > 0);
		if (shown_count == 0)
			return;
		id = driver_take(&v, &bytes);
		CHECK(id == pushed[0].id && bytes == pushed[0].bytes);
		memmove(pushed, pushed + 1, sizeof(pushed[0]) * --pushed_count);
		shown_count--;
		chains_done++;
	}
	CHECK(shown_count == 0);
}

/* Sleeps only if nothing is there: then an interrupt has to come with what comes next. */
static void driver_waits(void)
{
	const uint64_t after = v.has_event_idx && random_below(2) ? random_below(3) : 0;

	take_used();
	driver_enable_interrupts(&v, after);
	driver_sleeps = after == 0 && !driver_has_used(&v);
	interrupt_came = false;
}

/* ---- The device ---- */

static void check_chain(const struct virtqueue_chain *c, const struct sent *s)
{
	uint32_t n = 0, readable = 0;
	uint64_t bytes[2] = { 0, 0 };

	CHECK(c->id == s->id);
	for (uint32_t i = 0; i < s->count; i++) {
		const struct piece *p = &s->pieces[i];

		if (p->bytes == 0)
			continue;
		CHECK(n < c->segment_count && c->segments[n].at == ram + p->gpa &&
		      c->segments[n].bytes == p->bytes);
		bytes[p->is_writable] += p->bytes;
		readable += !p->is_writable;
		n++;
	}
	CHECK(n == c->segment_count && readable == c->readable_count);
	CHECK(bytes[0] == c->readable_bytes && bytes[1] == c->writable_bytes);
}

/* What is shown by now: split rings have an index that may be behind. */
static uint32_t shown_to_device(void)
{
	uint32_t hidden = 0;

	if (!v.is_packed)
		hidden = (uint16_t)(v.avail - driver_load16(ram + DRIVER_GPA + 2));
	return queue_count - hidden;
}

static void pop(void)
{
	struct virtqueue_chain *c = &held[held_count];
	const uint32_t there = shown_to_device();
	const enum err e = virtqueue_pop(&q, c);

	CHECK(e == (there ? OK : ERR_BUSY));
	device_sleeps = e == ERR_BUSY && device_wants_kicks;
	kick_came = kick_came && !device_sleeps;
	if (e != OK || !there)
		return;
	check_chain(c, &queue[queue_first]);
	CHECK(c->desc_count == (v.is_packed ? v.desc_count[c->id] : 1));
	queue_first = (queue_first + 1) % DRIVER_SIZE_MAX;
	queue_count--;
	held_count++;
}

static void push(void)
{
	struct virtqueue_chain *c;
	uint32_t bytes = random_below(3) ? (uint32_t)random_u64() : 0;

	if (held_count == 0)
		return;
	c = &held[random_below(held_count)];
	virtqueue_push(&q, c->id, c->desc_count, bytes);
	used_total += c->desc_count;
	pushed[pushed_count].id = c->id;
	pushed[pushed_count++].bytes = bytes;
	*c = held[--held_count];
	CHECK(driver_has_used(&v) == (shown_count != 0));
}

static void publish(void)
{
	const bool is_wanted = driver_wants_interrupt(&v, published_total, used_total);

	CHECK(virtqueue_publish(&q) == is_wanted);
	published_total = used_total;
	if (pushed_count != shown_count) {
		interrupt_came |= is_wanted;
		interrupts += is_wanted;
		CHECK(!driver_sleeps || interrupt_came);
	}
	shown_count = pushed_count;
}

static void choose_kicks(void)
{
	device_wants_kicks = random_below(2);
	if (device_wants_kicks)
		CHECK(virtqueue_want_kicks(&q) == (shown_to_device() != 0));
	else
		virtqueue_refuse_kicks(&q);
	device_sleeps = device_wants_kicks && shown_to_device() == 0;
	kick_came = false;
}

/* The device found nothing, and wanted to be told: then what there is now was announced. */
static void check_kicks(void)
{
	if (device_sleeps && device_wants_kicks && shown_to_device() != 0)
		CHECK(kick_came);
}

static void step(void)
{
	switch (random_below(16)) {
	case 0:
	case 1:
	case 2:
	case 3:
		add();
		break;
	case 4:
	case 5:
		show();
		check_kicks();
		break;
	case 6:
	case 7:
	case 8:
	case 9:
		pop();
		break;
	case 10:
	case 11:
		push();
		break;
	case 12:
		publish();
		break;
	case 13:
		driver_waits();
		break;
	case 14:
		take_used();
		if (random_below(2)) {
			driver_disable_interrupts(&v);
			driver_sleeps = false;
		}
		break;
	default:
		if (random_below(8) == 0)
			choose_kicks();
		break;
	}
}

/* All that is under way comes back. */
static void drain(void)
{
	show();
	while (queue_count > 0 && !test_failed)
		pop();
	while (held_count > 0)
		push();
	publish();
	take_used();
	CHECK(v.free_count == v.size);
}

static void a_ring_carries_everything_once(void)
{
	for (uint32_t n = 0; n < 400 && !test_failed; n++) {
		start(n & 7);
		for (uint32_t i = 0; i < 1500 && !test_failed; i++)
			step();
		drain();
	}
	printf("%llu chains, %llu interrupts, %llu kicks\n", (unsigned long long)chains_done,
	       (unsigned long long)interrupts, (unsigned long long)kicks);
	CHECK(chains_done > 40000 && interrupts > 5000 && kicks > 5000);
}

/* 2^16 indices of a split ring, 2^15 places and laps of a packed one: several times. */
static void indices_wrap(void)
{
	for (uint32_t shape = 0; shape < 8; shape++) {
		start(shape);
		while (published_total < 150000 && !test_failed)
			step();
		drain();
	}
}

/* A device that polls, and a ring that is never empty when it looks: no kick, ever. */
static void refused_kicks_stay_refused(void)
{
	for (uint32_t shape = 0; shape < 8; shape++) {
		start(shape);
		while (v.size < 8)
			start(shape);
		device_wants_kicks = false;
		virtqueue_refuse_kicks(&q);
		while (published_total < 80000 && !test_failed) {
			add();
			if (queue_count > 1) {
				pop();
				push();
				publish();
			}
			show();
			take_used();
		}
		drain();
	}
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	srand((unsigned)random_state);
	RUN(a_ring_carries_everything_once);
	RUN(indices_wrap);
	RUN(refused_kicks_stay_refused);
	return test_failed;
}
