/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual 8254 against one that is stepped clock pulse by clock pulse. */
#include <stdlib.h>
#include <string.h>
#include "arch/x86/pc/vpit.h"
#include "tests/test.h"

#define HZ_SAME PC_PIT_HZ /* a TSC that ticks with the 8254 */

static uint64_t seed = 1;

static uint32_t random_below(uint32_t limit)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % limit);
}

/* ---- The slow chip: the data sheet's sentences, one pulse at a time ---- */

struct chip {
	int mode, access;
	bool bcd, gate, out;
	int cr, ce, n; /* n: the count that ce was loaded from */
	bool cr_written, ce_valid, load_next, triggered, null, done, strobe;
	bool half_written, read_high;
	int half;
	uint8_t control;
	bool latched, status_latched;
	int latch;
	uint8_t status;
};
static struct chip chips[3];
static bool rose; /* counter 0 */
static uint64_t now, rose_at;

static int chip_max(const struct chip *c)
{
	return c->bcd ? 10000 : 65536;
}

static void chip_out(struct chip *c, bool out)
{
	if (c == &chips[0] && out && !c->out) {
		if (!rose)
			rose_at = now;
		rose = true;
	}
	c->out = out;
}

static void chip_load(struct chip *c)
{
	c->n = c->ce = c->cr;
	if (c->mode == 3)
		c->ce = c->cr / 2 * 2;
	c->ce_valid = true;
	c->load_next = c->triggered = c->null = c->done = false;
}

static void chip_step_square(struct chip *c)
{
	const bool one_more = c->n % 2 == 1 && c->out; /* odd counts stay high for one more */

	if (one_more && c->ce != 0) {
		c->ce -= 2;
		return;
	}
	if (!one_more) {
		c->ce -= 2;
		if (c->ce != 0)
			return;
	}
	chip_load(c);
	chip_out(c, !c->out);
}

static void chip_pulse(struct chip *c)
{
	if (c->strobe)
		chip_out(c, true);
	c->strobe = false;
	if (c->load_next || c->triggered) {
		chip_load(c);
		if (c->mode == 1)
			chip_out(c, false);
		if (c->mode == 2)
			chip_out(c, c->ce != 1 || !c->gate);
		if (c->mode == 3)
			chip_out(c, true);
		return;
	}
	if (!c->ce_valid)
		return;
	if (c->mode != 1 && c->mode != 5 && !c->gate)
		return;
	if (c->mode == 0 && c->half_written)
		return;
	if (c->mode == 3) {
		chip_step_square(c);
		return;
	}
	if (c->mode == 2) {
		if (c->ce == 1)
			chip_load(c);
		else
			c->ce--;
		chip_out(c, c->ce != 1);
		return;
	}
	c->ce = c->ce == 0 ? chip_max(c) - 1 : c->ce - 1;
	if (c->ce != 0 || c->done)
		return;
	c->done = true;
	c->strobe = c->mode >= 4;
	chip_out(c, c->mode < 4);
}

static void chip_control(struct chip *c, uint8_t value)
{
	const bool gate = c->gate, out = c->out;

	memset(c, 0, sizeof(*c));
	c->gate = gate;
	c->out = out;
	c->control = value & 0x3f;
	c->access = value >> 4 & 3;
	c->mode = value >> 1 & 7;
	if (c->mode > 5)
		c->mode -= 4;
	c->bcd = value & 1;
	c->null = true;
	chip_out(c, c->mode != 0);
}

static int digits(int v)
{
	return v % 16 + v / 16 % 16 * 10 + v / 256 % 16 * 100 + v / 4096 * 1000;
}

static void chip_count(struct chip *c, int value)
{
	if (c->bcd)
		value = digits(value) % 10000;
	c->cr = value == 0 ? chip_max(c) : value;
	c->cr_written = c->null = true;
	if (c->mode == 0) {
		chip_out(c, false);
		c->done = false;
	}
	if (c->mode == 0 || c->mode == 4)
		c->load_next = true;
	if ((c->mode == 2 || c->mode == 3) && !c->ce_valid)
		c->load_next = true;
}

