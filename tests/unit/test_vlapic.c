/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual local APIC against tables from the manual, a tick-by-tick timer, and plain sets. */
#include <stdlib.h>
#include <string.h>
#include "arch/x86/vlapic.h"
#include "tests/test.h"

static struct vlapic l;
static struct vlapic_ipi ipi;

static void write_ok(uint32_t msr, uint64_t value, uint64_t now)
{
	CHECK(vlapic_write(&l, msr, value, now, &ipi) == OK);
}

static uint64_t read_ok(uint32_t msr, uint64_t now)
{
	uint64_t value = ~0ull;

	CHECK(vlapic_read(&l, msr, now, &value) == OK);
	return value;
}

static void fresh(void)
{
	vlapic_init(&l, 0);
	write_ok(X2APIC_SVR, 0x1ff, 0);
}

/* ---- Register access ---- */

/* SDM Vol. 3A, "x2APIC Register Address Space" and each register's figure. */
static const struct {
	uint32_t first, last;
	bool readable, writable;
	uint64_t bits; /* that a write may set */
} registers[] = {
	{ 0x802, 0x802, true, false, 0 },      { 0x803, 0x803, true, false, 0 },
	{ 0x808, 0x808, true, true, 0xff },    { 0x80a, 0x80a, true, false, 0 },
	{ 0x80b, 0x80b, false, true, 0 },      { 0x80d, 0x80d, true, false, 0 },
	{ 0x80f, 0x80f, true, true, 0x1ff },   { 0x810, 0x827, true, false, 0 },
	{ 0x828, 0x828, true, true, 0 },       { 0x830, 0x830, true, true, 0xffffffff000ccfff },
	{ 0x832, 0x832, true, true, 0x710ff }, /* with the read-only status bit */
	{ 0x833, 0x833, true, true, 0x117ff }, { 0x834, 0x834, true, true, 0x117ff },
	{ 0x835, 0x835, true, true, 0x1f7ff }, { 0x836, 0x836, true, true, 0x1f7ff },
	{ 0x837, 0x837, true, true, 0x110ff }, { 0x838, 0x838, true, true, 0xffffffff },
	{ 0x839, 0x839, true, false, 0 },      { 0x83e, 0x83e, true, true, 0xb },
	{ 0x83f, 0x83f, false, true, 0xff },
};

static void every_register_takes_exactly_the_manuals_bits(void)
{
	for (uint32_t msr = 0x800; msr <= 0x8ff; msr++) {
		bool readable = false, writable = false;
		uint64_t bits = 0, value;

		for (size_t i = 0; i < ARRAY_SIZE(registers); i++) {
			if (msr < registers[i].first || msr > registers[i].last)
				continue;
			readable = registers[i].readable;
			writable = registers[i].writable;
			bits = registers[i].bits;
		}
		fresh();
		CHECK((vlapic_read(&l, msr, 0, &value) == OK) == readable);
		CHECK((vlapic_write(&l, msr, 0, 0, &ipi) == OK) == writable);
		for (uint32_t b = 0; b < 64; b++) {
			const struct vlapic before = l;
			const bool allowed = writable && (bits >> b & 1);

			CHECK((vlapic_write(&l, msr, 1ull << b, 0, &ipi) == OK) == allowed);
			if (!allowed)
				CHECK(memcmp(&l, &before, sizeof(l)) == 0);
		}
	}
}

/* "Local APIC State After Power-Up or Reset". */
static void reset_state_is_the_manuals(void)
{
	vlapic_init(&l, 0x123);
	CHECK(read_ok(0x802, 0) == 0x123);
	CHECK((read_ok(0x803, 0) & 0xff) >= 0x10 && (read_ok(0x803, 0) & 0xff) <= 0x15);
	CHECK((read_ok(0x803, 0) >> 16 & 0xff) == 5);
	CHECK(read_ok(0x80d, 0) == (0x12u << 16 | 1u << 3)); /* "Logical x2APIC ID" */
	CHECK(read_ok(0x80f, 0) == 0xff);
	for (uint32_t msr = 0x832; msr <= 0x837; msr++)
		CHECK(read_ok(msr, 0) == 0x10000);
	for (uint32_t msr = 0x810; msr <= 0x828; msr++)
		CHECK(read_ok(msr, 0) == 0);
	CHECK(vlapic_pending(&l) == -1 && vlapic_timer_tsc(&l) == TSC_NEVER);
}

