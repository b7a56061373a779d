/* SPDX-License-Identifier: Apache-2.0 */
/* arch/x86/cmos.c: the machine's date, against the C library's calendar. */
#define _DEFAULT_SOURCE /* timegm() */
#include <string.h>
#include <time.h>
#include "arch/machine.h"
#include "arch/x86/cmos.h"
#include "tests/test.h"

#define B_24_HOURS 2u
#define B_BINARY   4u

static uint8_t ports_index;
static uint32_t updating_reads;

void arch_pio_write8(uint16_t port, uint8_t value)
{
	if (port == 0x70)
		ports_index = value;
}

/* 2024-02-29 23:59:58, and an update in progress at first. */
uint8_t arch_pio_read8(uint16_t port)
{
	static const uint8_t registers[128] = {
		[0] = 0x58, [2] = 0x59, [4] = 0x23,        [7] = 0x29,
		[8] = 0x02, [9] = 0x24, [11] = B_24_HOURS, [0x32] = 0x20
	};

	if (ports_index == 10)
		return updating_reads && updating_reads-- ? 0x80 : 0;
	return registers[ports_index];
}

static uint8_t bcd(int n)
{
	return (uint8_t)(n / 10 * 16 + n % 10);
}

static uint8_t hours_12(int hour, uint8_t (*encode)(int))
{
	const int twelve = hour % 12 == 0 ? 12 : hour % 12;

	return (uint8_t)(encode(twelve) | (hour >= 12 ? 0x80 : 0));
}

static uint8_t plain(int n)
{
	return (uint8_t)n;
}

static uint64_t through_registers(const struct tm *t, uint8_t b)
{
	uint8_t (*const encode)(int) = b & B_BINARY ? plain : bcd;
	const uint8_t r[12] = {
		[0] = encode(t->tm_sec),
		[2] = encode(t->tm_min),
		[4] = b & B_24_HOURS ? encode(t->tm_hour) : hours_12(t->tm_hour, encode),
		[7] = encode(t->tm_mday),
		[8] = encode(t->tm_mon + 1),
		[9] = encode(t->tm_year % 100),
		[11] = b,
	};

	return cmos_to_unix_time_s(r, encode((t->tm_year + 1900) / 100));
}

static void every_day_of_a_century_is_the_calendars(void)
{
	static const uint8_t formats[] = { 0, B_24_HOURS, B_BINARY, B_24_HOURS | B_BINARY };

	for (time_t day = 1; day < 365 * 125; day++) {
		const time_t at = day * 86400 + day * 4567 % 86400;
		struct tm t;

		gmtime_r(&at, &t);
		for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
			CHECK(through_registers(&t, formats[i]) == (uint64_t)at);
	}
}

static void nonsense_is_no_date(void)
{
	uint8_t r[12];

	memset(r, 0xff, sizeof(r));
	CHECK(cmos_to_unix_time_s(r, 0xff) == 0);
	memset(r, 0, sizeof(r));
	CHECK(cmos_to_unix_time_s(r, 0x20) == 0);
}

static void an_update_is_waited_for_but_not_for_ever(void)
{
	struct tm t = { .tm_year = 124,
			.tm_mon = 1,
			.tm_mday = 29,
			.tm_hour = 23,
			.tm_min = 59,
			.tm_sec = 58 };

	updating_reads = 5;
	CHECK(cmos_read_unix_time_s() == (uint64_t)timegm(&t));
	updating_reads = UINT32_MAX;
	CHECK(cmos_read_unix_time_s() == 0);
}

int main(void)
{
	RUN(every_day_of_a_century_is_the_calendars);
	RUN(nonsense_is_no_date);
	RUN(an_update_is_waited_for_but_not_for_ever);
	return test_failed;
}
