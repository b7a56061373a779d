/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/property/test_mtvd_threads.c - a driver with several threads: every buffer is in one place at a time, no
 * frame is lost, order is kept within a lane, and nobody sleeps over something.
 *
 * The device is a counter here: frame n has the flow n mod FLOWS, and what a lane finds in a buffer is
 * what the dispatcher wrote into it before it handed it over.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "guests/net/mtvd.h"
#include "tests/test.h"

#define FLOWS       7u
#define DEVICE      16u /* buffers that the device has */
#define FRAMES      100000u
#define FRAMES_FEW  3000u
#define BUFFERS_ALL (DEVICE + MTVD_BUFFER_MAX)

static struct mtvd mtvd;
static uint64_t contents[BUFFERS_ALL];
static uint32_t device[DEVICE]; /* buffers of its descriptors */
static uint64_t handled[MTVD_LANE_MAX], disorders, wrongs, sleeps;
static uint64_t flow_last[FLOWS];
static uint32_t stop; /* atomic */
static pthread_mutex_t bell_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t bell = PTHREAD_COND_INITIALIZER;
static bool rung[MTVD_LANE_MAX];

static void set_up(uint32_t lanes, enum mtvd_order order)
{
	mtvd_init(&mtvd, lanes, order, DEVICE);
	for (uint32_t i = 0; i < DEVICE; i++)
		device[i] = i;
	for (uint32_t i = 0; i < MTVD_LANE_MAX; i++)
		handled[i] = rung[i] = 0;
	for (uint32_t i = 0; i < FLOWS; i++)
		flow_last[i] = 0;
	disorders = wrongs = sleeps = stop = 0;
}

/* Frame `n`, numbered from 1, has come into descriptor n mod DEVICE. False: nobody has room. */
static bool offer(uint64_t n)
{
	uint32_t *descriptor = &device[n % DEVICE];
	struct mtvd_frame frame = { .buffer = *descriptor,
				    .bytes = (uint32_t)(n & 0x7ff),
				    .flow = (uint32_t)(n % FLOWS) };

	contents[*descriptor] = n;
	if (mtvd_dispatch(&mtvd, &frame, 1) == 0)
		return false;
	*descriptor = frame.instead;
	return true;
}

/* --- one thread: every step is seen ---------------------------------------------------------------- */

static bool handle(uint32_t lane, uint64_t *last)
{
	struct mtvd_frame f;

	if (!mtvd_next(&mtvd.lanes[lane], &f, 1))
		return false;
	CHECK(f.buffer < BUFFERS_ALL && f.bytes == (contents[f.buffer] & 0x7ff));
	CHECK(contents[f.buffer] > *last);
	*last = contents[f.buffer];
	handled[lane]++;
	mtvd_done(&mtvd.lanes[lane], &f, 1);
	return true;
}

static void no_buffer_is_in_two_places(uint32_t lanes)
{
	bool seen[BUFFERS_ALL] = { false };
	uint32_t total = 0;

	CHECK(mtvd_under_way(&mtvd) == 0);
	for (uint32_t i = 0; i < DEVICE; i++) {
		CHECK(!seen[device[i]]);
		seen[device[i]] = true;
	}
	for (uint32_t i = 0; i < mtvd.free_count; i++) {
		CHECK(!seen[mtvd.free[i]]);
		seen[mtvd.free[i]] = true;
	}
	for (uint32_t i = 0; i < BUFFERS_ALL; i++)
		total += seen[i];
	CHECK(total == DEVICE + mtvd_buffers(lanes));
}

static void frame_i_goes_to_lane_i_mod_n(void)
{
	for (uint32_t lanes = 1; lanes <= MTVD_LANE_MAX; lanes++) {
		uint64_t last[MTVD_LANE_MAX] = { 0 };

		set_up(lanes, MTVD_ROUND_ROBIN);
		for (uint64_t n = 1; n <= FRAMES_FEW; n++) {
			CHECK(mtvd_choose(&mtvd, 5) == (n - 1) % lanes);
			CHECK(offer(n) && handle((uint32_t)(n - 1) % lanes, last));
		}
		no_buffer_is_in_two_places(lanes);
	}
}

