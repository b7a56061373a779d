/* SPDX-License-Identifier: Apache-2.0 */
/* The real-time clock against a calendar counted day by day and a clock that ticks. */
#include <stdlib.h>
#include <string.h>
#include "arch/x86/pc/vrtc.h"
#include "tests/test.h"

#define HZ    UINT64_C(1000000) /* ticks are microseconds, but where a test says otherwise */
#define EPOCH UINT64_C(123456789)

static uint64_t seed = 1;

static uint32_t random_below(uint32_t limit)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % limit);
}

static struct vrtc r;

static uint8_t get(uint32_t reg, uint64_t now)
{
	vrtc_write(&r, 0x70, (uint8_t)(0x80 | reg), now);
	return vrtc_read(&r, 0x71, now);
}

static void set(uint32_t reg, uint8_t value, uint64_t now)
{
	vrtc_write(&r, 0x70, (uint8_t)reg, now);
	vrtc_write(&r, 0x71, value, now);
}

static uint32_t bcd(uint32_t v)
{
	return v / 10 * 16 + v % 10;
}

/* ---- A calendar ---- */

struct date {
	uint32_t year, month, day, weekday; /* 1 is Sunday */
};

static uint32_t month_days(const struct date *d)
{
	static const uint32_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	const bool leap = d->year % 400 == 0 || (d->year % 4 == 0 && d->year % 100 != 0);

	return d->month == 2 && leap ? 29 : days[d->month - 1];
}

static void next_day(struct date *d)
{
	d->weekday = d->weekday % 7 + 1;
	if (d->day++ < month_days(d))
		return;
	d->day = 1;
	if (d->month++ < 12)
		return;
	d->month = 1;
	d->year++;
}

static void compare_date(const struct date *d, uint64_t now)
{
	CHECK(get(0x06, now) == d->weekday);
	CHECK(get(0x07, now) == bcd(d->day));
	CHECK(get(0x08, now) == bcd(d->month));
	CHECK(get(0x09, now) == bcd(d->year % 100));
	CHECK(get(0x32, now) == bcd(d->year / 100));
}

static void every_day_from_1970_to_2100_is_right(void)
{
	struct date d = { 1970, 1, 1, 5 };
	static struct vrtc running;

	vrtc_init(&running, HZ, EPOCH, 0);
	for (uint64_t n = 0; d.year <= 2100 && !test_failed; n++, next_day(&d)) {
		const uint64_t now = EPOCH + n * 86400 * HZ;

		vrtc_init(&r, HZ, EPOCH, n * 86400);
		compare_date(&d, EPOCH);
		CHECK(get(0x04, EPOCH) == 0 && get(0x02, EPOCH) == 0 && get(0x00, EPOCH) == 0);
		vrtc_init(&r, HZ, EPOCH, n * 86400 + 86399);
		compare_date(&d, EPOCH);
		CHECK(get(4, EPOCH) == 0x23 && get(2, EPOCH) == 0x59 && get(0, EPOCH) == 0x59);
		r = running;
		compare_date(&d, now);
		running = r;
	}
	CHECK(d.year == 2101);
}

/* One that is asked rarely shows the same as one that is asked each second. */
static void long_silence_loses_no_second(void)
{
	for (uint32_t n = 0; n < 2000; n++) {
		const uint64_t from = random_below(2000000000), later = random_below(2000000000);
		static struct vrtc other;

		vrtc_init(&r, HZ, EPOCH, from);
		(void)get(0, EPOCH + later * HZ);
		other = r;
		vrtc_init(&r, HZ, EPOCH, from + later);
		CHECK(memcmp(r.ram, other.ram, 10) == 0 && r.ram[0x32] == other.ram[0x32]);
	}
}

/* ---- Formats ---- */

static void all_four_formats_show_every_hour(void)
{
	for (uint32_t b = 0; b < 8; b += 2) {
		for (uint32_t h = 0; h < 24; h++) {
			const bool binary = b & 4, is_24 = b & 2;
			const uint32_t h12 = h % 12 == 0 ? 12 : h % 12;
			const uint32_t shown = is_24 ? h : h12;
			const uint32_t pm = !is_24 && h >= 12 ? 0x80 : 0;

			vrtc_init(&r, HZ, EPOCH, 0);
			set(0x0b, (uint8_t)(0x80 | b), EPOCH);
			/* One second before the hour, in the format that was chosen. */
			set(4,
			    (uint8_t)(is_24 ? (binary ? (h + 23) % 24 : bcd((h + 23) % 24))
					    : ((h + 23) % 24 >= 12 ? 0x80 : 0) |
						      (binary ? (h + 22) % 12 + 1
							      : bcd((h + 22) % 12 + 1))),
			    EPOCH);
			set(2, binary ? 59 : 0x59, EPOCH);
			set(0, binary ? 59 : 0x59, EPOCH);
			set(0x0b, (uint8_t)b, EPOCH);
			CHECK(get(4, EPOCH + HZ) == ((binary ? shown : bcd(shown)) | pm));
			CHECK(get(2, EPOCH + HZ) == 0 && get(0, EPOCH + HZ) == 0);
		}
	}
}