static void a_disabled_apic_masks_and_ignores_but_holds(void)
{
	fresh();
	write_ok(0x832, 0x40, 0);
	vlapic_post(&l, 0x50);
	write_ok(0x80f, 0xff, 0);
	CHECK(read_ok(0x832, 0) == 0x10040);
	write_ok(0x837, 0x41, 0);
	CHECK(read_ok(0x837, 0) == 0x10041);
	vlapic_post(&l, 0x60);
	CHECK(vlapic_pending(&l) == 0x50);
}

static void reserved_timer_mode_is_refused(void)
{
	fresh();
	CHECK(vlapic_write(&l, 0x832, 3u << 17, 0, &ipi) == ERR_INVAL);
}

/* ---- Priorities: sets of bools, searched one by one ---- */

static bool irr[256], isr[256];
static uint32_t tpr;

static int model_highest(const bool *set)
{
	for (int v = 255; v >= 0; v--)
		if (set[v])
			return v;
	return -1;
}

static uint32_t model_ppr(void)
{
	const int v = model_highest(isr);
	const uint32_t isrv = v < 0 ? 0 : (uint32_t)v;

	if (tpr / 16 > isrv / 16)
		return tpr;
	return tpr / 16 == isrv / 16 ? tpr : isrv / 16 * 16;
}

static void model_check(void)
{
	const int v = model_highest(irr);

	CHECK(read_ok(0x80a, 0) == model_ppr());
	CHECK(vlapic_waiting(&l) == (v >= 0 && v / 16 > model_highest(isr) / 16 ? v : -1));
	CHECK(vlapic_pending(&l) == (v >= 0 && (uint32_t)v / 16 > model_ppr() / 16 ? v : -1));
	for (uint32_t i = 0; i < 256; i++) {
		CHECK((read_ok(0x820 + i / 32, 0) >> i % 32 & 1) == irr[i]);
		CHECK((read_ok(0x810 + i / 32, 0) >> i % 32 & 1) == isr[i]);
	}
}

static void model_step(void)
{
	const int pending = vlapic_pending(&l);

	switch (rand() % 4) {
	case 0: {
		const uint8_t v = (uint8_t)(16 + rand() % 240);

		vlapic_post(&l, v);
		irr[v] = true;
		break;
	}
	case 1:
		if (pending < 0)
			break;
		vlapic_accept(&l, (uint8_t)pending);
		if (rand() % 4 == 0) {
			vlapic_unaccept(&l, (uint8_t)pending);
			break;
		}
		irr[pending] = false;
		isr[pending] = true;
		break;
	case 2:
		write_ok(0x80b, 0, 0);
		if (model_highest(isr) >= 0)
			isr[model_highest(isr)] = false;
		break;
	default:
		tpr = (uint32_t)rand() & 0xff;
		if (rand() & 1) {
			tpr &= 0xf0;
			vlapic_set_cr8(&l, tpr >> 4);
		} else {
			write_ok(0x808, tpr, 0);
		}
		CHECK(vlapic_cr8(&l) == tpr >> 4);
	}
}

static void priorities_agree_with_a_search(void)
{
	srand(2);
	for (int round = 0; round < 40; round++) {
		fresh();
		memset(irr, 0, sizeof(irr));
		memset(isr, 0, sizeof(isr));
		tpr = 0;
		for (int i = 0; i < 100; i++) {
			model_step();
			model_check();
		}
	}
}

/* ---- Timer: one tick at a time ---- */

static struct {
	uint32_t count, initial, divide, phase;
	bool periodic;
	bool fired; /* since last looked at */
} t;

static void model_tick(void)
{
	if (t.count == 0 || ++t.phase < t.divide)
		return;
	t.phase = 0;
	if (--t.count != 0)
		return;
	t.fired = true;
	if (t.periodic)
		t.count = t.initial;
}

static const struct {
	uint32_t code, divide;
} divides[] = { { 0xb, 1 }, { 0, 2 },  { 1, 4 },  { 2, 8 },
		{ 3, 16 },  { 8, 32 }, { 9, 64 }, { 0xa, 128 } };

