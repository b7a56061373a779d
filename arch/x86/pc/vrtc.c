/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/pc/vrtc.h"
#include "arch/x86/pc/ticks.h"
#include "core/lib/assert.h"

/* "Address Map". */
#define SECONDS         0x00u
#define SECONDS_ALARM   0x01u
#define MINUTES         0x02u
#define MINUTES_ALARM   0x03u
#define HOURS           0x04u
#define HOURS_ALARM     0x05u
#define DAY_OF_WEEK     0x06u /* Sunday is 1 */
#define DAY_OF_MONTH    0x07u
#define MONTH           0x08u
#define YEAR            0x09u
#define REGISTER_A      0x0au
#define REGISTER_B      0x0bu
#define REGISTER_C      0x0cu
#define REGISTER_D      0x0du
#define CENTURY         0x32u /* the FADT says so */

#define A_UIP           0x80u /* r */
#define A_DIVIDER       0x70u
#define A_DIVIDER_32768 0x20u /* the only one that counts with the crystal of a PC */
#define A_RATE          0x0fu
#define B_SET           0x80u
#define B_PIE           0x40u
#define B_AIE           0x20u
#define B_UIE           0x10u
#define B_BINARY        0x04u
#define B_24_HOURS      0x02u
#define C_IRQF          0x80u
#define C_PF            0x40u
#define C_AF            0x20u
#define C_UF            0x10u
#define C_FLAGS         0x70u /* at the same places as their enable bits in B */
#define D_VRT           0x80u /* the battery is good */

#define INITIAL_RATE    6u    /* 1024 Hz, as firmware leaves it */
#define ALARM_ANY       0xc0u /* "don't care": the two highest bits */
#define HOURS_PM        0x80u

#define CRYSTAL_HZ      32768u
#define UIP_US          244u /* "the update cycle begins 244 us later" */
#define US_PER_S        1000000u
#define DAY_S           86400u
#define NEVER_S         UINT32_MAX

/* ---- Numbers as the registers have them ---- */

static uint32_t decode(const struct vrtc *r, uint8_t value)
{
	return r->ram[REGISTER_B] & B_BINARY ? value : (value >> 4) * 10u + (value & 15);
}

static uint8_t encode(const struct vrtc *r, uint32_t value)
{
	return (uint8_t)(r->ram[REGISTER_B] & B_BINARY ? value : value / 10 << 4 | value % 10);
}

static uint32_t decode_hours(const struct vrtc *r, uint8_t value)
{
	if (r->ram[REGISTER_B] & B_24_HOURS)
		return decode(r, value);
	return decode(r, value & (uint8_t)~HOURS_PM) % 12 + (value & HOURS_PM ? 12 : 0);
}

static uint8_t encode_hours(const struct vrtc *r, uint32_t hours)
{
	if (r->ram[REGISTER_B] & B_24_HOURS)
		return encode(r, hours);
	return (uint8_t)(encode(r, hours % 12 == 0 ? 12 : hours % 12) |
			 (hours >= 12 ? HOURS_PM : 0));
}

static uint32_t second_of_day(const struct vrtc *r)
{
	return decode_hours(r, r->ram[HOURS]) * 3600 + decode(r, r->ram[MINUTES]) * 60 +
	       decode(r, r->ram[SECONDS]);
}

/* ---- The calendar: years that begin in March, so that the odd day is the last ---- */

#define DAYS_400_YEARS 146097u
#define DAYS_100_YEARS 36524u
#define DAYS_4_YEARS   1461u
#define DAYS_YEAR      365u
#define DAYS_5_MONTHS  153u /* March to July, and again */

/* Days from 0000-03-01 to the date; a day beyond its month is one of the next. */
static uint64_t days_of_date(uint32_t year, uint32_t month, uint32_t day)
{
	const uint32_t from_march = (month + 9) % 12; /* any register content is a month */
	uint64_t y = year;

	if (from_march >= 10) /* January, February; before year 0, the calendar repeats after 400 */
		y = y == 0 ? 399 : y - 1;
	return y * DAYS_YEAR + y / 4 - y / 100 + y / 400 + (from_march * DAYS_5_MONTHS + 2) / 5 +
	       day - 1;
}

