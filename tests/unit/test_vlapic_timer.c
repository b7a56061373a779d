/* SPDX-License-Identifier: Apache-2.0 */
/* The timer of the virtual local APIC, beside one that counts tick by tick. */
#include <string.h>
#include "arch/x86/vlapic.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define ONE_SHOT 0u
#define PERIODIC (1u << 17)
#define DEADLINE (2u << 17)
#define MASKED   (1u << 16)
#define VECTOR   0x60

static struct vlapic l;
static struct vlapic_effect effect;
static uint32_t page[PAGE_BYTES / 4];

static void write_ok(uint32_t msr, uint64_t value, uint64_t now)
{
	CHECK(vlapic_write_msr(&l, msr, value, now, &effect) == OK);
}

static uint64_t read_ok(uint32_t msr, uint64_t now)
{
	uint64_t value = ~0ull;

	CHECK(vlapic_read_msr(&l, msr, now, &value) == OK);
	return value;
}

static void fresh(void)
{
	vlapic_init(&l, page, 0, VLAPIC_X2APIC);
	write_ok(0x80f, 0x1ff, 0);
}

/* An interrupt of the timer: taken and ended, if there is one. */
static bool take(uint64_t now)
{
	if (vlapic_pending(&l) != VECTOR)
		return false;
	vlapic_accept(&l, VECTOR);
	write_ok(0x80b, 0, now);
	return true;
}

/* ---- The slow one ---- */

static struct {
	uint64_t now, tsc_offset, deadline;
	uint32_t lvt, count, initial, divide, phase;
	bool fired; /* since last looked at */
} slow;

static void slow_fire(void)
{
	slow.fired |= !(slow.lvt & MASKED);
}

static void slow_look_at_deadline(void)
{
	if (slow.deadline == 0 || slow.now + slow.tsc_offset < slow.deadline)
		return;
	slow.deadline = 0;
	slow_fire();
}

static void slow_tick(void)
{
	slow.now++;
	slow_look_at_deadline();
	if (slow.count == 0 || ++slow.phase < slow.divide)
		return;
	slow.phase = 0;
	if (--slow.count != 0)
		return;
	slow_fire();
	if ((slow.lvt & DEADLINE) == 0 && (slow.lvt & PERIODIC))
		slow.count = slow.initial;
}

static uint64_t slow_next(void)
{
	if (slow.lvt & MASKED)
		return TSC_NEVER;
	if (slow.deadline)
		return slow.deadline - slow.tsc_offset;
	return slow.count ? slow.now + (uint64_t)slow.count * slow.divide - slow.phase : TSC_NEVER;
}

/* ---- Both, doing the same ---- */

static const struct {
	uint32_t code, divide;
} divides[] = { { 0xb, 1 }, { 0, 2 },  { 1, 4 },  { 2, 8 },
		{ 3, 16 },  { 8, 32 }, { 9, 64 }, { 0xa, 128 } };

static void set_lvt(uint32_t lvt)
{
	const bool is_to_or_from_deadline = (lvt ^ slow.lvt) & DEADLINE;

	write_ok(0x832, lvt | VECTOR, slow.now);
	slow.lvt = lvt;
	if (is_to_or_from_deadline) {
		slow.count = 0;
		slow.deadline = 0;
	}
}

static void set_divide(size_t i)
{
	write_ok(0x83e, divides[i].code, slow.now);
	slow.divide = divides[i].divide;
	slow.phase = 0;
}

static void set_count(uint32_t count)
{
	write_ok(0x838, count, slow.now);
	if (slow.lvt & DEADLINE)
		return;
	slow.count = slow.initial = count;
	slow.phase = 0;
}

static void set_deadline(uint64_t deadline)
{
	vlapic_write_tsc_deadline(&l, deadline, slow.tsc_offset, slow.now);
	if (!(slow.lvt & DEADLINE))
		return;
	slow.deadline = deadline;
	slow_look_at_deadline();
}

