/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/pi_gate.h: who passes, who waits, who is masked. In every order beside devices and takers it is
 * tests/model's; over random times tests/property/test_pi_gate.c's.
 */
#include <string.h>
#include "io/pi_gate.h"
#include "tests/test.h"

#define START    UINT64_C(1000000)
#define INTERVAL UINT64_C(1000)
#define VECTOR   0x61u
#define OTHER    0xc2u

static struct pi_gate gate;
static struct pi_descriptor descriptor;

static void begin(void)
{
	gate = (struct pi_gate){ 0 };
	pi_init(&descriptor, 0xe3, 7);
}

static struct pi_gate_answer post_as(uint8_t vector, uint64_t interval_tsc, uint64_t now_tsc)
{
	return pi_gate_post(&gate, &descriptor, vector, interval_tsc, now_tsc);
}

static struct pi_gate_answer post(uint64_t now_tsc)
{
	return post_as(VECTOR, INTERVAL, now_tsc);
}

static struct pi_gate_answer open_at(uint64_t now_tsc)
{
	return pi_gate_open(&gate, &descriptor, now_tsc);
}

static bool is(struct pi_gate_answer a, bool notify, bool mask, bool unmask)
{
	return a.must_notify == notify && a.must_mask == mask && a.must_unmask == unmask;
}

static bool passes(struct pi_gate_answer a)
{
	return is(a, true, false, false);
}

static bool waits(struct pi_gate_answer a)
{
	return is(a, false, false, false);
}

/* How many vectors the vCPU finds. */
static int take(void)
{
	uint64_t v[4];

	if (!pi_take(&descriptor, v))
		return 0;
	return __builtin_popcountll(v[0]) + __builtin_popcountll(v[1]) +
	       __builtin_popcountll(v[2]) + __builtin_popcountll(v[3]);
}

static bool is_suppressed(void)
{
	return descriptor.control & PI_SN;
}

/* A device that keeps its own throttle never costs a timer. */
static void whoever_keeps_the_interval_passes(void)
{
	begin();
	for (uint64_t i = 0; i < 10; i++) {
		CHECK(passes(post(START + i * INTERVAL)));
		CHECK(gate.due_tsc == 0 && is_suppressed() && take() == 1);
	}
}

static void one_that_is_early_waits_for_the_timer(void)
{
	begin();
	CHECK(passes(post(START)) && take() == 1);
	CHECK(waits(post(START + INTERVAL - 1)) && take() == 0);
	CHECK(gate.due_tsc == START + INTERVAL);
	CHECK(waits(open_at(START + INTERVAL - 1)) && take() == 0);
	CHECK(passes(open_at(START + INTERVAL)) && take() == 1);
	/* What the timer let through begins an interval, too. */
	CHECK(gate.due_tsc == 0 && is_suppressed());
	CHECK(waits(post(START + 2 * INTERVAL - 1)));
	CHECK(gate.due_tsc == START + 2 * INTERVAL);
}

/* A late timer: the next one takes what has waited along, and there is one notification. */
static void one_in_time_finds_out_that_the_interval_is_over(void)
{
	begin();
	CHECK(passes(post(START)) && take() == 1);
	CHECK(waits(post_as(OTHER, INTERVAL, START + 1)));
	CHECK(passes(post(START + INTERVAL)) && take() == 2);
	CHECK(gate.due_tsc == 0);
	CHECK(waits(open_at(START + INTERVAL)) && take() == 0 && is_suppressed());
}

static void the_second_that_is_early_is_masked(void)
{
	begin();
	CHECK(passes(post(START)) && waits(post(START + 1)));
	CHECK(is(post(START + 2), false, true, false));
	CHECK(is(post_as(OTHER, INTERVAL, START + 3), false, true, false));
	CHECK(take() == 2); /* with the first, whose notification it has not taken before */
	CHECK(is(open_at(START + INTERVAL), false, false, true) && !is_suppressed());
}

/* It had more to say when it was unmasked: the next that is early is masked at once, until it had not. */
static void a_flood_is_masked_at_once(void)
{
	begin();
	CHECK(passes(post(START)) && take() == 1);
	CHECK(waits(post(START + 1)) && is(post(START + 2), false, true, false));
	for (uint64_t i = 1; i < 10; i++) {
		const uint64_t now_tsc = START + i * INTERVAL;

		CHECK(gate.due_tsc == now_tsc);
		CHECK(is(open_at(now_tsc), true, false, true) && take() == 1);
		pi_gate_unmasked(&gate, true);
		CHECK(is(post(now_tsc + 1), false, true, false));
	}
	CHECK(is(open_at(START + 10 * INTERVAL), true, false, true) && take() == 1);
	pi_gate_unmasked(&gate, false);
	CHECK(waits(post(START + 10 * INTERVAL + 1)));
	CHECK(passes(open_at(START + 11 * INTERVAL)) && take() == 1);
	CHECK(waits(post(START + 11 * INTERVAL + 1)));
}