static void chip_write(struct chip *c, uint8_t value)
{
	if (c->access == 1) {
		chip_count(c, value);
	} else if (c->access == 2) {
		chip_count(c, value * 256);
	} else if (c->half_written) {
		c->half_written = false;
		chip_count(c, c->half + value * 256);
	} else {
		c->half_written = true;
		c->half = value;
		if (c->mode == 0) {
			chip_out(c, false);
			c->done = true; /* not before the new count */
		}
	}
}

static void chip_gate(struct chip *c, bool gate)
{
	if (c->gate && !gate && (c->mode == 2 || c->mode == 3))
		chip_out(c, true);
	if (!c->gate && gate && c->cr_written && c->mode != 0 && c->mode != 4)
		c->triggered = true;
	c->gate = gate;
}

static int chip_value(const struct chip *c)
{
	const int v = c->ce_valid ? c->ce % chip_max(c) : 0;

	if (!c->bcd)
		return v;
	return v % 10 + v / 10 % 10 * 16 + v / 100 % 10 * 256 + v / 1000 * 4096;
}

static void chip_latch(struct chip *c)
{
	if (!c->latched)
		c->latch = chip_value(c);
	c->latched = true;
}

static void chip_latch_status(struct chip *c)
{
	if (!c->status_latched)
		c->status = (uint8_t)(c->control | (c->out ? 0x80 : 0) | (c->null ? 0x40 : 0));
	c->status_latched = true;
}

static uint8_t chip_read(struct chip *c)
{
	const int v = c->latched ? c->latch : chip_value(c);
	bool high = c->access == 2;

	if (c->status_latched) {
		c->status_latched = false;
		return c->status;
	}
	if (c->access == 3) {
		high = c->read_high;
		c->read_high = !c->read_high;
		if (high)
			c->latched = false;
	} else {
		c->latched = false;
	}
	return (uint8_t)(high ? v / 256 : v);
}

/* ---- Both ---- */

static struct vpit t;
static bool expect_61_gate;
static bool merged; /* since vpit_expire(), rises may have been merged */

static void both_fresh(void)
{
	now = 0;
	rose = merged = expect_61_gate = false;
	vpit_init(&t, HZ_SAME, 0);
	memset(chips, 0, sizeof(chips));
	for (int i = 0; i < 3; i++) {
		chips[i].gate = i < 2;
		chips[i].out = true;
		chip_control(&chips[i], 0x36);
	}
	chip_count(&chips[0], 0);
	chip_count(&chips[1], 18);
}

static bool is_exact(void)
{
	return (chips[0].mode != 2 && chips[0].mode != 3) ||
	       ((chips[0].cr >= (int)VPIT_PERIODIC_MIN_TICKS || !chips[0].cr_written) &&
		(chips[0].n >= (int)VPIT_PERIODIC_MIN_TICKS || !chips[0].ce_valid));
}

/* The chip's first rise from here on is where vpit says that it is. */
static void both_wait(uint32_t ticks)
{
	const bool had_risen = rose, exact = is_exact();
	const uint64_t claimed = t.next_rise;
	const bool is_future = claimed > now;

	merged |= !exact;
	rose = false;
	for (uint32_t i = 0; i < ticks; i++) {
		now++;
		for (int k = 0; k < 3; k++)
			chip_pulse(&chips[k]);
	}
	if (is_future && exact)
		CHECK(rose ? claimed == rose_at : claimed > now);
	else if (is_future)
		CHECK(rose || claimed > now);
	rose |= had_risen;
}