static void set_date(struct vrtc *r, uint64_t days)
{
	uint64_t year = days / DAYS_400_YEARS * 400;
	uint32_t rest = (uint32_t)(days % DAYS_400_YEARS), n, month;

	n = (uint32_t)min_u64(rest / DAYS_100_YEARS, 3);
	year += n * 100;
	rest -= n * DAYS_100_YEARS;
	year += rest / DAYS_4_YEARS * 4;
	rest %= DAYS_4_YEARS;
	n = (uint32_t)min_u64(rest / DAYS_YEAR, 3);
	year += n;
	rest -= n * DAYS_YEAR;
	month = (rest * 5 + 2) / DAYS_5_MONTHS; /* 0: March */
	year += month >= 10;
	r->ram[DAY_OF_MONTH] = encode(r, rest - (month * DAYS_5_MONTHS + 2) / 5 + 1);
	r->ram[MONTH] = encode(r, (month + 2) % 12 + 1);
	r->ram[YEAR] = encode(r, (uint32_t)(year % 100));
	r->ram[CENTURY] = encode(r, (uint32_t)(year / 100 % 100));
}

static uint64_t get_date(const struct vrtc *r)
{
	return days_of_date(decode(r, r->ram[CENTURY]) * 100 + decode(r, r->ram[YEAR]),
			    decode(r, r->ram[MONTH]), decode(r, r->ram[DAY_OF_MONTH]));
}

static void set_second_of_day(struct vrtc *r, uint32_t second)
{
	r->ram[SECONDS] = encode(r, second % 60);
	r->ram[MINUTES] = encode(r, second / 60 % 60);
	r->ram[HOURS] = encode_hours(r, second / 3600);
}

/* The registers, `seconds` later. */
static void add_seconds(struct vrtc *r, uint64_t seconds)
{
	const uint64_t total = second_of_day(r) + seconds;
	const uint64_t days = total / DAY_S;
	const uint32_t weekday = decode(r, r->ram[DAY_OF_WEEK]);

	set_second_of_day(r, (uint32_t)(total % DAY_S));
	if (days == 0)
		return;
	set_date(r, get_date(r) + days);
	r->ram[DAY_OF_WEEK] = encode(r, (uint32_t)((weekday + 6 + days) % 7) + 1);
}

/* ---- The alarm ---- */

struct alarm_field {
	uint32_t value;
	bool is_any, is_never;
};

/* A code that no time of day shows is never reached. */
static struct alarm_field alarm_field(const struct vrtc *r, uint32_t reg, uint32_t limit)
{
	const uint8_t code = r->ram[reg];
	const bool is_hours = reg == HOURS_ALARM;
	const uint32_t value = is_hours ? decode_hours(r, code) : decode(r, code);

	return (struct alarm_field){
		.value = value,
		.is_any = code >= ALARM_ANY,
		.is_never = value >= limit ||
			    code != (is_hours ? encode_hours(r, value) : encode(r, value)),
	};
}

/* Seconds from `t`, whose field is `now`, to the next time when the field is right. */
static uint32_t until(struct alarm_field f, uint32_t now, uint32_t limit, uint32_t unit_s,
		      uint32_t t)
{
	if (f.is_any || f.value == now)
		return 0;
	return (f.value + limit - now) % limit * unit_s - t % unit_s;
}