/* ---- Setting ---- */

static void set_stops_the_time_and_keeps_the_second(void)
{
	vrtc_init(&r, HZ, EPOCH, 0);
	CHECK(get(0, EPOCH + 5 * HZ + 7) == 5);
	set(0x0b, 0x92, EPOCH + 5 * HZ + 7);
	CHECK(get(0x0b, EPOCH + 6 * HZ) == 0x82); /* "SET clears UIE" */
	CHECK(get(0, EPOCH + 100 * HZ) == 5);
	CHECK(!(get(0x0a, EPOCH + 100 * HZ - 100) & 0x80));
	set(0, 0x30, EPOCH + 100 * HZ + 1);
	set(0x0b, 0x02, EPOCH + 100 * HZ + HZ / 4);
	CHECK(get(0, EPOCH + 101 * HZ - 1) == 0x30);
	CHECK(get(0, EPOCH + 101 * HZ) == 0x31);
}

/* Linux, mc146818_set_time(): out of divider reset, the first second is half a one. */
static void divider_reset_makes_the_first_second_half_a_one(void)
{
	const uint64_t at = EPOCH + 77 * HZ + 123456;

	vrtc_init(&r, HZ, EPOCH, 0);
	set(0x0b, 0x82, at);
	set(0x0a, 0x66, at);
	set(0, 0x10, at);
	CHECK(get(0, at + 50 * HZ) == 0x10);
	set(0x0b, 0x02, at + 50 * HZ);
	CHECK(get(0, at + 60 * HZ) == 0x10 && !(get(0x0a, at + 60 * HZ) & 0x80));
	set(0x0a, 0x26, at + 60 * HZ);
	CHECK(get(0, at + 60 * HZ + HZ / 2 - 1) == 0x10);
	CHECK(get(0, at + 60 * HZ + HZ / 2) == 0x11);
	CHECK(get(0, at + 61 * HZ + HZ / 2) == 0x12);
	vrtc_init(&r, HZ, 0, 0); /* the epoch would be before TSC 0 */
	set(0x0a, 0x66, 10);
	set(0x0a, 0x26, 20);
	CHECK(get(0, 20 + HZ / 2 - 1) == 0 && get(0, 20 + HZ / 2) == 1);
}

static void a_date_set_in_pieces_is_shown_as_written(void)
{
	vrtc_init(&r, HZ, EPOCH, 58 * 86400ull); /* 28 February 1970 */
	set(7, 0x31, EPOCH + 10);
	CHECK(get(7, EPOCH + 20) == 0x31 && get(8, EPOCH + 20) == 0x02);
	set(8, 0x12, EPOCH + 30);
	set(9, 0x99, EPOCH + 40);
	set(0x32, 0x19, EPOCH + 50);
	set(4, 0x23, EPOCH + 60);
	set(2, 0x59, EPOCH + 70);
	set(0, 0x59, EPOCH + 80);
	CHECK(get(9, EPOCH + HZ - 1) == 0x99);
	CHECK(get(9, EPOCH + HZ) == 0 && get(0x32, EPOCH + HZ) == 0x20 && get(7, EPOCH + HZ) == 1 &&
	      get(8, EPOCH + HZ) == 1);
}

static void any_bytes_are_a_time_sooner_or_later(void)
{
	for (uint32_t n = 0; n < 100000; n++) {
		vrtc_init(&r, HZ, EPOCH, 0);
		for (uint32_t reg = 0; reg < 10; reg++)
			set(reg, (uint8_t)random_below(256), EPOCH);
		set(0x32, (uint8_t)random_below(256), EPOCH);
		set(0x0b, (uint8_t)random_below(128), EPOCH);
		r.ram[0x0b] &= 0x76;
		r.ram[0x0b] |= 2;
		(void)get(0, EPOCH + (1 + (uint64_t)random_below(1u << 26)) * HZ * 90000);
		if (r.ram[0x0b] & 4) {
			CHECK(r.ram[0] < 60 && r.ram[2] < 60 && r.ram[4] < 24);
			CHECK(r.ram[7] - 1 < 31 && r.ram[8] - 1 < 12 && r.ram[9] < 100);
		} else {
			CHECK(r.ram[0] < 0x60 && r.ram[2] < 0x60 && r.ram[4] < 0x24);
			CHECK(r.ram[7] - 1 < 0x31 && r.ram[8] - 1 < 0x12 && r.ram[9] < 0xa0);
		}
		CHECK(r.ram[6] >= 1 && r.ram[6] <= 7);
		CHECK(r.next_tsc > EPOCH);
	}
}

