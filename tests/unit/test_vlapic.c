/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual local APIC in x2APIC mode, and what both modes share, against the manual's tables. */
#include <stdlib.h>
#include <string.h>
#include "arch/x86/vlapic.h"
#include "tests/test.h"

#define BASE 0xfee00000u

static struct vlapic l;
static struct vlapic_effect effect;
static uint32_t page[PAGE_BYTES / 4];

static void write_ok(uint32_t msr, uint64_t value)
{
	CHECK(vlapic_write_msr(&l, msr, value, 0, &effect) == OK);
}

static uint64_t read_ok(uint32_t msr)
{
	uint64_t value = ~0ull;

	CHECK(vlapic_read_msr(&l, msr, 0, &value) == OK);
	return value;
}

static void fresh(void)
{
	vlapic_init(&l, page, 0, VLAPIC_X2APIC);
	write_ok(0x80f, 0x1ff);
}

static void take(uint8_t vector)
{
	CHECK(vlapic_pending(&l) == vector);
	vlapic_accept(&l, vector);
}

static void arrive(uint8_t vector, bool is_level)
{
	uint64_t vectors[4] = { 0 }, level[4] = { 0 };

	vectors[vector / 64] = 1ull << vector % 64;
	if (is_level)
		level[vector / 64] = vectors[vector / 64];
	vlapic_merge(&l, vectors, level);
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

static void every_bit_of(uint32_t msr, bool writable, uint64_t bits)
{
	static uint32_t page_before[PAGE_BYTES / 4];

	for (uint32_t b = 0; b < 64; b++) {
		const struct vlapic before = l;
		const bool allowed = writable && (bits >> b & 1);

		memcpy(page_before, page, sizeof(page));
		CHECK((vlapic_write_msr(&l, msr, 1ull << b, 0, &effect) == OK) == allowed);
		if (!allowed)
			CHECK(memcmp(&l, &before, sizeof(l)) == 0 &&
			      memcmp(page, page_before, sizeof(page)) == 0 && !effect.has_message &&
			      !effect.has_level_eoi);
	}
}

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
		CHECK((vlapic_read_msr(&l, msr, 0, &value) == OK) == readable);
		CHECK((vlapic_write_msr(&l, msr, 0, 0, &effect) == OK) == writable);
		every_bit_of(msr, writable, bits);
	}
}

/* "Delivery status" and "remote IRR" are read only. */
static void read_only_bits_are_dropped(void)
{
	fresh();
	write_ok(0x832, 0x710ff & ~0x40000u);
	CHECK(read_ok(0x832) == 0x300ff);
	write_ok(0x835, 0x1f7ff);
	CHECK(read_ok(0x835) == 0x1a7ff);
	write_ok(0x837, 0x110ff);
	CHECK(read_ok(0x837) == 0x100ff);
}

static void reserved_timer_mode_is_refused(void)
{
	fresh();
	CHECK(vlapic_write_msr(&l, 0x832, 3u << 17, 0, &effect) == ERR_INVAL);
}

static void only_x2apic_mode_has_msrs(void)
{
	static const enum vlapic_mode modes[] = { VLAPIC_DISABLED, VLAPIC_XAPIC };
	uint64_t value;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		vlapic_init(&l, page, 0, modes[i]);
		for (uint32_t msr = 0x800; msr <= 0x8ff; msr++) {
			CHECK(vlapic_read_msr(&l, msr, 0, &value) == ERR_INVAL);
			CHECK(vlapic_write_msr(&l, msr, 0, 0, &effect) == ERR_INVAL);
		}
	}
}

/* ---- States ---- */

static void check_reset_registers(void)
{
	CHECK(read_ok(0x802) == 0x123);
	CHECK(read_ok(0x803) == 0x50014);                 /* integrated, six LVT entries */
	CHECK(read_ok(0x80d) == (0x12u << 16 | 1u << 3)); /* "Logical x2APIC ID" */
	CHECK(read_ok(0x80f) == 0xff);
	for (uint32_t msr = 0x832; msr <= 0x837; msr++)
		CHECK(read_ok(msr) == 0x10000);
	for (uint32_t msr = 0x810; msr <= 0x828; msr++)
		CHECK(read_ok(msr) == 0);
	CHECK(read_ok(0x808) == 0 && read_ok(0x80a) == 0 && read_ok(0x830) == 0);
	CHECK(read_ok(0x838) == 0 && read_ok(0x839) == 0 && read_ok(0x83e) == 0);
	CHECK(vlapic_pending(&l) == -1 && vlapic_timer_tsc(&l) == TSC_NEVER);
}