/* Seconds from the time in the registers to the alarm: 1 .. 86400, or NEVER_S. */
static uint32_t seconds_to_alarm(const struct vrtc *r)
{
	const struct alarm_field s = alarm_field(r, SECONDS_ALARM, 60);
	const struct alarm_field m = alarm_field(r, MINUTES_ALARM, 60);
	const struct alarm_field h = alarm_field(r, HOURS_ALARM, 24);
	const uint32_t from = second_of_day(r) % DAY_S;
	uint32_t t = from + 1, step;

	if ((s.is_never && !s.is_any) || (m.is_never && !m.is_any) || (h.is_never && !h.is_any))
		return NEVER_S;
	/* Each step ends at the first moment that may match; the larger units settle first. */
	do {
		step = until(h, t / 3600 % 24, 24, 3600, t);
		if (step == 0)
			step = until(m, t / 60 % 60, 60, 60, t);
		if (step == 0)
			step = until(s, t % 60, 60, 1, t);
		t += step;
	} while (step != 0);
	return t - from;
}

/* ---- Time ---- */

static bool divider_runs(const struct vrtc *r)
{
	return (r->ram[REGISTER_A] & A_DIVIDER) == A_DIVIDER_32768;
}

static bool time_runs(const struct vrtc *r)
{
	return divider_runs(r) && !(r->ram[REGISTER_B] & B_SET);
}

/* "Periodic Interrupt Rate": 1 and 2 are as 8 and 9, and 0 is none. */
static uint32_t period_shift(const struct vrtc *r)
{
	const uint32_t rate = r->ram[REGISTER_A] & A_RATE;

	return rate <= 2 ? rate + 6 : rate - 1;
}

static bool has_period(const struct vrtc *r)
{
	return (r->ram[REGISTER_A] & A_RATE) != 0 && divider_runs(r);
}

static uint64_t periods(const struct vrtc *r, uint64_t now_tsc)
{
	return ticks_at(r->epoch_tsc, now_tsc, CRYSTAL_HZ, r->tsc_hz) >> period_shift(r);
}

static uint64_t chain_second(const struct vrtc *r, uint64_t now_tsc)
{
	return ticks_since_tsc(r->epoch_tsc, now_tsc) / r->tsc_hz;
}

static void update_line(struct vrtc *r)
{
	const bool asks = r->ram[REGISTER_C] & r->ram[REGISTER_B] & C_FLAGS;

	r->ram[REGISTER_C] = (uint8_t)((r->ram[REGISTER_C] & C_FLAGS) | (asks ? C_IRQF : 0));
	r->irq8 = asks;
}

/* Brings registers and flags to now. Time that another core sees a little earlier is now. */
static void settle(struct vrtc *r, uint64_t now_tsc)
{
	uint64_t count;

	if (has_period(r)) {
		count = periods(r, now_tsc);
		if (count > r->periodic_seen) {
			r->periodic_seen = count;
			r->ram[REGISTER_C] |= C_PF;
		}
	}
	if (time_runs(r)) {
		count = chain_second(r, now_tsc);
		if (count > r->second) {
			r->ram[REGISTER_C] |= C_UF;
			if (!(r->ram[REGISTER_C] & C_AF) &&
			    seconds_to_alarm(r) <= count - r->second)
				r->ram[REGISTER_C] |= C_AF;
			add_seconds(r, count - r->second);
			r->second = count;
		}
	}
	update_line(r);
}

static uint64_t second_tsc(const struct vrtc *r, uint64_t second)
{
	return r->epoch_tsc + second * r->tsc_hz;
}

/* The next time at which a flag that may interrupt becomes set. */
static void rearm(struct vrtc *r)
{
	const uint32_t enabled = r->ram[REGISTER_B];
	uint32_t alarm;

	r->next_tsc = TSC_NEVER;
	if (r->irq8)
		return;
	if ((enabled & B_PIE) && has_period(r))
		r->next_tsc = ticks_to_tsc(r->epoch_tsc, (r->periodic_seen + 1) << period_shift(r),
					   CRYSTAL_HZ, r->tsc_hz);
	if (!time_runs(r))
		return;
	if (enabled & B_UIE)
		r->next_tsc = min_u64(r->next_tsc, second_tsc(r, r->second + 1));
	if (enabled & B_AIE) {
		alarm = seconds_to_alarm(r);
		if (alarm != NEVER_S)
			r->next_tsc = min_u64(r->next_tsc, second_tsc(r, r->second + alarm));
	}
}