static void a_flow_has_one_lane(void)
{
	for (uint32_t lanes = 1; lanes <= MTVD_LANE_MAX; lanes++) {
		set_up(lanes, MTVD_BY_FLOW);
		for (uint32_t flow = 0; flow < 65536; flow += 257) {
			const uint32_t lane = mtvd_choose(&mtvd, flow);
			uint64_t last = 0;

			CHECK(lane < lanes);
			CHECK(offer(FLOWS) && handle(mtvd_choose(&mtvd, 0), &last));
			CHECK(mtvd_choose(&mtvd, flow) == lane);
		}
	}
}

/* Full lanes refuse, lose nothing, and take again when half is done. */
static void a_full_lane_gets_nothing_until_half_is_done(void)
{
	uint64_t last[2] = { 0 }, n = 0;

	set_up(2, MTVD_BY_FLOW);
	while (mtvd.dispatched < MTVD_RING) /* FLOWS is odd: these have an even flow */
		CHECK(offer(n += 2 * FLOWS));
	for (uint32_t i = 0; i < MTVD_RING / 2; i++) {
		CHECK(!offer(n + 2 * FLOWS) && offer(n + 1) && handle(1, &last[1]));
		n += 2 * FLOWS;
		CHECK(handle(0, &last[0]));
	}
	CHECK(!offer(n + 2 * FLOWS) && handle(0, &last[0]) && offer(n + 2 * FLOWS));
}

/* In one call: up to the first that has no room. */
static void many_are_handed_over_in_their_order(void)
{
	struct mtvd_frame frames[3 * MTVD_RING], got[MTVD_RING];
	uint32_t count;

	set_up(2, MTVD_ROUND_ROBIN);
	CHECK(mtvd_room(&mtvd) == 2 * MTVD_RING);
	for (uint32_t i = 0; i < 3 * MTVD_RING; i++)
		frames[i] = (struct mtvd_frame){ .buffer = i % DEVICE, .bytes = i };
	CHECK(mtvd_dispatch(&mtvd, frames, 3 * MTVD_RING) == 2 * MTVD_RING);
	CHECK(mtvd_room(&mtvd) == 0);
	for (uint32_t lane = 0; lane < 2; lane++) {
		CHECK(mtvd_next(&mtvd.lanes[lane], got, 5) == 5);
		mtvd_done(&mtvd.lanes[lane], got, 5);
		count = mtvd_next(&mtvd.lanes[lane], got, MTVD_RING);
		CHECK(count == MTVD_RING - 5);
		for (uint32_t i = 0; i < count; i++)
			CHECK(got[i].bytes == 2 * (i + 5) + lane);
		mtvd_done(&mtvd.lanes[lane], got, count);
	}
	CHECK(mtvd_room(&mtvd) > MTVD_RING);
	CHECK(mtvd_under_way(&mtvd) == 0 && mtvd.free_count == mtvd_buffers(2));
}

static void only_who_sleeps_and_has_got_something_is_woken(void)
{
	set_up(3, MTVD_ROUND_ROBIN);
	CHECK(mtvd_may_sleep(&mtvd.lanes[1]) && mtvd_may_sleep(&mtvd.lanes[2]));
	CHECK(mtvd_wanted(&mtvd) == 0);
	CHECK(offer(1) && offer(2));
	CHECK(mtvd_wanted(&mtvd) == 1u << 1);
	CHECK(mtvd_wanted(&mtvd) == 0);         /* once */
	CHECK(!mtvd_may_sleep(&mtvd.lanes[1])); /* there is something */
	mtvd_woke(&mtvd.lanes[1]);
	CHECK(offer(4) && offer(5) && offer(6));
	CHECK(mtvd_wanted(&mtvd) == 1u << 2); /* lane 1 is awake */
}

/* --- threads --------------------------------------------------------------------------------------- */

static void ring_bells(uint32_t wanted)
{
	if (!wanted)
		return;
	pthread_mutex_lock(&bell_lock);
	for (uint32_t i = 0; i < MTVD_LANE_MAX; i++)
		rung[i] |= wanted >> i & 1;
	pthread_cond_broadcast(&bell);
	pthread_mutex_unlock(&bell_lock);
}