static void both_control(uint8_t value)
{
	vpit_write(&t, 0x43, value, now);
	if (value >> 6 == 3) {
		for (int i = 0; i < 3; i++) {
			if (!(value >> (i + 1) & 1))
				continue;
			if (!(value & 0x20))
				chip_latch(&chips[i]);
			if (!(value & 0x10))
				chip_latch_status(&chips[i]);
		}
	} else if ((value & 0x30) == 0) {
		chip_latch(&chips[value >> 6]);
	} else {
		chip_control(&chips[value >> 6], value);
	}
}

static void both_write(uint32_t counter, uint8_t value)
{
	vpit_write(&t, (uint16_t)(0x40 + counter), value, now);
	chip_write(&chips[counter], value);
}

static void both_61(uint8_t value)
{
	vpit_write(&t, 0x61, value, now);
	chip_gate(&chips[2], value & 1);
	expect_61_gate = value & 1;
}

static void compare_61(void)
{
	const uint8_t v = vpit_read(&t, 0x61, now);

	CHECK((v & 1) == expect_61_gate);
	CHECK((v >> 5 & 1) == chips[2].out);
	CHECK((v >> 4 & 1) == (now / 18 & 1));
	CHECK((v & 0xc0) == 0);
}

static void compare_expire(void)
{
	const bool risen = vpit_expire(&t, now);

	CHECK(risen == rose || (merged && rose));
	merged = false;
	if (chips[0].out)
		CHECK(t.irq0);
	CHECK(t.next_tsc > now);
	rose = false;
}

static uint32_t random_count(void)
{
	static const uint32_t counts[] = {
		0,    2,   3,   4,   5,   6,   7,   9,     12,    0x13,
		0x99, 118, 119, 120, 255, 256, 257, 0x999, 65534, 65535
	};

	if (random_below(3) == 0)
		return 2 + random_below(600);
	return counts[random_below(ARRAY_SIZE(counts))];
}

static void random_operation(bool slow_only)
{
	const uint32_t counter = random_below(3), n = random_count();

	switch (random_below(12)) {
	case 0:
		both_control((uint8_t)(counter << 6 | (1 + random_below(3)) << 4 |
				       random_below(8) << 1 | (random_below(4) == 0)));
		break;
	case 1: /* a count, whole or in part; never 1, which modes 2 and 3 do not allow */
	case 2:
		if (counter == 0 && slow_only && n != 0 && n < 1000)
			break;
		if (chips[counter].access == 2) {
			both_write(counter, (uint8_t)(n >> 8));
			break;
		}
		if (chips[counter].access == 1 && (n & 0xff) == 1)
			break;
		both_write(counter, (uint8_t)n);
		both_wait(random_below(3));
		if (chips[counter].access == 3 && chips[counter].half_written)
			both_write(counter, (uint8_t)(n >> 8));
		break;
	case 3:
		both_61((uint8_t)random_below(4));
		break;
	case 4:
		both_control((uint8_t)(0xc0 | random_below(64)));
		break;
	case 5:
		both_control((uint8_t)(counter << 6));
		break;
	case 6:
		compare_expire();
		break;
	case 7:
		compare_61();
		break;
	default:
		CHECK(vpit_read(&t, (uint16_t)(0x40 + counter), now) == chip_read(&chips[counter]));
		break;
	}
}

/* Halves are written out of step on purpose, so a 1 may arise: then the counters start over. */
static bool has_illegal_count(void)
{
	for (int i = 0; i < 3; i++)
		if ((chips[i].mode == 2 || chips[i].mode == 3) && chips[i].cr == 1)
			return true;
	return false;
}

static void random_programs_agree_with_the_stepped_chip(void)
{
	for (uint32_t run = 0; run < 500 && !test_failed; run++) {
		both_fresh();
		for (uint32_t i = 0; i < 300 && !test_failed; i++) {
			random_operation(run % 2);
			if (has_illegal_count())
				break;
			if (random_below(3) == 0)
				both_wait(random_below(4));
			else if (random_below(4) == 0)
				both_wait(random_below(500));
			else if (random_below(150) == 0)
				both_wait(random_below(140000));
		}
	}
}