void vrtc_expire(struct vrtc *r, uint64_t now_tsc)
{
	if (now_tsc < r->next_tsc)
		return;
	settle(r, now_tsc);
	rearm(r);
}

void vrtc_init(struct vrtc *r, uint64_t tsc_hz, uint64_t epoch_tsc, uint64_t unix_time_s)
{
	ASSERT(tsc_hz >= CRYSTAL_HZ);
	*r = (struct vrtc){ .tsc_hz = tsc_hz, .epoch_tsc = epoch_tsc, .next_tsc = TSC_NEVER };
	r->ram[REGISTER_A] = A_DIVIDER_32768 | INITIAL_RATE;
	r->ram[REGISTER_B] = B_24_HOURS;
	r->ram[REGISTER_D] = D_VRT;
	set_date(r, days_of_date(1970, 1, 1));
	r->ram[DAY_OF_WEEK] = 5; /* a Thursday */
	add_seconds(r, unix_time_s);
}

/* ---- Ports ---- */

static bool is_in_progress(const struct vrtc *r, uint64_t now_tsc)
{
	const uint64_t since = ticks_since_tsc(r->epoch_tsc, now_tsc) % r->tsc_hz;

	return time_runs(r) && r->tsc_hz - since <= r->tsc_hz * UIP_US / US_PER_S;
}

static uint8_t read_flags(struct vrtc *r)
{
	const uint8_t flags = r->ram[REGISTER_C];

	r->ram[REGISTER_C] = 0;
	r->irq8 = false;
	rearm(r);
	return flags;
}

uint8_t vrtc_read(struct vrtc *r, uint16_t port, uint64_t now_tsc)
{
	if (port == PC_RTC) /* write only */
		return 0xff;
	if (r->index == REGISTER_A)
		return r->ram[REGISTER_A] | (is_in_progress(r, now_tsc) ? A_UIP : 0);
	if (r->index < REGISTER_D || r->index == CENTURY)
		settle(r, now_tsc);
	return r->index == REGISTER_C ? read_flags(r) : r->ram[r->index];
}

/*
 * "DV2, DV1, DV0": out of reset, the first update comes half a second later. The divider may run
 * on or stand still; either way no period of the new rate has passed yet.
 */
static void write_a(struct vrtc *r, uint8_t value, uint64_t now_tsc)
{
	const bool did_run = divider_runs(r);

	r->ram[REGISTER_A] = value & (uint8_t)~A_UIP;
	if (!did_run && divider_runs(r)) {
		r->epoch_tsc = now_tsc - r->tsc_hz / 2;
		r->second = 0;
	}
	if (has_period(r))
		r->periodic_seen = periods(r, now_tsc);
}

/* "SET": what was written is the time of the second at hand; setting it clears UIE. */
static void write_b(struct vrtc *r, uint8_t value, uint64_t now_tsc)
{
	if (value & B_SET)
		value &= (uint8_t)~B_UIE;
	else if (r->ram[REGISTER_B] & B_SET)
		r->second = chain_second(r, now_tsc);
	r->ram[REGISTER_B] = value;
}

void vrtc_write(struct vrtc *r, uint16_t port, uint8_t value, uint64_t now_tsc)
{
	if (port == PC_RTC) {
		r->index = value & 0x7f;
		return;
	}
	settle(r, now_tsc);
	switch (r->index) {
	case REGISTER_A:
		write_a(r, value, now_tsc);
		break;
	case REGISTER_B:
		write_b(r, value, now_tsc);
		break;
	case REGISTER_C:
	case REGISTER_D: /* read only */
		break;
	default:
		r->ram[r->index] = value;
		break;
	}
	update_line(r);
	rearm(r);
}
