/* SPDX-License-Identifier: Apache-2.0 */
/* ACPI fixed hardware: the timer against 128-bit division, the registers bit by bit. */
#include <stdlib.h>
#include "arch/x86/pc/ticks.h"
#include "arch/x86/pc/vpm.h"
#include "tests/test.h"

#define HZ    UINT64_C(2399999123)
#define EPOCH UINT64_C(987654321)

static uint64_t seed = 1;

static uint64_t random_u64(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 33 | (seed & 0xffffffff00000000);
}

static struct vpm p;

static uint64_t slow_ticks(uint64_t now)
{
	return (uint64_t)((unsigned __int128)(now - EPOCH) * 3579545 / HZ);
}

/* The first TSC with so many ticks, by halving. */
static uint64_t slow_tsc(uint64_t ticks)
{
	uint64_t low = EPOCH, high = EPOCH + (UINT64_C(1) << 62);

	while (low < high) {
		const uint64_t middle = low + (high - low) / 2;

		if (slow_ticks(middle) >= ticks)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void the_timer_is_exact_for_a_hundred_years(void)
{
	const uint64_t century = UINT64_C(100) * 366 * 86400 * HZ;

	vpm_init(&p, HZ, EPOCH);
	for (uint32_t i = 0; i < 100000; i++) {
		const uint64_t now = EPOCH + random_u64() % century;

		CHECK(vpm_read(&p, 0x608, 4, now) == (uint32_t)slow_ticks(now));
	}
	CHECK(vpm_read(&p, 0x608, 4, EPOCH) == 0 && vpm_read(&p, 0x608, 4, 0) == 0);
}

static void the_timer_never_goes_back(void)
{
	uint64_t now = EPOCH;
	uint32_t last = 0;

	vpm_init(&p, HZ, EPOCH);
	for (uint32_t i = 0; i < 200000; i++) {
		const uint32_t ticks = vpm_read(&p, 0x608, 4, now);

		CHECK(ticks - last < 4);
		last = ticks;
		now += random_u64() % 2000;
	}
}

static void narrow_reads_are_parts_of_wide_ones(void)
{
	const uint64_t now = EPOCH + 77 * HZ;

	vpm_init(&p, HZ, EPOCH);
	(void)vpm_write(&p, 0x602, 2, 0xffff, now);
	(void)vpm_write(&p, 0x604, 2, 0x1402, now);
	for (uint16_t port = 0x600; port < 0x60c; port += 4) {
		const uint32_t all = vpm_read(&p, port, 4, now);

		for (uint16_t i = 0; i < 4; i++)
			CHECK(vpm_read(&p, (uint16_t)(port + i), 1, now) == (all >> 8 * i & 0xff));
		CHECK(vpm_read(&p, port, 2, now) == (all & 0xffff));
		CHECK(vpm_read(&p, (uint16_t)(port + 2), 2, now) == all >> 16);
	}
}

static void exactly_the_specified_bits_can_be_written(void)
{
	for (uint32_t b = 0; b < 16; b++) {
		vpm_init(&p, HZ, EPOCH);
		CHECK(vpm_read(&p, 0x600, 4, EPOCH) == 0 && vpm_read(&p, 0x604, 2, EPOCH) == 1);
		CHECK(!vpm_write(&p, 0x600, 2, BIT32(b), EPOCH));
		CHECK(vpm_read(&p, 0x600, 4, EPOCH) == 0);
		CHECK(!vpm_write(&p, 0x602, 2, BIT32(b), EPOCH));
		CHECK(vpm_read(&p, 0x602, 2, EPOCH) == (BIT32(b) & 0x0721));
		CHECK(!vpm_write(&p, 0x604, 2, BIT32(b), EPOCH));
		CHECK(vpm_read(&p, 0x604, 2, EPOCH) == ((BIT32(b) & 0x1c02) | 1));
	}
	for (uint32_t b = 0; b < 32; b++) { /* the two at once, and bytes */
		vpm_init(&p, HZ, EPOCH);
		(void)vpm_write(&p, 0x600, 4, BIT32(b), EPOCH);
		CHECK(vpm_read(&p, 0x600, 4, EPOCH) == (BIT32(b) & 0x07210000));
		vpm_init(&p, HZ, EPOCH);
		(void)vpm_write(&p, (uint16_t)(0x600 + b / 8), 1, BIT32(b % 8), EPOCH);
		CHECK(vpm_read(&p, 0x600, 4, EPOCH) == (BIT32(b) & 0x07210000));
	}
}

static void only_sleep_enable_with_type_5_is_power_off(void)
{
	for (uint32_t v = 0; v < 0x10000; v++) {
		vpm_init(&p, HZ, EPOCH);
		CHECK(vpm_write(&p, 0x604, 2, v, EPOCH) == ((v & 0x3c00) == 0x3400));
		CHECK(!(vpm_read(&p, 0x604, 2, EPOCH) & 0x2000));
	}
	vpm_init(&p, HZ, EPOCH); /* as ACPICA does it: first the type, then both */
	CHECK(!vpm_write(&p, 0x604, 2, 0x1401, EPOCH) && vpm_write(&p, 0x604, 2, 0x3401, EPOCH));
	vpm_init(&p, HZ, EPOCH);
	CHECK(!vpm_write(&p, 0x605, 1, 0x14, EPOCH) && vpm_write(&p, 0x605, 1, 0x34, EPOCH));
	vpm_init(&p, HZ, EPOCH); /* what is beyond the access does not count */
	CHECK(!vpm_write(&p, 0x605, 1, 0x14, EPOCH) && !vpm_write(&p, 0x604, 1, 0x3401, EPOCH));
	CHECK(!vpm_write(&p, 0x600, 4, 0x3401, EPOCH) && !vpm_write(&p, 0x608, 4, 0x3401, EPOCH));
}

static void each_carry_is_an_event_until_it_is_cleared(void)
{
	vpm_init(&p, HZ, EPOCH);
	CHECK(vpm_next_tsc(&p, EPOCH) == TSC_NEVER);
	(void)vpm_write(&p, 0x602, 2, 1, EPOCH);
	for (uint64_t k = 1; k < 50; k++) {
		const uint64_t carry = slow_tsc(k << 31), late = carry + random_u64() % (500 * HZ);

		CHECK(vpm_next_tsc(&p, carry - 1) == carry);
		CHECK(!vpm_sci(&p, carry - 1) && !(vpm_read(&p, 0x600, 2, carry - 1) & 1));
		CHECK(vpm_sci(&p, carry) && vpm_next_tsc(&p, carry) == TSC_NEVER);
		CHECK(vpm_read(&p, 0x600, 2, late) == 1 && vpm_sci(&p, late));
		(void)vpm_write(&p, 0x600, 2, 0xfffe, late);
		CHECK(vpm_sci(&p, late));
		(void)vpm_write(&p, 0x600, 1, 1, late);
		CHECK(!vpm_sci(&p, late) && vpm_read(&p, 0x600, 2, late) == 0);
		CHECK(vpm_read(&p, 0x602, 2, late) == 1);
	}
	(void)vpm_write(&p, 0x602, 2, 0, EPOCH);
	CHECK(!vpm_sci(&p, slow_tsc(UINT64_C(60) << 31)));
	CHECK(vpm_read(&p, 0x600, 2, slow_tsc(UINT64_C(60) << 31)) == 1);
}

static void clocks_are_exact_for_a_hundred_years(void)
{
	for (uint32_t i = 0; i < 200000; i++) {
		const uint64_t hz = 1 + random_u64() % 4000000;
		const uint64_t tsc_hz = hz + random_u64() % 4000000000;
		const uint64_t epoch = random_u64() % (1u << 30) << random_u64() % 20;
		const uint64_t since = random_u64() % (1u << 30) << random_u64() % 33;
		const uint64_t ticks = ticks_at(epoch, epoch + since, hz, tsc_hz);
		const uint64_t tsc = ticks_to_tsc(epoch, ticks, hz, tsc_hz);

		CHECK(ticks == (uint64_t)((unsigned __int128)since * hz / tsc_hz));
		CHECK(tsc <= epoch + since && ticks_at(epoch, tsc, hz, tsc_hz) == ticks);
		CHECK(ticks == 0 || ticks_at(epoch, tsc - 1, hz, tsc_hz) == ticks - 1 ||
		      hz == tsc_hz);
		CHECK(ticks_at(epoch + since, epoch, hz, tsc_hz) == 0);
	}
}

int main(void)
{
	RUN(clocks_are_exact_for_a_hundred_years);
	RUN(the_timer_is_exact_for_a_hundred_years);
	RUN(the_timer_never_goes_back);
	RUN(narrow_reads_are_parts_of_wide_ones);
	RUN(exactly_the_specified_bits_can_be_written);
	RUN(only_sleep_enable_with_type_5_is_power_off);
	RUN(each_carry_is_an_event_until_it_is_cleared);
	return test_failed;
}