static void start_over(uint64_t now, uint64_t tsc_offset)
{
	fresh();
	memset(&slow, 0, sizeof(slow));
	slow.now = now;
	slow.tsc_offset = tsc_offset;
	slow.lvt = MASKED;
	slow.divide = 2;
}

static void agree(void)
{
	CHECK(read_ok(0x839, slow.now) == slow.count);
	CHECK(read_ok(0x838, slow.now) == slow.initial);
	CHECK(vlapic_read_tsc_deadline(&l, slow.now) == slow.deadline);
	CHECK(vlapic_timer_tsc(&l) == slow_next());
	CHECK(take(slow.now) == slow.fired);
	slow.fired = false;
}

/* The host looks late, or not at all before the guest does. */
static void pass(uint64_t ticks)
{
	for (uint64_t i = 0; i < ticks; i++)
		slow_tick();
	if (random_below(2))
		vlapic_timer_expire(&l, slow.now);
}

static void each_divide_and_mode_agrees_with_counting(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(divides); i++)
		for (uint32_t initial = 1; initial < 40; initial += 6)
			for (uint32_t mode = ONE_SHOT; mode <= PERIODIC; mode += PERIODIC) {
				start_over(1000000, 0);
				set_lvt(mode);
				set_divide(i);
				set_count(initial);
				for (int n = 0; n < 60; n++) {
					agree();
					pass(random_below(3ull * initial * divides[i].divide));
				}
			}
}

static void any_sequence_of_writes_agrees_with_counting(void)
{
	static const uint64_t offsets[] = { 0, 1234567, 0 - 1000ull, 0 - 5000ull, 1ull << 63 };

	for (int round = 0; round < 400; round++) {
		start_over(random_between(1, 2000), offsets[random_below(ARRAY_SIZE(offsets))]);
		for (int n = 0; n < 100; n++) {
			switch (random_below(6)) {
			case 0:
				set_lvt((uint32_t)random_below(3) << 17 |
					(random_below(3) ? 0 : MASKED));
				break;
			case 1:
				set_divide(random_below(ARRAY_SIZE(divides)));
				break;
			case 2:
				set_count((uint32_t)random_below(50));
				break;
			case 3:
				set_deadline(random_below(8) ? slow.now + slow.tsc_offset +
								       random_below(300) - 50
							     : 0);
				break;
			default:
				pass(random_below(300));
			}
			agree();
		}
	}
}

/* ---- What takes too many ticks to count ---- */

static void ten_million_missed_periods_cost_one_interrupt(void)
{
	fresh();
	write_ok(0x83e, 0xb, 0);
	write_ok(0x832, PERIODIC | VECTOR, 0);
	write_ok(0x838, 10, 0);
	vlapic_timer_expire(&l, 100000003);
	CHECK(vlapic_timer_tsc(&l) == 100000010);
	CHECK(take(100000003) && !take(100000003));
	vlapic_timer_expire(&l, 100000010); /* on the dot */
	CHECK(take(100000010) && vlapic_timer_tsc(&l) == 100000020);
}

static void the_largest_count_does_not_overflow(void)
{
	fresh();
	write_ok(0x83e, 0xa, 0);
	write_ok(0x832, VECTOR, 0);
	write_ok(0x838, UINT32_MAX, 1000);
	CHECK(vlapic_timer_tsc(&l) == 1000 + 128ull * UINT32_MAX);
	CHECK(read_ok(0x839, 1000) == UINT32_MAX && read_ok(0x839, 1128) == UINT32_MAX - 1);
	write_ok(0x838, UINT32_MAX, UINT64_MAX - 5); /* beyond the end of time */
	CHECK(vlapic_timer_tsc(&l) == TSC_NEVER);
}

