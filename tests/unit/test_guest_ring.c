/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/test_guest_ring.c - the guests' side of a virtqueue against the device's side,
 * io/virtqueue.h: two readings of one specification. Both sleep as the protocol lets them: whoever
 * is not told while there is something for him would sleep for ever.
 */
#include <stdlib.h>
#include <string.h>
#include "guests/blk/ring.h"
#include "io/virtqueue.h"
#include "tests/test.h"

#define CHAINS    64u
#define PIECES    6u
#define DATA      4096u
#define ROUNDS    20000u
#define QUIET_MAX 4000u /* steps of both without a chain moving */

struct job {
	bool is_under_way, was_popped;
	uint32_t out_count, in_count, written;
	struct ring_piece pieces[PIECES];
	struct ring_desc table[PIECES];
};

struct kind {
	uint16_t size;
	bool is_packed, has_event_idx, has_indirect;
};

static struct world {
	struct ring ring;
	struct virtqueue queue;
	struct gmem memory;
	struct job jobs[CHAINS];
	struct virtqueue_chain popped[CHAINS];
	uint32_t popped_count;
	bool device_sleeps, driver_sleeps;
	uint64_t random, moved, back, kicks, interrupts;
} w;
static uint8_t data[DATA];

static uint64_t rnd(uint64_t below)
{
	w.random ^= w.random << 13;
	w.random ^= w.random >> 7;
	w.random ^= w.random << 17;
	return (w.random >> 16) % below;
}

static void begin(const struct kind *k, uint64_t seed)
{
	void *room =
		aligned_alloc(RING_ALIGN, (ring_bytes(k->size) + RING_ALIGN) & ~(RING_ALIGN - 1));
	struct virtqueue_config c = { .size = k->size,
				      .is_packed = k->is_packed,
				      .has_event_idx = k->has_event_idx,
				      .has_indirect = k->has_indirect };

	memset(&w, 0, sizeof(w));
	w.random = seed * 0x9e3779b97f4a7c15u | 1;
	ring_init(&w.ring, room, k->size, k->is_packed, k->has_event_idx);
	/* All of the process' memory is the guest's, but nobody touches what he was not given. */
	w.memory = (struct gmem){ 1, { { 4096, UINT64_C(1) << 62, (uint8_t *)4096 } } };
	c.desc = (uintptr_t)w.ring.desc;
	c.driver = (uintptr_t)w.ring.avail;
	c.device = (uintptr_t)w.ring.used;
	CHECK(virtqueue_enable(&w.queue, &w.memory, &c) == OK);
	CHECK(!virtqueue_want_kicks(&w.queue));
	w.device_sleeps = true;
}

static void end(void)
{
	free(w.ring.desc);
}

/* --- the driver ------------------------------------------------------------------------------- */

static void add_one(const struct kind *k)
{
	struct job *j = &w.jobs[rnd(CHAINS)];
	struct ring_chain c = { .pieces = j->pieces, .token = j };

	if (j->is_under_way)
		return;
	j->out_count = 1 + (uint32_t)rnd(3);
	j->in_count = (uint32_t)rnd(4);
	for (uint32_t i = 0; i < j->out_count + j->in_count; i++)
		j->pieces[i] =
			(struct ring_piece){ data + rnd(DATA / 2), 1 + (uint32_t)rnd(DATA / 2) };
	c.out_count = j->out_count;
	c.in_count = j->in_count;
	c.table = k->has_indirect && rnd(2) ? j->table : NULL;
	if (!ring_add(&w.ring, &c))
		return;
	j->is_under_way = true;
	j->was_popped = false;
}

static void driver_step(const struct kind *k)
{
	uint32_t written;
	struct job *j;

	w.driver_sleeps = false;
	for (uint64_t n = rnd(5); n > 0; n--)
		add_one(k);
	if (ring_publish(&w.ring)) {
		w.kicks++;
		w.device_sleeps = false;
	}
	while ((j = ring_next(&w.ring, &written)) != NULL) {
		CHECK(j->is_under_way && j->was_popped && written == j->written);
		j->is_under_way = false;
		w.back++;
	}
	if (rnd(2)) {
		ring_refuse_interrupts(&w.ring);
		return;
	}
	ring_want_interrupt(&w.ring, 1);
	w.driver_sleeps = !ring_has_next(&w.ring);
}

/* --- the device ------------------------------------------------------------------------------- */

static struct job *job_of(const struct virtqueue_chain *c)
{
	for (uint32_t i = 0; i < CHAINS; i++) {
		struct job *j = &w.jobs[i];
		bool same = j->is_under_way && !j->was_popped &&
			    c->segment_count == j->out_count + j->in_count &&
			    c->readable_count == j->out_count;

		for (uint32_t n = 0; same && n < c->segment_count; n++)
			same = c->segments[n].at == j->pieces[n].at &&
			       c->segments[n].bytes == j->pieces[n].bytes;
		if (same)
			return j;
	}
	return NULL;
}