/* Reads at random moments; the host looks late, and interrupts merge. */
static void run_timer(bool periodic, uint32_t divide_code, uint32_t divide, uint32_t initial)
{
	uint64_t now = 1000000;

	fresh();
	write_ok(0x832, (periodic ? 1u << 17 : 0) | 0x60, now);
	write_ok(0x83e, divide_code, now);
	write_ok(0x838, initial, now);
	memset(&t, 0, sizeof(t));
	t.count = t.initial = initial;
	t.divide = divide;
	t.periodic = periodic;
	CHECK(vlapic_timer_tsc(&l) == now + (uint64_t)initial * divide);
	for (int i = 0; i < 60; i++) {
		const uint32_t steps = (uint32_t)rand() % (3 * initial * divide);

		for (uint32_t s = 0; s < steps; s++)
			model_tick();
		now += steps;
		if (rand() & 1)
			vlapic_timer_expire(&l, now);
		CHECK(read_ok(0x839, now) == t.count);
		CHECK((vlapic_pending(&l) == 0x60) == t.fired);
		CHECK(vlapic_timer_tsc(&l) ==
		      (t.count ? now + (uint64_t)t.count * divide - t.phase : TSC_NEVER));
		if (t.fired) {
			vlapic_accept(&l, 0x60);
			write_ok(0x80b, 0, now);
		}
		t.fired = false;
	}
}

static void the_timer_agrees_with_counting_ticks(void)
{
	srand(3);
	for (size_t i = 0; i < ARRAY_SIZE(divides); i++)
		for (uint32_t initial = 1; initial < 40; initial += 6) {
			run_timer(false, divides[i].code, divides[i].divide, initial);
			run_timer(true, divides[i].code, divides[i].divide, initial);
		}
}

static void a_masked_timer_counts_but_wakes_nobody(void)
{
	fresh();
	write_ok(0x83e, 0xb, 0);
	write_ok(0x832, 1u << 17 | 1u << 16 | 0x60, 0);
	write_ok(0x838, 100, 0);
	CHECK(vlapic_timer_tsc(&l) == TSC_NEVER);
	CHECK(read_ok(0x839, 30) == 70 && read_ok(0x839, 250) == 50);
	CHECK(vlapic_pending(&l) == -1);
	write_ok(0x832, 1u << 17 | 0x60, 250);
	CHECK(vlapic_timer_tsc(&l) == 300 && vlapic_pending(&l) == -1);
}

static void ten_million_missed_periods_cost_one_interrupt(void)
{
	fresh();
	write_ok(0x83e, 0xb, 0);
	write_ok(0x832, 1u << 17 | 0x60, 0);
	write_ok(0x838, 10, 0);
	vlapic_timer_expire(&l, 100000003);
	CHECK(vlapic_pending(&l) == 0x60 && vlapic_timer_tsc(&l) == 100000010);
	vlapic_accept(&l, 0x60);
	CHECK(vlapic_pending(&l) == -1);
}

static void a_new_divide_goes_on_from_the_count(void)
{
	fresh();
	write_ok(0x83e, 0xb, 0);
	write_ok(0x832, 0x60, 0);
	write_ok(0x838, 100, 0);
	write_ok(0x83e, 1, 40); /* 60 left, now 4 ticks each */
	CHECK(vlapic_timer_tsc(&l) == 40 + 60 * 4);
	write_ok(0x838, 0, 50);
	CHECK(vlapic_timer_tsc(&l) == TSC_NEVER && read_ok(0x839, 60) == 0);
}

/* "TSC-Deadline Mode". The guest's TSC is the host's minus 1000. */
static void tsc_deadline_mode_is_the_manuals(void)
{
	const uint64_t offset = 0 - 1000ull;

	fresh();
	vlapic_write_tsc_deadline(&l, 500, offset, 1100); /* not in this mode: ignored */
	CHECK(vlapic_read_tsc_deadline(&l, 1100) == 0);
	write_ok(0x838, 77, 1100);
	write_ok(0x832, 2u << 17 | 0x61, 1100); /* a change of mode disarms */
	CHECK(vlapic_timer_tsc(&l) == TSC_NEVER);
	vlapic_write_tsc_deadline(&l, 500, offset, 1100);
	CHECK(vlapic_read_tsc_deadline(&l, 1100) == 500);
	CHECK(vlapic_timer_tsc(&l) == 1500);
	CHECK(read_ok(0x839, 1200) == 0); /* the current count reads 0 */
	write_ok(0x838, 5, 1200);         /* the initial count is ignored */
	CHECK(vlapic_timer_tsc(&l) == 1500);
	vlapic_timer_expire(&l, 1499);
	CHECK(vlapic_pending(&l) == -1);
	vlapic_timer_expire(&l, 1500);
	CHECK(vlapic_pending(&l) == 0x61 && vlapic_read_tsc_deadline(&l, 1500) == 0);
	vlapic_accept(&l, 0x61);
	write_ok(0x80b, 0, 1500);
	vlapic_write_tsc_deadline(&l, 499, offset, 1600); /* in the past: at once */
	CHECK(vlapic_pending(&l) == 0x61);
	vlapic_accept(&l, 0x61);
	vlapic_write_tsc_deadline(&l, 900, offset, 1600);
	vlapic_write_tsc_deadline(&l, 0, offset, 1600); /* 0 disarms */
	CHECK(vlapic_timer_tsc(&l) == TSC_NEVER);
	vlapic_write_tsc_deadline(&l, ~0ull, offset, 1600);
	CHECK(vlapic_timer_tsc(&l) == TSC_NEVER || vlapic_timer_tsc(&l) > 1ull << 63);
	vlapic_timer_expire(&l, ~0ull - 1);
	write_ok(0x832, 0x61, 1700);
	CHECK(vlapic_timer_tsc(&l) == TSC_NEVER && vlapic_read_tsc_deadline(&l, 1700) == 0);
}