static void deadlines_at_the_ends_of_time(void)
{
	fresh();
	write_ok(0x832, DEADLINE | VECTOR, 0);
	vlapic_write_tsc_deadline(&l, UINT64_MAX, 0, 1000);
	CHECK(vlapic_timer_tsc(&l) == TSC_NEVER);
	vlapic_write_tsc_deadline(&l, UINT64_MAX, 1ull << 63, 1000);
	CHECK(vlapic_timer_tsc(&l) == UINT64_MAX - (1ull << 63));
	vlapic_write_tsc_deadline(&l, UINT64_MAX, 0 - 1000ull, 500); /* its TSC is before 0 */
	CHECK(vlapic_timer_tsc(&l) == 999);
	vlapic_write_tsc_deadline(&l, 5, 0 - 1000ull, 500);
	CHECK(take(500));
	vlapic_write_tsc_deadline(&l, 1, 0, 1);
	CHECK(take(1) && vlapic_read_tsc_deadline(&l, 1) == 0);
}

/* The host has not looked yet, and the guest writes: what was due before is due all the same. */
static void a_write_does_not_lose_what_was_due_before_it(void)
{
	for (int way = 0; way < 4; way++) {
		fresh();
		write_ok(0x83e, 0xb, 0);
		write_ok(0x832, (way == 0 ? DEADLINE : ONE_SHOT) | VECTOR, 0);
		write_ok(0x838, 100, 0);
		vlapic_write_tsc_deadline(&l, 100, 0, 0);
		if (way == 0)
			vlapic_write_tsc_deadline(&l, 500, 0, 101);
		else if (way == 1)
			write_ok(0x838, 399, 101);
		else if (way == 2)
			write_ok(0x832, MASKED, 101);
		else
			write_ok(0x80f, 0xff, 101);
		CHECK(take(101) && !take(101));
		CHECK(vlapic_timer_tsc(&l) == (way < 2 ? 500 : TSC_NEVER));
	}
}

static void an_illegal_vector_of_the_timer_is_an_error(void)
{
	fresh();
	write_ok(0x832, 15, 0);
	write_ok(0x83e, 0xb, 0);
	write_ok(0x838, 5, 0);
	vlapic_timer_expire(&l, 5);
	write_ok(0x828, 0, 5);
	CHECK(vlapic_highest_irr(&l) == -1 && read_ok(0x828, 5) == 1u << 6);
}

static void software_disabled_it_counts_on_in_silence(void)
{
	fresh();
	write_ok(0x83e, 0xb, 0);
	write_ok(0x832, PERIODIC | VECTOR, 0);
	write_ok(0x838, 100, 0);
	write_ok(0x80f, 0xff, 30);
	CHECK(vlapic_timer_tsc(&l) == TSC_NEVER && read_ok(0x839, 250) == 50 && !take(250));
	write_ok(0x80f, 0x1ff, 250);
	write_ok(0x832, PERIODIC | VECTOR, 250);
	CHECK(vlapic_timer_tsc(&l) == 300 && !take(250));
}

/* The manual calls mode 3 reserved; in the xAPIC, where no write can be refused, it is one-shot. */
static void the_xapics_reserved_mode_is_one_shot(void)
{
	vlapic_init(&l, page, 0, VLAPIC_XAPIC);
	vlapic_write(&l, 0x320, 3u << 17 | VECTOR, 0, &effect);
	vlapic_write(&l, 0x3e0, 0xb, 0, &effect);
	vlapic_write(&l, 0x380, 10, 0, &effect);
	CHECK(vlapic_read(&l, 0x390, 4) == 6);
	vlapic_timer_expire(&l, 100);
	CHECK(vlapic_pending(&l) == VECTOR && vlapic_timer_tsc(&l) == TSC_NEVER);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(each_divide_and_mode_agrees_with_counting);
	RUN(any_sequence_of_writes_agrees_with_counting);
	RUN(ten_million_missed_periods_cost_one_interrupt);
	RUN(the_largest_count_does_not_overflow);
	RUN(deadlines_at_the_ends_of_time);
	RUN(a_write_does_not_lose_what_was_due_before_it);
	RUN(an_illegal_vector_of_the_timer_is_an_error);
	RUN(software_disabled_it_counts_on_in_silence);
	RUN(the_xapics_reserved_mode_is_one_shot);
	return test_failed;
}
