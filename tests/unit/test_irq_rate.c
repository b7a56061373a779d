/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_irq_rate.c - interrupt rate controllers: each rule by itself, and every input. */
#include "io/irq_rate.h"
#include "tests/test.h"

#define WINDOW MS(10)

static struct irq_rate r;
static struct irq_rate_sample s;

/* Half a core of 2.27 GHz, and the paper's AIR. quiet_below is 7,566; eq. (5) allows 4,188. */
static struct irq_rate_settings air(void)
{
	struct irq_rate_settings set = irq_rate_defaults(IRQ_RATE_ADAPTIVE);

	set.keeps_batch = true;
	set.capacity = 1135000000;
	set.packet_cost = 4000;
	set.interrupt_cost = 15000;
	set.batch = 64;
	return set;
}

static void begin(struct irq_rate_settings set)
{
	irq_rate_init(&r, &set);
	s = (struct irq_rate_sample){ .elapsed_ns = WINDOW, .has_link = true };
	irq_rate_tick(&r, &s);
}

/* One more window, with so many packets a second. */
static bool window(uint64_t per_second, uint64_t size)
{
	uint64_t packets = per_second * WINDOW / SEC(1);

	s.packets += packets;
	s.bytes += packets * size;
	return irq_rate_tick(&r, &s);
}

static void fixed_stays_what_it_is(void)
{
	begin(irq_rate_defaults(IRQ_RATE_FIXED));
	CHECK(r.rate == 8000);
	CHECK(!window(900000, 1500) && !window(0, 0) && !window(100, 60));
	s.has_link = false;
	CHECK(!window(0, 0) && r.rate == 8000);
}

static void coarse_has_the_papers_classes(void)
{
	begin(irq_rate_defaults(IRQ_RATE_COARSE));
	CHECK(window(50000, 1200) && r.rate == 4000);
	CHECK(!window(500, 1500) && r.rate == 4000);
	CHECK(window(50000, 1199) && r.rate == 8000);
	CHECK(!window(50000, 300) && r.rate == 8000);
	CHECK(window(50000, 299) && r.rate == 20000);
	CHECK(!window(4000, 64) && r.rate == 20000);
	CHECK(window(3900, 64) && r.rate == 100000);
}

static void adaptive_is_algorithm_1(void)
{
	begin(air());
	CHECK(r.rate == 100000);
	/* 64,000 packets a second: 1,000 full batches, and the offset. */
	CHECK(window(64000, 1500) && r.rate == 2000);
	CHECK(window(128000, 1500) && r.rate == 3000);
	/* Eq. (5): 1,135,000,000 / (4,000 * 64 + 15,000). */
	CHECK(window(14000000, 64) && r.rate == 1135000000 / 271000);
	CHECK(r.bounds[0] == 4188);
}

static void a_small_change_is_not_made(void)
{
	begin(air());
	window(64000, 1500);
	CHECK(!window(64000 + 31900, 1500) && r.rate == 2000);
	CHECK(window(64000 + 32000, 1500) && r.rate == 2500);
	CHECK(!window(64000 + 1600, 1500) && r.rate == 2500);
	CHECK(window(64000, 1500) && r.rate == 2000);
}

static void i_min_is_kept(void)
{
	struct irq_rate_settings set = air();

	set.offset = 0;
	set.min = 900;
	set.threshold = 1;
	begin(set);
	CHECK(window(40000, 1500) && r.rate == 900);
	/* The bound by eq. (5) would be lower than what the hardware can do. */
	set.packet_cost = 1000000;
	begin(set);
	CHECK(window(40000, 1500) && r.rate == 900);
}

static void thin_traffic_is_not_merged(void)
{
	begin(air());
	CHECK(r.quiet_below == 7566);
	CHECK(!window(1000, 100) && r.rate == 100000);
	CHECK(!window(7500, 100) && r.rate == 100000);
	/* Only from twice that on; and then until it is thin again. */
	CHECK(!window(15100, 100) && r.rate == 100000);
	CHECK(window(15200, 100) && r.rate == 1237);
	CHECK(!window(7600, 100) && r.rate == 1237);
	CHECK(window(7500, 100) && r.rate == 100000);
}

static void one_empty_window_means_nothing(void)
{
	begin(air());
	window(64000, 1500);
	for (uint32_t i = 1; i < IRQ_RATE_IDLE_WINDOWS; i++)
		CHECK(!window(0, 0) && r.rate == 2000);
	CHECK(!window(64000, 1500) && r.rate == 2000);
	for (uint32_t i = 1; i < IRQ_RATE_IDLE_WINDOWS; i++)
		CHECK(!window(0, 0) && r.rate == 2000);
	CHECK(window(0, 0) && r.rate == 100000);
	CHECK(!window(0, 0) && r.rate == 100000);
}

static void a_reset_begins_a_new_window(void)
{
	begin(air());
	window(64000, 1500);
	s.packets = s.bytes = 0;
	CHECK(!irq_rate_tick(&r, &s) && r.rate == 2000);
	CHECK(window(128000, 1500) && r.rate == 3000);
	/* Counters that go on, and a function that was reset all the same. */
	s.generation++;
	CHECK(!window(1000000, 1500) && r.rate == 3000);
	CHECK(window(64000, 1500) && r.rate == 2000);
	/* Only one of them began again: 32 bits of bytes, say. */
	s.bytes = 5;
	CHECK(!window(500000, 1) && r.rate == 2000);
}