/* Every mode, with small counts, each tick of three cycles, gate held low at each place. */
static void every_mode_agrees_at_every_tick(void)
{
	for (uint32_t mode = 0; mode < 8; mode++) {
		for (uint32_t n = 2; n < 12; n++) {
			for (uint32_t stop = 0; stop < 3 * n; stop++) {
				both_fresh();
				both_61(1);
				both_control((uint8_t)(0x90 | mode << 1));
				both_write(2, (uint8_t)n);
				both_wait(2);
				both_61(0);
				both_61(1);
				for (uint32_t i = 0; i < 4 * n + 4; i++) {
					both_61(i < stop || i > stop + 3);
					both_control(0x80);
					CHECK(vpit_read(&t, 0x42, now) == chip_read(&chips[2]));
					both_control(0xe8);
					CHECK(vpit_read(&t, 0x42, now) == chip_read(&chips[2]));
					compare_61();
					both_wait(1);
				}
			}
		}
	}
}

/* ---- What the data sheet says in numbers ---- */

static void mode_0_is_high_n_plus_one_pulses_after_the_count(void)
{
	vpit_init(&t, HZ_SAME, 0);
	vpit_write(&t, 0x61, 1, 100);
	vpit_write(&t, 0x43, 0xb0, 100);
	vpit_write(&t, 0x42, 0x34, 100);
	vpit_write(&t, 0x42, 0x12, 100);
	CHECK(!(vpit_read(&t, 0x61, 100 + 0x1234) & 0x20));
	CHECK(vpit_read(&t, 0x61, 100 + 0x1235) & 0x20);
}

static void mode_3_of_five_is_high_for_three_and_counts_4_2_0_4_2(void)
{
	static const uint8_t counts[] = { 4, 2, 0, 4, 2, 4, 2, 0, 4, 2 };
	static const bool high[] = { 1, 1, 1, 0, 0, 1, 1, 1, 0, 0 };

	vpit_init(&t, HZ_SAME, 0);
	vpit_write(&t, 0x61, 1, 0);
	vpit_write(&t, 0x43, 0x96, 0);
	vpit_write(&t, 0x42, 5, 0);
	for (uint32_t i = 0; i < ARRAY_SIZE(counts); i++) {
		CHECK(vpit_read(&t, 0x42, 1 + i) == counts[i]);
		CHECK((vpit_read(&t, 0x61, 1 + i) >> 5 & 1) == high[i]);
	}
}

static void firmware_left_counter_0_at_18_hertz(void)
{
	uint64_t edges = 0;

	vpit_init(&t, 1000000000, 5000);
	CHECK(t.irq0);
	for (uint64_t tsc = 5000; t.next_tsc <= 5000 + 10000000000u; edges++) {
		CHECK(t.next_tsc > tsc);
		tsc = t.next_tsc;
		CHECK(!vpit_expire(&t, tsc - 1));
		CHECK(vpit_expire(&t, tsc) && t.irq0);
	}
	CHECK(edges == 182);
}

/* Linux, quick_pit_calibrate(): mode 0, FFFFH, and the high byte falls every 256 ticks. */
static void the_high_byte_falls_every_256_ticks(void)
{
	uint64_t tsc = 777;
	uint8_t expected = 0xff;

	vpit_init(&t, 2000000000, 0);
	vpit_write(&t, 0x61, (uint8_t)((vpit_read(&t, 0x61, tsc) & ~2) | 1), tsc);
	vpit_write(&t, 0x43, 0xb0, tsc);
	vpit_write(&t, 0x42, 0xff, tsc);
	vpit_write(&t, 0x42, 0xff, tsc);
	for (uint32_t i = 0; i < 200; i++, expected--) {
		const uint64_t began = tsc;

		do {
			tsc += 1000;
			(void)vpit_read(&t, 0x42, tsc);
		} while (vpit_read(&t, 0x42, tsc) == expected);
		if (i > 0)
			CHECK(tsc - began > 427000 && tsc - began < 431000);
	}
}