/* What waits in a masked device alone: the gate opens to let it come, and it passes. */
static void who_was_masked_comes_when_it_opens(void)
{
	begin();
	CHECK(passes(post(START)));
	CHECK(waits(post(START + 1)) && is(post(START + 2), false, true, false) && take() == 1);
	CHECK(is(open_at(START + INTERVAL), false, false, true));
	pi_gate_unmasked(&gate, true);
	CHECK(passes(post(START + INTERVAL)) && take() == 1 && is_suppressed());
	CHECK(is(post(START + INTERVAL + 1), false, true, false)); /* it is known by now */
}

/* It will be taken with one of which somebody knows: no timer. */
static void what_will_be_taken_anyway_waits_for_nothing(void)
{
	begin();
	CHECK(passes(post(START)));
	CHECK(waits(post_as(OTHER, INTERVAL, START + 1)) && gate.due_tsc == 0);
	CHECK(take() == 2);
	/* And what comes after that does. */
	CHECK(is(post(START + 2), false, true, false) && gate.due_tsc == START + INTERVAL);
	CHECK(is(open_at(START + INTERVAL), true, false, true) && take() == 1);
}

static void an_urgent_one_takes_along_what_waits(void)
{
	begin();
	CHECK(passes(post(START)) && take() == 1);
	CHECK(waits(post(START + 1)) && pi_post(&descriptor, OTHER) && take() == 2);
	CHECK(waits(open_at(START + INTERVAL)) && take() == 0 && !is_suppressed());
	/* The gate is open, and the interval of those that pass is kept nevertheless. */
	CHECK(passes(post(START + INTERVAL)) && is_suppressed());
}

static void the_shortest_interval_counts(void)
{
	begin();
	CHECK(passes(post_as(VECTOR, 4 * INTERVAL, START)) && take() == 1);
	CHECK(passes(post_as(OTHER, INTERVAL, START + INTERVAL)) && take() == 1);
	CHECK(waits(post_as(VECTOR, 4 * INTERVAL, START + 4 * INTERVAL)));
	CHECK(gate.due_tsc == START + 5 * INTERVAL);
	CHECK(passes(post_as(OTHER, INTERVAL, START + 4 * INTERVAL)) && take() == 2);
	/* An open gate is no excuse for one who passed a moment ago. */
	CHECK(waits(post_as(OTHER, INTERVAL, START + 4 * INTERVAL + 1)));
	CHECK(gate.due_tsc == START + 5 * INTERVAL);
	CHECK(pi_post(&descriptor, 0x40) && take() == 2);
	CHECK(waits(open_at(START + 5 * INTERVAL)) && !is_suppressed());
	CHECK(is(post_as(VECTOR, 4 * INTERVAL, START + 6 * INTERVAL), false, true, false));
	CHECK(is_suppressed() && gate.due_tsc == START + 8 * INTERVAL && take() == 0);
	CHECK(is(open_at(START + 8 * INTERVAL), true, false, true) && take() == 1);
}

/* Two wait: whose time comes first opens for both. */
static void the_timer_is_the_first_that_is_due(void)
{
	begin();
	CHECK(passes(post(START)) && take() == 1);
	CHECK(waits(post_as(OTHER, 4 * INTERVAL, START + 1)));
	CHECK(gate.due_tsc == START + 4 * INTERVAL);
	CHECK(is(post(START + 2), false, true, false) && gate.due_tsc == START + INTERVAL);
	CHECK(is(open_at(START + INTERVAL), true, false, true) && take() == 2);
}

static void who_waits_for_its_turn_is_left_alone(void)
{
	begin();
	CHECK(!pi_gate_rest(&gate, INTERVAL)); /* nobody has come */
	CHECK(passes(post(START)) && take() == 1);
	CHECK(pi_gate_rest(&gate, INTERVAL) && gate.due_tsc == START + INTERVAL);
	CHECK(waits(open_at(START + INTERVAL - 1)));
	CHECK(is(open_at(START + 50 * INTERVAL), false, false, true) && !is_suppressed());
	CHECK(passes(post(START + 50 * INTERVAL)) && take() == 1);
	/* It has not come too early: it is not suspected of that. */
	CHECK(waits(post(START + 50 * INTERVAL + 1)));
}

/* The guest starts over; its gate is as it was, and finds nothing. */
static void a_new_life_begins_behind_an_old_gate(void)
{
	begin();
	CHECK(passes(post(START)) && waits(post(START + 1)));
	CHECK(is(post(START + 2), false, true, false));
	pi_clear(&descriptor);
	CHECK(is(open_at(START + INTERVAL), false, false, true) && take() == 0);
	CHECK(passes(post(START + INTERVAL)) && take() == 1);
}

int main(void)
{
	RUN(whoever_keeps_the_interval_passes);
	RUN(one_that_is_early_waits_for_the_timer);
	RUN(one_in_time_finds_out_that_the_interval_is_over);
	RUN(the_second_that_is_early_is_masked);
	RUN(a_flood_is_masked_at_once);
	RUN(who_was_masked_comes_when_it_opens);
	RUN(what_will_be_taken_anyway_waits_for_nothing);
	RUN(an_urgent_one_takes_along_what_waits);
	RUN(the_shortest_interval_counts);
	RUN(the_timer_is_the_first_that_is_due);
	RUN(who_waits_for_its_turn_is_left_alone);
	RUN(a_new_life_begins_behind_an_old_gate);
	return test_failed;
}