static void no_time_is_no_window(void)
{
	begin(air());
	window(64000, 1500);
	s.elapsed_ns = 0;
	s.packets += 100000;
	CHECK(!irq_rate_tick(&r, &s) && r.rate == 2000);
	s.packets -= 100000;
	s.elapsed_ns = WINDOW;
	CHECK(window(128000, 1500) && r.rate == 3000);
}

static void without_link_it_is_quiet(void)
{
	begin(air());
	window(64000, 1500);
	s.has_link = false;
	CHECK(window(64000, 1500) && r.rate == 100000);
	CHECK(!window(0, 0) && r.rate == 100000);
	/* What came meanwhile is nobody's traffic. */
	s.has_link = true;
	CHECK(!window(900000, 1500) && r.rate == 100000);
	CHECK(window(64000, 1500) && r.rate == 2000);
}

static void costs_may_be_measured_again(void)
{
	begin(air());
	irq_rate_set_costs(&r, 2270000000, 4000, 15000);
	CHECK(r.bounds[0] == 2270000000 / 271000 && r.quiet_below == 15133);
	irq_rate_set_costs(&r, 0, 0, 0);
	CHECK(r.bounds[0] == 100000 && r.quiet_below == 1000);
	CHECK(!window(6400000, 1500) && r.rate == 100000);
	CHECK(window(640000, 1500) && r.rate == 11000);
}

/* --- the search for k --------------------------------------------------------------------- */

static struct irq_rate_settings searching(void)
{
	struct irq_rate_settings set = air();

	set.keeps_batch = false;
	set.capacity = 2270000000;
	return set;
}

static uint64_t highest;

/* So many windows of senders with so many packets under way: an interrupt lets them send again. */
static uint64_t senders(uint32_t windows, uint64_t under_way, uint64_t most)
{
	uint64_t received = 0;

	highest = 0;
	for (uint32_t i = 0; i < windows; i++) {
		uint64_t packets = min_u64(r.rate * under_way, most);

		window(packets, 1500);
		received += packets;
		highest = max_u64(highest, r.rate);
	}
	return received / windows;
}

static void a_stream_is_the_papers(void)
{
	begin(searching());
	/* Nothing that it tries makes more of it: an interrupt for 64, and the offset. */
	senders(20, 1000, 300000);
	CHECK(r.rate == 300000 / 64 + 1000);
	/* And it tries seldom: with twice the interrupts, in the end in one of 65 windows. */
	for (uint32_t i = 0, more = 0; i < 600; i++) {
		senders(1, 1000, 300000);
		more += r.rate > 6000;
		CHECK(i < 599 || (more > 0 && more <= 600 / 65 + 4));
	}
}

static void who_waits_for_each_packet_has_an_interrupt_for_each(void)
{
	begin(searching());
	/* 26 % of the capacity go to interrupts: not thin. */
	senders(30, 1, 40000);
	CHECK(!r.is_quiet && r.rate >= 40000);
	CHECK(senders(600, 1, 40000) >= 39600);
	/* Less, and it is quiet. */
	CHECK(senders(600, 1, 15000) == 15000 && r.rate == 100000);
}

static void a_window_smaller_than_k_is_found(void)
{
	begin(searching());
	senders(60, 10, 450000);
	CHECK(senders(600, 10, 450000) >= 445000);
	/* And 44 packets do not take an interrupt for 10. */
	begin(searching());
	senders(60, 44, 450000);
	CHECK(senders(600, 44, 450000) >= 441000);
	CHECK(highest <= 4 * (450000 / 64 + 1000));
}

static void what_is_not_needed_any_more_is_given_up(void)
{
	begin(searching());
	senders(60, 10, 300000);
	CHECK(r.rate >= 30000);
	senders(200, 1000, 300000);
	CHECK(r.rate <= 2 * (300000 / 64 + 1000));
}

/* A 32nd more is not more yet. */
static void little_more_is_not_worth_it(void)
{
	begin(searching());
	for (uint32_t i = 0; i < 200 && !(i > 100 && r.trial == IRQ_RATE_TRIAL_MORE); i++)
		window(320000, 1500);
	CHECK(r.trial == IRQ_RATE_TRIAL_MORE && r.noise < 100);
	window(330000, 1500);
	CHECK(r.trial == IRQ_RATE_NO_TRIAL && r.shift == 0);
	for (uint32_t i = 0; i < 200 && r.trial != IRQ_RATE_TRIAL_MORE; i++)
		window(320000, 1500);
	window(330100, 1500);
	CHECK(r.trial == IRQ_RATE_NO_TRIAL && r.shift == 1);
}