/* "Local APIC State After Power-Up or Reset"; "After It Receives INIT": the same, the ID stays. */
static void reset_and_init_leave_the_manuals_state(void)
{
	uint32_t written = 0;

	memset(page, 0x5a, sizeof(page));
	vlapic_init(&l, page, 0x123, VLAPIC_X2APIC);
	check_reset_registers();
	for (uint32_t msr = 0x800; msr <= 0x83f; msr++)
		for (uint64_t value = 1; value; value <<= 1)
			written += vlapic_write_msr(&l, msr, value | 0x60, 0, &effect) == OK;
	CHECK(written > 100);
	write_ok(0x80f, 0x1ff);
	for (uint32_t vector = 16; vector < 256; vector++)
		arrive((uint8_t)vector, vector & 1);
	write_ok(0x808, 0);
	vlapic_accept(&l, 0xff);
	write_ok(0x83f, 3); /* an error */
	write_ok(0x832, 2u << 17 | 0x60);
	vlapic_write_tsc_deadline(&l, 500, 0, 0);
	vlapic_receive_init(&l);
	check_reset_registers();
	CHECK(vlapic_read_tsc_deadline(&l, 0) == 0);
	write_ok(0x828, 0);
	CHECK(read_ok(0x828) == 0);
}

enum state { OFF, XAPIC, X2APIC, INVALID };
static const uint64_t state_bits[] = { 0, 0x800, 0xc00, 0x400 };

/* "x2APIC State Transitions", the table. */
static const bool is_legal[3][4] = {
	[OFF] = { [OFF] = true, [XAPIC] = true },
	[XAPIC] = { [OFF] = true, [XAPIC] = true, [X2APIC] = true },
	[X2APIC] = { [OFF] = true, [X2APIC] = true },
};

static void go_to(enum state s, uint64_t bsp)
{
	vlapic_init(&l, page, bsp ? 0 : 5, s == X2APIC ? VLAPIC_X2APIC : VLAPIC_XAPIC);
	if (s == OFF)
		CHECK(vlapic_set_base(&l, BASE | bsp) == OK);
	CHECK(vlapic_base(&l) == (BASE | bsp | state_bits[s]));
}

static void every_pair_of_states_is_as_in_the_table(void)
{
	for (uint64_t bsp = 0; bsp <= 0x100; bsp += 0x100)
		for (int from = OFF; from <= X2APIC; from++)
			for (int to = OFF; to <= INVALID; to++) {
				const uint64_t value = BASE | bsp | state_bits[to];
				bool ok;

				go_to((enum state)from, bsp);
				ok = vlapic_set_base(&l, value) == OK;
				CHECK(ok == is_legal[from][to]);
				CHECK(vlapic_base(&l) ==
				      (ok ? value : (BASE | bsp | state_bits[from])));
			}
}

static void no_other_bit_of_the_base_can_be_changed(void)
{
	for (int from = OFF; from <= X2APIC; from++)
		for (uint32_t b = 0; b < 64; b++) {
			go_to((enum state)from, 0x100);
			if (b != 10 && b != 11)
				CHECK(vlapic_set_base(&l, vlapic_base(&l) ^ 1ull << b) ==
				      ERR_INVAL);
		}
}

/* "From xAPIC Mode to x2APIC Mode": registers stay, but for ID, LDR and the ICR's high half. */
static void the_way_to_x2apic_mode_keeps_registers(void)
{
	vlapic_init(&l, page, 0x21, VLAPIC_XAPIC);
	vlapic_write(&l, 0x0f0, 0x1ff, 0, &effect);
	vlapic_write(&l, 0x0d0, 0x40u << 24, 0, &effect);
	vlapic_write(&l, 0x080, 0x35, 0, &effect);
	vlapic_write(&l, 0x310, 0x55u << 24, 0, &effect);
	vlapic_write(&l, 0x370, 0x77, 0, &effect);
	arrive(0x91, true);
	take(0x91);
	arrive(0x92, false);
	CHECK(vlapic_set_base(&l, BASE | 0xc00) == OK);
	CHECK(read_ok(0x802) == 0x21 && read_ok(0x80d) == (2u << 16 | 1u << 1));
	CHECK(read_ok(0x808) == 0x35 && read_ok(0x80f) == 0x1ff && read_ok(0x837) == 0x77);
	CHECK(read_ok(0x814) == 1u << 17 && read_ok(0x81c) == 1u << 17);
	CHECK(read_ok(0x824) == 1u << 18 && read_ok(0x830) == 0);
}