/* ---- Update in progress ---- */

static void update_in_progress_is_244_us_before_each_second(void)
{
	vrtc_init(&r, HZ, EPOCH, 0);
	for (uint64_t s = 0; s < 3; s++) {
		for (uint64_t us = 0; us < HZ; us += us < 1000 || us > 998000 ? 1 : 997) {
			const uint64_t now = EPOCH + s * HZ + us;

			CHECK((get(0x0a, now) >> 7) == (us >= 1000000 - 244));
			CHECK((get(0x0a, now) & 0x7f) == 0x26);
			CHECK(get(0, now) == s);
		}
	}
}

/* ---- Alarm, by trying each second ---- */

static bool field_is(uint32_t code, uint32_t value)
{
	return code >= 0xc0 || code == bcd(value);
}

static void alarms_agree_with_trying_each_second(void)
{
	for (uint32_t n = 0; n < 1500 && !test_failed; n++) {
		const uint32_t from = random_below(86400);
		uint32_t code[3], first = 0;

		for (uint32_t i = 0; i < 3; i++) {
			code[i] = random_below(3) ? bcd(random_below(i == 2 ? 24 : 60)) : 0xc0;
			if (random_below(30) == 0)
				code[i] = random_below(256);
		}
		for (uint32_t s = 1; s <= 86400 && first == 0; s++) {
			const uint32_t t = (from + s) % 86400;

			if (field_is(code[0], t % 60) && field_is(code[1], t / 60 % 60) &&
			    field_is(code[2], t / 3600))
				first = s;
		}
		vrtc_init(&r, HZ, EPOCH, from);
		set(1, (uint8_t)code[0], EPOCH);
		set(3, (uint8_t)code[1], EPOCH);
		set(5, (uint8_t)code[2], EPOCH);
		set(0x0b, 0x22, EPOCH);
		if (first == 0) {
			CHECK(r.next_tsc == TSC_NEVER);
			CHECK(!(get(0x0c, EPOCH + 200000 * HZ) & 0x20));
			continue;
		}
		CHECK(r.next_tsc == EPOCH + first * HZ);
		vrtc_expire(&r, r.next_tsc - 1);
		CHECK(!r.irq8 && !(get(0x0c, r.next_tsc - 1) & 0x20));
		if (random_below(2)) /* late, perhaps by days */
			vrtc_expire(&r, r.next_tsc + random_below(400000) * HZ);
		else
			vrtc_expire(&r, r.next_tsc);
		CHECK(r.irq8 && r.next_tsc == TSC_NEVER);
		CHECK((get(0x0c, EPOCH) & 0xa0) == 0xa0 && !r.irq8);
	}
}

static void an_alarm_of_all_dont_cares_is_every_second(void)
{
	vrtc_init(&r, HZ, EPOCH, 0);
	for (uint32_t reg = 1; reg < 6; reg += 2)
		set(reg, 0xff, EPOCH);
	set(0x0b, 0x22, EPOCH);
	for (uint64_t s = 1; s < 200; s++) {
		CHECK(r.next_tsc == EPOCH + s * HZ);
		vrtc_expire(&r, r.next_tsc);
		CHECK(r.irq8);
		CHECK(get(0x0c, EPOCH + s * HZ) & 0x80);
	}
}

/* ---- Periodic and update-ended interrupts ---- */

static void each_rate_interrupts_that_often(void)
{
	static const uint32_t rates[16] = { 0,   256, 128, 8192, 4096, 2048, 1024, 512,
					    256, 128, 64,  32,   16,   8,    4,    2 };

	for (uint32_t rate = 0; rate < 16; rate++) {
		const uint64_t hz = 2399999999;
		uint32_t count = 0;

		vrtc_init(&r, hz, EPOCH, 0);
		set(0x0a, (uint8_t)(0x20 | rate), EPOCH);
		set(0x0b, 0x42, EPOCH);
		while (r.next_tsc <= EPOCH + 2 * hz) {
			const uint64_t now = r.next_tsc;

			vrtc_expire(&r, now - 1);
			CHECK(!r.irq8);
			vrtc_expire(&r, now);
			CHECK(r.irq8 && (get(0x0c, now) & 0xc0) == 0xc0 && !r.irq8);
			count++;
		}
		CHECK(count == 2 * rates[rate]);
		CHECK((rate == 0) == (r.next_tsc == TSC_NEVER));
	}
}