static void a_late_guest_gets_one_interrupt_and_the_grid_is_kept(void)
{
	vpit_init(&t, 2000000000, 0);
	vpit_write(&t, 0x43, 0x34, 0);
	vpit_write(&t, 0x40, 0xa9, 0);
	vpit_write(&t, 0x40, 0x04, 0); /* 1193 */
	CHECK(!vpit_expire(&t, 0));
	for (uint64_t k = 1; k < 1000000; k += 1 + k) {
		const uint64_t tick = 1 + 1193 * k;
		const uint64_t tsc =
			(uint64_t)(((unsigned __int128)tick * 2000000000 + PC_PIT_HZ - 1) /
				   PC_PIT_HZ);

		CHECK(vpit_expire(&t, tsc));
		CHECK(!vpit_expire(&t, tsc + 1000));
		CHECK(t.next_rise == tick + 1193);
	}
}

static void a_storm_is_ten_kilohertz_at_most(void)
{
	for (uint32_t mode = 2; mode <= 3; mode++) {
		for (uint32_t n = 1; n < 200; n++) {
			uint64_t edges = 0, tsc = 0;

			vpit_init(&t, HZ_SAME, 0);
			vpit_write(&t, 0x43, (uint8_t)(0x10 | mode << 1), 0);
			vpit_write(&t, 0x40, (uint8_t)n, 0);
			while (t.next_tsc < PC_PIT_HZ) {
				tsc = t.next_tsc;
				edges += vpit_expire(&t, tsc);
				CHECK(t.next_tsc - tsc >= 119);
			}
			CHECK(edges <= 10100);
			CHECK(n == 1 ? edges == 0 : edges >= PC_PIT_HZ / (119 + n));
		}
	}
}

static void a_control_word_that_raises_the_output_is_an_edge(void)
{
	vpit_init(&t, HZ_SAME, 0);
	vpit_write(&t, 0x43, 0x30, 10);
	CHECK(!t.irq0 && !vpit_expire(&t, 10));
	vpit_write(&t, 0x43, 0x34, 20);
	CHECK(t.next_tsc == 20);
	CHECK(vpit_expire(&t, 20) && t.irq0 && t.next_tsc == TSC_NEVER);
}

/* Another core's TSC may be behind; nothing may wrap then. */
static void time_that_goes_back_does_no_harm(void)
{
	vpit_init(&t, 3000000000, 1000000);
	vpit_write(&t, 0x43, 0x34, 2000000);
	vpit_write(&t, 0x40, 0, 2000000);
	vpit_write(&t, 0x40, 1, 2000000);
	CHECK(!vpit_expire(&t, 3000));
	(void)vpit_read(&t, 0x40, 0);
	CHECK(vpit_expire(&t, 2000000 + 3000000000));
	(void)vpit_read(&t, 0x40, 1000);
	CHECK(!vpit_expire(&t, 1000));
}

int main(void)
{
	RUN(mode_0_is_high_n_plus_one_pulses_after_the_count);
	RUN(mode_3_of_five_is_high_for_three_and_counts_4_2_0_4_2);
	RUN(every_mode_agrees_at_every_tick);
	RUN(random_programs_agree_with_the_stepped_chip);
	RUN(firmware_left_counter_0_at_18_hertz);
	RUN(the_high_byte_falls_every_256_ticks);
	RUN(a_late_guest_gets_one_interrupt_and_the_grid_is_kept);
	RUN(a_storm_is_ten_kilohertz_at_most);
	RUN(a_control_word_that_raises_the_output_is_an_edge);
	RUN(time_that_goes_back_does_no_harm);
	return test_failed;
}