static void a_disabled_apic_is_as_after_reset_and_takes_nothing(void)
{
	fresh();
	arrive(0x61, false);
	CHECK(vlapic_set_base(&l, BASE | 0x100) == OK);
	CHECK(vlapic_pending(&l) == -1);
	arrive(0x61, false);
	vlapic_post(&l, 0x61);
	CHECK(vlapic_pending(&l) == -1 && vlapic_highest_irr(&l) == -1);
	CHECK(vlapic_passes_extint(&l));
	vlapic_set_cr8(&l, 7);
	CHECK(vlapic_cr8(&l) == 7);
	CHECK(vlapic_set_base(&l, BASE | 0x900) == OK);
	CHECK(vlapic_read(&l, 0x0f0, 0) == 0xff && vlapic_read(&l, 0x0d0, 0) == 0);
	CHECK(!vlapic_passes_extint(&l));
}

/* "Local APIC State After It Has Been Software Disabled". */
static void software_disabled_it_masks_and_ignores_but_holds(void)
{
	fresh();
	write_ok(0x832, 0x40);
	vlapic_post(&l, 0x30);
	vlapic_post(&l, 0x50);
	take(0x50);
	vlapic_post(&l, 0x52);
	write_ok(0x80f, 0xff);
	for (uint32_t msr = 0x832; msr <= 0x837; msr++)
		CHECK(read_ok(msr) & 0x10000);
	write_ok(0x837, 0x41);
	CHECK(read_ok(0x837) == 0x10041);
	vlapic_post(&l, 0x60);
	arrive(0x61, false);
	write_ok(0x83f, 0x62);
	CHECK(vlapic_pending(&l) == -1 && vlapic_highest_irr(&l) == 0x52);
	write_ok(0x80b, 0);
	take(0x52); /* what it held is the CPU's to handle */
	write_ok(0x80b, 0);
	CHECK(vlapic_pending(&l) == 0x30);
	write_ok(0x830, 1ull << 32 | 0x70);
	CHECK(effect.has_message && effect.message.vector == 0x70); /* it still sends */
	write_ok(0x80f, 0x1ff);
	CHECK(read_ok(0x832) == 0x10040); /* masks stay */
}

/* ---- Vectors ---- */

/* "Task and Processor Priorities": every class in service against every TPR. */
static void every_priority_is_the_manuals(void)
{
	for (uint32_t tpr = 0; tpr < 256; tpr++)
		for (uint32_t in_service = 0x0f; in_service < 256; in_service += 16) {
			uint32_t ppr = in_service & 0xf0;

			fresh();
			if (in_service >= 16) {
				vlapic_post(&l, (uint8_t)in_service);
				take((uint8_t)in_service);
			}
			write_ok(0x808, tpr);
			if (tpr >> 4 >= ppr >> 4)
				ppr = tpr;
			CHECK(read_ok(0x80a) == ppr && vlapic_priority(&l) == ppr);
			for (uint32_t vector = 0x1f; vector < 256; vector += 16) {
				arrive((uint8_t)vector, false); /* ever higher ones */
				CHECK(vlapic_pending(&l) ==
				      (vector >> 4 > ppr >> 4 ? (int)vector : -1));
				CHECK(vlapic_waiting(&l) ==
				      (vector >> 4 > in_service >> 4 ? (int)vector : -1));
			}
		}
}

static void the_trigger_mode_is_that_of_the_last_arrival(void)
{
	for (uint32_t vector = 16; vector < 256; vector++) {
		fresh();
		arrive((uint8_t)vector, true);
		CHECK(read_ok(0x818 + vector / 32) == 1u << vector % 32);
		take((uint8_t)vector);
		write_ok(0x80b, 0);
		CHECK(effect.has_level_eoi && effect.eoi_vector == vector && !effect.has_message);
		arrive((uint8_t)vector, false);
		CHECK(read_ok(0x818 + vector / 32) == 0);
		take((uint8_t)vector);
		write_ok(0x80b, 0);
		CHECK(!effect.has_level_eoi);
		write_ok(0x80b, 0); /* nothing in service: of no effect */
		CHECK(!effect.has_level_eoi && vlapic_pending(&l) == -1);
	}
}

static void an_arrival_leaves_the_trigger_modes_of_others(void)
{
	uint64_t vectors[4] = { 0, 1ull << 33, 0, 1ull << 5 };
	uint64_t level[4] = { ~0ull, ~0ull, ~0ull, 0 };

	fresh();
	arrive(0xc5, true);
	arrive(0xc6, true);
	vlapic_merge(&l, vectors, level);
	CHECK(read_ok(0x81e) == 1u << 6 && read_ok(0x81b) == 1u << 1 && read_ok(0x818) == 0);
	CHECK(read_ok(0x823) == 1u << 1 && read_ok(0x826) == 3u << 5);
}

static void what_could_not_be_delivered_waits_again(void)
{
	fresh();
	vlapic_post(&l, 0x45);
	take(0x45);
	CHECK(vlapic_is_in_service(&l, 0x45) && vlapic_pending(&l) == -1);
	vlapic_unaccept(&l, 0x45);
	CHECK(!vlapic_is_in_service(&l, 0x45) && vlapic_pending(&l) == 0x45);
	CHECK(vlapic_highest_irr(&l) == 0x45 && vlapic_highest_isr(&l) == -1);
}

