/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/cmos.h"
#include "arch/machine.h"

#define CMOS_INDEX           0x70u
#define CMOS_DATA            0x71u
#define CMOS_SECONDS         0u
#define CMOS_MINUTES         2u
#define CMOS_HOURS           4u
#define CMOS_DAY             7u
#define CMOS_MONTH           8u
#define CMOS_YEAR            9u
#define CMOS_A               10u
#define CMOS_B               11u
#define CMOS_CENTURY         0x32u
#define A_UPDATE_IN_PROGRESS BIT32(7)
#define B_24_HOURS           BIT32(1)
#define B_BINARY             BIT32(2)
#define HOURS_PM             0x80u
#define TRIES_MAX            100000u /* an update takes 2 ms at most; a port read about 1 us */

static uint8_t read(uint8_t index)
{
	arch_pio_write8(CMOS_INDEX, index);
	return arch_pio_read8(CMOS_DATA);
}

static uint32_t decode(uint8_t value, uint8_t b)
{
	return b & B_BINARY ? value : (value >> 4) * 10u + (value & 15u);
}

static uint32_t decode_hours(uint8_t value, uint8_t b)
{
	uint32_t hours;

	if (b & B_24_HOURS)
		return decode(value, b);
	hours = decode(value & (uint8_t)~HOURS_PM, b) % 12;
	return value & HOURS_PM ? hours + 12 : hours;
}

/* Days since 1970-01-01 by the Gregorian rules; years count from March, so leap days are last. */
static uint64_t days_of(uint32_t year, uint32_t month, uint32_t day)
{
	const uint32_t y = month <= 2 ? year - 1 : year;
	const uint32_t m = month <= 2 ? month + 9 : month - 3;
	const uint64_t before_1970 = 719468; /* days from 0000-03-01 to 1970-01-01 */

	return (uint64_t)y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 -
	       before_1970;
}

uint64_t cmos_to_unix_time_s(const uint8_t r[12], uint8_t century)
{
	const uint8_t b = r[CMOS_B];
	const uint32_t centuries = decode(century, b);
	const uint32_t year = (centuries >= 19 && centuries <= 21 ? centuries : 20) * 100 +
			      decode(r[CMOS_YEAR], b);
	const uint32_t month = decode(r[CMOS_MONTH], b), day = decode(r[CMOS_DAY], b);
	const uint32_t hours = decode_hours(r[CMOS_HOURS], b);
	const uint32_t minutes = decode(r[CMOS_MINUTES], b), seconds = decode(r[CMOS_SECONDS], b);

	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hours > 23 ||
	    minutes > 59 || seconds > 60)
		return 0;
	return days_of(year, month, day) * 86400 + hours * 3600 + minutes * 60 + seconds;
}

/* Between two updates: what is read belongs together. */
uint64_t cmos_read_unix_time_s(void)
{
	uint8_t r[12];
	uint32_t tries = 0;

	while (read(CMOS_A) & A_UPDATE_IN_PROGRESS)
		if (++tries == TRIES_MAX)
			return 0;
	for (uint8_t i = 0; i < sizeof(r); i++)
		r[i] = read(i);
	return cmos_to_unix_time_s(r, read(CMOS_CENTURY));
}