static void a_late_reader_gets_one_interrupt_and_the_grid_is_kept(void)
{
	vrtc_init(&r, 32768 * 10, 0, 0);
	set(0x0b, 0x42, 0); /* 1024 Hz: every 320 ticks */
	vrtc_expire(&r, 320 * 1000 + 50);
	CHECK(r.irq8);
	CHECK(get(0x0c, 320 * 1000 + 60) & 0x40);
	CHECK(r.next_tsc == 320 * 1001);
	CHECK(get(0x0c, 320 * 1000 + 70) == 0);
}

static void a_new_rate_sets_no_flag_by_itself(void)
{
	for (uint32_t from = 0; from < 16; from++) {
		for (uint32_t to = 0; to < 16; to++) {
			const uint64_t now = 320 * 1000 + 50;

			vrtc_init(&r, 32768 * 10, 0, 0);
			set(0x0a, (uint8_t)(0x20 | from), now);
			(void)get(0x0c, now);
			set(0x0a, (uint8_t)(0x20 | to), now);
			CHECK(!(get(0x0c, now) & 0x40));
		}
	}
}

static void flags_show_without_their_interrupts(void)
{
	vrtc_init(&r, HZ, EPOCH, 0);
	vrtc_expire(&r, EPOCH + 10 * HZ);
	CHECK(!r.irq8 && r.next_tsc == TSC_NEVER);
	CHECK(get(0x0c, EPOCH + 10 * HZ) == 0x50); /* the alarm, 00:00:00, is a day away */
	CHECK(get(0x0c, EPOCH + 10 * HZ) == 0);
	(void)get(0, EPOCH + 11 * HZ);
	set(0x0b, 0x12, EPOCH + 11 * HZ + 5); /* a flag that is set interrupts once it may */
	CHECK(r.irq8 && get(0x0c, EPOCH + 11 * HZ + 6) == 0xd0 && !r.irq8);
	CHECK(r.next_tsc == EPOCH + 12 * HZ);
}

/* ---- The rest ---- */

static void memory_keeps_and_registers_c_and_d_do_not(void)
{
	vrtc_init(&r, HZ, EPOCH, 0);
	CHECK(get(0x0d, EPOCH) == 0x80 && get(0x0b, EPOCH) == 0x02 && get(0x0a, EPOCH) == 0x26);
	for (uint32_t reg = 0x0e; reg < 0x80; reg++)
		if (reg != 0x32)
			CHECK(get(reg, EPOCH) == 0);
	set(0x0c, 0xff, EPOCH);
	set(0x0d, 0x00, EPOCH);
	CHECK(get(0x0c, EPOCH) == 0 && get(0x0d, EPOCH) == 0x80);
	for (uint32_t reg = 0x0e; reg < 0x80; reg++)
		set(reg, (uint8_t)(reg * 3), EPOCH);
	for (uint32_t reg = 0x0e; reg < 0x80; reg++)
		CHECK(get(reg, EPOCH) == (uint8_t)(reg * 3));
	CHECK(vrtc_read(&r, 0x70, EPOCH) == 0xff);
	set(0x0a, 0xff, EPOCH);
	CHECK(get(0x0a, EPOCH) == 0x7f);
}

static void time_that_goes_back_does_no_harm(void)
{
	vrtc_init(&r, HZ, EPOCH, 1000);
	set(0x0b, 0x72, EPOCH + 10 * HZ);
	(void)get(0x0c, EPOCH + 10 * HZ);
	CHECK(get(0, EPOCH + 9 * HZ) == 0x50 && get(0x0c, EPOCH + 9 * HZ) == 0);
	CHECK(get(0, 0) == 0x50 && get(0, EPOCH + 11 * HZ) == 0x51);
}

int main(void)
{
	RUN(every_day_from_1970_to_2100_is_right);
	RUN(long_silence_loses_no_second);
	RUN(all_four_formats_show_every_hour);
	RUN(set_stops_the_time_and_keeps_the_second);
	RUN(divider_reset_makes_the_first_second_half_a_one);
	RUN(a_date_set_in_pieces_is_shown_as_written);
	RUN(any_bytes_are_a_time_sooner_or_later);
	RUN(update_in_progress_is_244_us_before_each_second);
	RUN(alarms_agree_with_trying_each_second);
	RUN(an_alarm_of_all_dont_cares_is_every_second);
	RUN(each_rate_interrupts_that_often);
	RUN(a_late_reader_gets_one_interrupt_and_the_grid_is_kept);
	RUN(a_new_rate_sets_no_flag_by_itself);
	RUN(flags_show_without_their_interrupts);
	RUN(memory_keeps_and_registers_c_and_d_do_not);
	RUN(time_that_goes_back_does_no_harm);
	return test_failed;
}