/* ---- Interprocessor interrupts ---- */

static bool self_gets(uint64_t icr)
{
	fresh();
	write_ok(0x830, icr, 0);
	CHECK(read_ok(0x830, 0) == icr);
	return vlapic_pending(&l) == 0x70;
}

static void interrupts_to_oneself_arrive_and_others_are_reported(void)
{
	CHECK(self_gets(1u << 18 | 0x70) && !ipi.has_others);              /* self */
	CHECK(self_gets(2u << 18 | 0x70) && ipi.has_others);               /* all */
	CHECK(!self_gets(3u << 18 | 0x70) && ipi.has_others);              /* all but self */
	CHECK(self_gets(0x70) && !ipi.has_others);                         /* physical ID 0 */
	CHECK(!self_gets(1ull << 32 | 0x70) && ipi.has_others);            /* physical ID 1 */
	CHECK(self_gets(~0ull << 32 | 0x70) && ipi.has_others);            /* broadcast */
	CHECK(self_gets(1ull << 32 | 1u << 11 | 0x70) && !ipi.has_others); /* logical, bit 0 */
	CHECK(self_gets(3ull << 32 | 1u << 11 | 0x70) && ipi.has_others);
	CHECK(!self_gets(2ull << 32 | 1u << 11 | 0x70) && ipi.has_others);
	CHECK(!self_gets(0x10001ull << 32 | 1u << 11 | 0x70)); /* another cluster */
	CHECK(!self_gets(4u << 8 | 0x70));                     /* NMI: no fixed interrupt */
	CHECK(!self_gets(5u << 8 | 0x70));                     /* INIT */
	fresh();
	write_ok(0x83f, 0x70, 0);
	CHECK(vlapic_pending(&l) == 0x70 && !ipi.has_others);
}

/* "Error Handling": bit 5 send, bit 6 receive illegal vector; a write to ESR shows them. */
static void illegal_vectors_are_errors(void)
{
	fresh();
	write_ok(0x837, 0x45, 0);
	write_ok(0x83f, 0x0f, 0);
	CHECK(vlapic_pending(&l) == 0x45 && !ipi.has_others);
	CHECK(read_ok(0x828, 0) == 0);
	write_ok(0x828, 0, 0);
	CHECK(read_ok(0x828, 0) == 1u << 5);
	write_ok(0x828, 0, 0);
	CHECK(read_ok(0x828, 0) == 0);
	fresh();
	write_ok(0x837, 0x05, 0); /* the error vector itself is illegal: no recursion */
	vlapic_post(&l, 3);
	write_ok(0x828, 0, 0);
	CHECK(vlapic_pending(&l) == -1 && read_ok(0x828, 0) == 1u << 6);
}

int main(void)
{
	RUN(reset_state_is_the_manuals);
	RUN(every_register_takes_exactly_the_manuals_bits);
	RUN(reserved_timer_mode_is_refused);
	RUN(a_disabled_apic_masks_and_ignores_but_holds);
	RUN(priorities_agree_with_a_search);
	RUN(the_timer_agrees_with_counting_ticks);
	RUN(a_masked_timer_counts_but_wakes_nobody);
	RUN(ten_million_missed_periods_cost_one_interrupt);
	RUN(a_new_divide_goes_on_from_the_count);
	RUN(tsc_deadline_mode_is_the_manuals);
	RUN(interrupts_to_oneself_arrive_and_others_are_reported);
	RUN(illegal_vectors_are_errors);
	return test_failed;
}