/* ---- Errors ---- */

/* "Error Handling": a write to ESR shows what was collected since the last one, and re-arms. */
static void the_first_error_interrupts_and_the_write_shows_all(void)
{
	fresh();
	write_ok(0x837, 0x45);
	write_ok(0x830, 1ull << 32 | 0x0f);
	CHECK(!effect.has_message && read_ok(0x828) == 0);
	take(0x45);
	vlapic_post(&l, 3);
	CHECK(vlapic_highest_irr(&l) == -1);
	write_ok(0x80b, 0);
	write_ok(0x828, 0);
	CHECK(read_ok(0x828) == (1u << 5 | 1u << 6));
	write_ok(0x828, 0);
	CHECK(read_ok(0x828) == 0);
	vlapic_post(&l, 15);
	take(0x45);
	write_ok(0x828, 0);
	CHECK(read_ok(0x828) == 1u << 6);
}

static void a_self_ipi_with_an_illegal_vector_is_sent_and_received(void)
{
	for (uint32_t vector = 0; vector < 17; vector++) {
		fresh();
		write_ok(0x83f, vector);
		write_ok(0x828, 0);
		CHECK(read_ok(0x828) == (vector < 16 ? 1u << 5 | 1u << 6 : 0));
		CHECK(vlapic_pending(&l) == (vector < 16 ? -1 : 16) && !effect.has_message);
	}
}

static void an_illegal_error_vector_raises_nothing(void)
{
	fresh();
	write_ok(0x837, 0x05);
	vlapic_post(&l, 3);
	write_ok(0x828, 0);
	CHECK(vlapic_highest_irr(&l) == -1 && read_ok(0x828) == 1u << 6);
	write_ok(0x837, 0x10045); /* masked: collected all the same */
	vlapic_post(&l, 3);
	write_ok(0x828, 0);
	CHECK(vlapic_highest_irr(&l) == -1 && read_ok(0x828) == 1u << 6);
}

/* ---- The 8259 ---- */

static void lint0_decides_about_the_8259(void)
{
	vlapic_init(&l, page, 0, VLAPIC_XAPIC); /* as firmware leaves it */
	CHECK(vlapic_passes_extint(&l) && vlapic_read(&l, 0x0f0, 0) == 0x1ff);
	for (uint32_t mode = 0; mode < 8; mode++) {
		vlapic_write(&l, 0x350, mode << 8, 0, &effect);
		CHECK(vlapic_passes_extint(&l) == (mode == 7));
		vlapic_write(&l, 0x350, 1u << 16 | mode << 8, 0, &effect);
		CHECK(!vlapic_passes_extint(&l));
	}
	vlapic_write(&l, 0x350, 7u << 8, 0, &effect);
	vlapic_write(&l, 0x0f0, 0xff, 0, &effect);
	CHECK(!vlapic_passes_extint(&l));
	vlapic_receive_init(&l);
	CHECK(!vlapic_passes_extint(&l));
	vlapic_init(&l, page, 1, VLAPIC_XAPIC); /* the wire goes to the first CPU only */
	vlapic_write(&l, 0x0f0, 0x1ff, 0, &effect);
	vlapic_write(&l, 0x350, 7u << 8, 0, &effect);
	CHECK(!vlapic_passes_extint(&l));
	CHECK(vlapic_set_base(&l, BASE) == OK && !vlapic_passes_extint(&l));
}

int main(void)
{
	RUN(every_register_takes_exactly_the_manuals_bits);
	RUN(read_only_bits_are_dropped);
	RUN(reserved_timer_mode_is_refused);
	RUN(only_x2apic_mode_has_msrs);
	RUN(reset_and_init_leave_the_manuals_state);
	RUN(every_pair_of_states_is_as_in_the_table);
	RUN(no_other_bit_of_the_base_can_be_changed);
	RUN(the_way_to_x2apic_mode_keeps_registers);
	RUN(a_disabled_apic_is_as_after_reset_and_takes_nothing);
	RUN(software_disabled_it_masks_and_ignores_but_holds);
	RUN(every_priority_is_the_manuals);
	RUN(the_trigger_mode_is_that_of_the_last_arrival);
	RUN(an_arrival_leaves_the_trigger_modes_of_others);
	RUN(what_could_not_be_delivered_waits_again);
	RUN(the_first_error_interrupts_and_the_write_shows_all);
	RUN(a_self_ipi_with_an_illegal_vector_is_sent_and_received);
	RUN(an_illegal_error_vector_raises_nothing);
	RUN(lint0_decides_about_the_8259);
	return test_failed;
}