/* As an interrupt that ends HLT: who is woken before he sleeps does not sleep. */
static void sleep_until_rung(uint32_t lane)
{
	pthread_mutex_lock(&bell_lock);
	while (!rung[lane] && !__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		pthread_cond_wait(&bell, &bell_lock);
	rung[lane] = false;
	pthread_mutex_unlock(&bell_lock);
}

static void take_one(uint32_t lane, const struct mtvd_frame *f)
{
	const uint64_t n = contents[f->buffer];
	uint64_t *last = &flow_last[n % FLOWS];

	if (f->bytes != (n & 0x7ff))
		__atomic_add_fetch(&wrongs, 1, __ATOMIC_RELAXED);
	if (mtvd.order == MTVD_BY_FLOW) {
		if (n <= *last)
			__atomic_add_fetch(&disorders, 1, __ATOMIC_RELAXED);
		*last = n;
	}
	handled[lane]++;
}

static void *lane_thread(void *argument)
{
	const uint32_t lane = (uint32_t)(uintptr_t)argument;
	struct mtvd_lane *l = &mtvd.lanes[lane];
	struct mtvd_frame frames[3];
	uint32_t count;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		while ((count = mtvd_next(l, frames, 3)) != 0) {
			for (uint32_t i = 0; i < count; i++)
				take_one(lane, &frames[i]);
			mtvd_done(l, frames, count);
		}
		if (mtvd_may_sleep(l)) {
			__atomic_add_fetch(&sleeps, 1, __ATOMIC_RELAXED);
			sleep_until_rung(lane);
		}
		mtvd_woke(l);
	}
	return NULL;
}

/* Turns of 1, 2, .., 40 frames, and waits until all is done after some: everybody sleeps then. */
static void dispatch_all(void)
{
	uint64_t n = 0;

	for (uint32_t turn = 1; n < FRAMES; turn = turn % 40 + 1) {
		for (uint32_t i = 0; i < turn && n < FRAMES && offer(n + 1); i++)
			n++;
		ring_bells(mtvd_wanted(&mtvd));
		while (turn == 40 && mtvd_under_way(&mtvd))
			;
	}
	while (mtvd_under_way(&mtvd))
		;
}

static void nothing_is_lost_or_slept_over(uint32_t lanes, enum mtvd_order order)
{
	pthread_t threads[MTVD_LANE_MAX];
	uint64_t sum = 0;

	set_up(lanes, order);
	for (uint32_t i = 0; i < lanes; i++)
		CHECK(pthread_create(&threads[i], NULL, lane_thread, (void *)(uintptr_t)i) == 0);
	dispatch_all();
	pthread_mutex_lock(&bell_lock);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&bell);
	pthread_mutex_unlock(&bell_lock);
	for (uint32_t i = 0; i < lanes; i++) {
		pthread_join(threads[i], NULL);
		sum += handled[i];
	}
	CHECK(sum == FRAMES && wrongs == 0 && disorders == 0 && mtvd.dispatched == FRAMES);
	no_buffer_is_in_two_places(lanes);
}

static void threads_in_turn_handle_every_frame_once(void)
{
	for (uint32_t lanes = 1; lanes <= 4; lanes++)
		nothing_is_lost_or_slept_over(lanes, MTVD_ROUND_ROBIN);
}

static void flows_keep_their_order_in_threads(void)
{
	for (uint32_t lanes = 1; lanes <= 4; lanes++)
		nothing_is_lost_or_slept_over(lanes, MTVD_BY_FLOW);
}

int main(void)
{
	RUN(frame_i_goes_to_lane_i_mod_n);
	RUN(a_flow_has_one_lane);
	RUN(a_full_lane_gets_nothing_until_half_is_done);
	RUN(many_are_handed_over_in_their_order);
	RUN(only_who_sleeps_and_has_got_something_is_woken);
	RUN(threads_in_turn_handle_every_frame_once);
	RUN(flows_keep_their_order_in_threads);
	return test_failed;
}