/* Every second window is empty: no trial has an answer, and so there are few. */
static void bursts_are_not_tried_all_the_time(void)
{
	uint32_t trials = 0;

	begin(searching());
	for (uint32_t i = 0; i < 1000; i++) {
		window(i % 2 ? 0 : 200000, 1500);
		trials += r.trial != IRQ_RATE_NO_TRIAL;
	}
	CHECK(trials > 0 && trials <= 1000 / 2 / 65 + 5 && r.shift == 0);
}

/* The last packet of a burst, in a window of its own, is thin traffic, and not what the next one has. */
static void a_straggler_is_no_stream(void)
{
	begin(searching());
	for (uint32_t i = 0; i < 200; i++) {
		window(i % 2 ? 100 : 200000, 1500);
		CHECK(r.rate > 4000);
	}
}

static uint64_t draw(void);

static void noise_is_no_answer(void)
{
	uint32_t large = 0;

	begin(searching());
	for (uint32_t i = 0; i < 2000; i++) {
		window(100000 + draw() % 300000, 1500);
		large += i > 50 && r.shift > 1;
	}
	CHECK(large < 100);
}

static void until_a_trial(void)
{
	for (uint32_t i = 0; i < 200 && r.trial == IRQ_RATE_NO_TRIAL; i++)
		senders(1, 10, 300000);
	CHECK(r.trial != IRQ_RATE_NO_TRIAL);
}

static void a_trial_that_nothing_comes_of_has_not_been(void)
{
	uint32_t shift;

	begin(searching());
	senders(60, 10, 300000);
	until_a_trial();
	shift = r.trial == IRQ_RATE_TRIAL_MORE ? r.shift - 1 : r.shift + 1;
	window(0, 0);
	CHECK(r.trial == IRQ_RATE_NO_TRIAL && r.shift == shift);
	until_a_trial();
	shift = r.trial == IRQ_RATE_TRIAL_MORE ? r.shift - 1 : r.shift + 1;
	s.generation++;
	window(300000, 1500);
	CHECK(r.trial == IRQ_RATE_NO_TRIAL && r.shift == shift);
}

static uint64_t draw(void)
{
	static uint64_t state = 88172645463325252;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Numbers of every size, and the ends of their ranges. */
static uint64_t any(void)
{
	uint64_t v = draw() >> draw() % 64;

	return draw() % 9 == 0 ? UINT64_MAX : draw() % 9 == 0 ? 0 : v;
}

static struct irq_rate_settings any_settings(void)
{
	struct irq_rate_settings set = { .scheme = (enum irq_rate_scheme)(draw() % 3),
					 .fixed = (uint32_t)any(),
					 .occasional = (uint32_t)any(),
					 .batch = (uint32_t)any(),
					 .offset = (uint32_t)any(),
					 .threshold = (uint32_t)any(),
					 .min = (uint32_t)any(),
					 .max = (uint32_t)any(),
					 .quiet_permille = (uint32_t)any(),
					 .capacity = any(),
					 .packet_cost = any(),
					 .interrupt_cost = any() };

	for (uint32_t i = 0; i < IRQ_RATE_CLASS_COUNT; i++)
		set.classes[i] = (uint32_t)any();
	return set;
}

/* The sanitizers see what overflows; a rate is never one that nobody could apply. */
static void every_input_has_an_answer(void)
{
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < 20000; i++) {
		struct irq_rate_settings set = any_settings();

		irq_rate_init(&r, &set);
		for (uint32_t j = 0; j < 20; j++) {
			uint32_t before = r.rate;
			bool is_new;

			s = (struct irq_rate_sample){
				.packets = draw() % 3 ? s.packets + any() / 2 : any(),
				.bytes = draw() % 3 ? s.bytes + any() / 2 : any(),
				.elapsed_ns = any(),
				.generation = draw() % 5 == 0,
				.has_link = draw() % 5 != 0
			};
			is_new = irq_rate_tick(&r, &s);
			wrong += r.rate == 0 || r.rate > IRQ_RATE_LIMIT;
			wrong += is_new != (r.rate != before);
			if (set.scheme == IRQ_RATE_ADAPTIVE && is_new)
				wrong += r.rate < r.settings.min || r.rate > r.settings.max;
		}
	}
	CHECK(wrong == 0);
}

int main(void)
{
	RUN(fixed_stays_what_it_is);
	RUN(coarse_has_the_papers_classes);
	RUN(adaptive_is_algorithm_1);
	RUN(a_small_change_is_not_made);
	RUN(i_min_is_kept);
	RUN(thin_traffic_is_not_merged);
	RUN(one_empty_window_means_nothing);
	RUN(a_reset_begins_a_new_window);
	RUN(no_time_is_no_window);
	RUN(without_link_it_is_quiet);
	RUN(costs_may_be_measured_again);
	RUN(a_stream_is_the_papers);
	RUN(who_waits_for_each_packet_has_an_interrupt_for_each);
	RUN(a_window_smaller_than_k_is_found);
	RUN(what_is_not_needed_any_more_is_given_up);
	RUN(little_more_is_not_worth_it);
	RUN(bursts_are_not_tried_all_the_time);
	RUN(a_straggler_is_no_stream);
	RUN(noise_is_no_answer);
	RUN(a_trial_that_nothing_comes_of_has_not_been);
	RUN(every_input_has_an_answer);
	return test_failed;
}