static void pop_some(void)
{
	for (uint64_t n = rnd(8); n > 0 && w.popped_count < CHAINS; n--) {
		struct virtqueue_chain *c = &w.popped[w.popped_count];
		const enum err e = virtqueue_pop(&w.queue, c);
		struct job *j;

		CHECK(e == OK || e == ERR_BUSY);
		if (e != OK) {
			w.device_sleeps = true;
			return;
		}
		j = job_of(c);
		CHECK(j != NULL);
		if (!j)
			return;
		j->was_popped = true;
		j->written = (uint32_t)(c->writable_bytes ? rnd(c->writable_bytes) : 0);
		c->readable_bytes = (uintptr_t)j; /* ours from now on */
		w.popped_count++;
		w.moved++;
	}
}

static void push_some(void)
{
	for (uint64_t n = rnd(8); n > 0 && w.popped_count > 0; n--) {
		const uint32_t i = (uint32_t)rnd(w.popped_count);
		const struct virtqueue_chain *c = &w.popped[i];
		const struct job *j = (const struct job *)(uintptr_t)c->readable_bytes;

		virtqueue_push(&w.queue, c->id, c->desc_count, j->written);
		w.popped[i] = w.popped[--w.popped_count];
	}
	if (virtqueue_publish(&w.queue)) {
		w.interrupts++;
		w.driver_sleeps = false;
	}
}

static bool anything_is_under_way(void)
{
	for (uint32_t i = 0; i < CHAINS; i++)
		if (w.jobs[i].is_under_way)
			return true;
	return false;
}

static void run(const struct kind *k, uint64_t seed)
{
	uint64_t quiet = 0, last = 0;

	begin(k, seed);
	for (uint32_t i = 0; i < ROUNDS && quiet < QUIET_MAX && !test_failed; i++) {
		/* Both asleep, and nothing with the device: somebody was not told. */
		CHECK(!w.driver_sleeps || !w.device_sleeps || w.popped_count ||
		      !anything_is_under_way());
		if (!w.driver_sleeps || !anything_is_under_way())
			driver_step(k);
		if (!w.device_sleeps)
			pop_some();
		push_some();
		quiet = w.moved == last ? quiet + 1 : 0;
		last = w.moved;
	}
	CHECK(quiet < QUIET_MAX && w.back > ROUNDS / 8 && w.ring.broken == 0);
	CHECK(w.kicks > 0 && w.interrupts > 0);
	end();
}

/* Both sides look: what is under way comes back, and all places are free again. */
static void drains(const struct kind *k, uint64_t seed)
{
	begin(k, seed);
	for (uint32_t i = 0; i < 300 && !test_failed; i++) {
		w.device_sleeps = w.driver_sleeps = false;
		driver_step(k);
		pop_some();
		push_some();
	}
	for (uint32_t i = 0; i < 1000; i++) {
		uint32_t written;
		struct job *j;

		pop_some();
		push_some();
		while ((j = ring_next(&w.ring, &written)) != NULL)
			j->is_under_way = false;
	}
	for (uint32_t i = 0; i < CHAINS; i++)
		CHECK(!w.jobs[i].is_under_way);
	CHECK(w.ring.free_count == k->size);
	end();
}

static const uint16_t sizes[] = { 8, 16, 256 };

static void for_all(void (*test)(const struct kind *k, uint64_t seed))
{
	for (uint32_t i = 0; i < 3 * 8; i++)
		test(&(struct kind){ sizes[i / 8], i & 1, i & 2, i & 4 }, i + 1);
}

static void what_is_added_arrives_as_it_was_and_comes_back_once(void)
{
	for_all(run);
}

static void in_the_end_all_places_are_free(void)
{
	for_all(drains);
}

static void a_full_ring_takes_no_more(void)
{
	static uint8_t room[16384] __attribute__((aligned(4096)));
	const struct ring_piece pieces[3] = { { data, 1 }, { data, 2 }, { data, 3 } };
	struct ring_chain c = { .pieces = pieces, .out_count = 1, .in_count = 2, .token = data };
	static struct ring r;

	for (uint32_t packed = 0; packed < 2; packed++) {
		ring_init(&r, room, 8, packed, true);
		CHECK(ring_add(&r, &c) && ring_add(&r, &c) && !ring_add(&r, &c));
		c.in_count = 1;
		CHECK(ring_add(&r, &c) && r.free_count == 0);
		c.in_count = 2;
		CHECK(!ring_has_next(&r));
	}
}

/* A device that writes nonsense: it is counted, and leads nowhere. */
static void ids_that_nobody_gave_out_are_counted(void)
{
	static uint8_t room[16384] __attribute__((aligned(4096)));
	static struct ring r;
	uint32_t written;

	ring_init(&r, room, 8, false, false);
	((volatile uint32_t *)(volatile void *)(r.used + 2))[0] = 3;    /* free */
	((volatile uint32_t *)(volatile void *)(r.used + 2))[2] = 4711; /* none */
	r.used[1] = 2;
	CHECK(!ring_next(&r, &written) && r.broken == 2);
}

int main(void)
{
	RUN(what_is_added_arrives_as_it_was_and_comes_back_once);
	RUN(in_the_end_all_places_are_free);
	RUN(a_full_ring_takes_no_more);
	RUN(ids_that_nobody_gave_out_are_counted);
	return test_failed;
}
