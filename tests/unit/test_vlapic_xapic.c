/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual local APIC in xAPIC mode, and where APICv has changed the page before us. */
#include <string.h>
#include "arch/x86/vlapic.h"
#include "tests/property/random.h"
#include "tests/test.h"

static struct vlapic l;
static struct vlapic_effect effect;
static uint32_t page[PAGE_BYTES / 4];

static void write_at(uint32_t offset, uint32_t value)
{
	vlapic_write(&l, offset, value, 0, &effect);
}

static uint32_t read_at(uint32_t offset)
{
	return vlapic_read(&l, offset, 0);
}

static void fresh(uint32_t apic_id)
{
	vlapic_init(&l, page, apic_id, VLAPIC_XAPIC);
	write_at(0x0f0, 0x1ff);
}

static uint32_t errors(void)
{
	write_at(0x280, 0xffffffff); /* any value will do */
	return read_at(0x280);
}

/* ---- Registers ---- */

enum access { RESERVED, READ_ONLY, WRITE_ONLY, READ_WRITE };

/* SDM Vol. 3A, "Local APIC Register Address Map" and each register's figure. */
static const struct {
	uint32_t first, last;
	enum access access;
	uint32_t bits, fixed; /* those a write may set, and those that are always 1 */
} registers[] = {
	{ 0x020, 0x020, READ_ONLY, 0, 0x05000000 },
	{ 0x030, 0x030, READ_ONLY, 0, 0x50014 },
	{ 0x080, 0x080, READ_WRITE, 0xff, 0 },
	{ 0x090, 0x0a0, READ_ONLY, 0, 0 },
	{ 0x0b0, 0x0b0, WRITE_ONLY, 0, 0 },
	{ 0x0c0, 0x0c0, READ_ONLY, 0, 0 },
	{ 0x0d0, 0x0d0, READ_WRITE, 0xff000000, 0 },
	{ 0x0e0, 0x0e0, READ_WRITE, 0xf0000000, 0x0fffffff },
	{ 0x0f0, 0x0f0, READ_WRITE, 0x1ff, 0 },
	{ 0x100, 0x270, READ_ONLY, 0, 0 },
	{ 0x300, 0x300, READ_WRITE, 0x000ccfff, 0 },
	{ 0x310, 0x310, READ_WRITE, 0xff000000, 0 },
	{ 0x320, 0x320, READ_WRITE, 0x700ff, 0 },
	{ 0x330, 0x340, READ_WRITE, 0x107ff, 0 },
	{ 0x350, 0x360, READ_WRITE, 0x1a7ff, 0 },
	{ 0x370, 0x370, READ_WRITE, 0x100ff, 0 },
	{ 0x380, 0x380, READ_WRITE, 0xffffffff, 0 },
	{ 0x390, 0x390, READ_ONLY, 0, 0 },
	{ 0x3e0, 0x3e0, READ_WRITE, 0xb, 0 },
};

static void check_register(uint32_t offset, enum access access, uint32_t bits, uint32_t fixed)
{
	for (uint32_t b = 0; b < 33; b++) {
		const uint32_t value = b < 32 ? 1u << b : 0xffffffff;

		fresh(5);
		CHECK(errors() == 0);
		write_at(offset, value);
		if (offset == 0x300) /* most vectors here are illegal ones: another test's */
			(void)errors();
		CHECK(errors() == (access == RESERVED ? 1u << 7 : 0));
		CHECK(read_at(offset) == ((value & bits) | fixed));
		CHECK(errors() == (access == RESERVED ? 1u << 7 : 0));
	}
}

static void every_register_takes_exactly_the_manuals_bits(void)
{
	for (uint32_t offset = 0; offset < PAGE_BYTES; offset += 16) {
		enum access access = RESERVED;
		uint32_t bits = 0, fixed = 0;

		for (size_t i = 0; i < ARRAY_SIZE(registers); i++) {
			if (offset < registers[i].first || offset > registers[i].last)
				continue;
			access = registers[i].access;
			bits = registers[i].bits;
			fixed = registers[i].fixed;
		}
		if (offset != 0x280) /* ESR: test_vlapic.c */
			check_register(offset, access, bits, fixed);
	}
}

static void between_the_registers_there_is_nothing(void)
{
	static uint32_t before[PAGE_BYTES / 4];

	fresh(5);
	write_at(0x080, 0x44);
	memcpy(before, page, sizeof(page));
	for (uint32_t offset = 0; offset < PAGE_BYTES; offset++) {
		if (offset % 16 == 0)
			continue;
		CHECK(read_at(offset) == 0);
		write_at(offset, 0xffffffff);
		CHECK(!effect.has_message && !effect.has_level_eoi);
	}
	CHECK(memcmp(page, before, sizeof(page)) == 0 && errors() == 0);
}

static void an_illegal_register_interrupts_once(void)
{
	fresh(5);
	write_at(0x370, 0x91);
	(void)read_at(0x3f0);
	CHECK(vlapic_pending(&l) == 0x91);
	vlapic_accept(&l, 0x91);
	write_at(0x0b0, 0x12345678); /* any value ends it */
	CHECK(vlapic_highest_isr(&l) == -1);
	write_at(0x400, 1);
	CHECK(vlapic_highest_irr(&l) == -1 && errors() == 1u << 7);
}

/* "Local APIC State After It Receives INIT": all but the ID. */
static void init_leaves_mode_and_id(void)
{
	fresh(9);
	write_at(0x0d0, 0xffffffff);
	write_at(0x0e0, 0);
	write_at(0x310, 0xffffffff);
	write_at(0x300, 0x50);
	vlapic_post(&l, 0x80);
	vlapic_receive_init(&l);
	CHECK(vlapic_base(&l) == 0xfee00800 && read_at(0x020) == 9u << 24);
	CHECK(read_at(0x0d0) == 0 && read_at(0x0e0) == 0xffffffff && read_at(0x0f0) == 0xff);
	CHECK(read_at(0x300) == 0 && read_at(0x310) == 0 && vlapic_highest_irr(&l) == -1);
}

/* ---- APICv ---- */

/* What hardware lets through to the page: "Virtualizing Memory-Mapped APIC Accesses". */
static const uint32_t let_through[] = { 0x020, 0x0d0, 0x0e0, 0x0f0, 0x280, 0x300, 0x310, 0x320,
					0x330, 0x340, 0x350, 0x360, 0x370, 0x380, 0x3e0 };

static bool same_effect(const struct vlapic_effect *a, const struct vlapic_effect *b)
{
	if (a->has_message != b->has_message || a->has_level_eoi != b->has_level_eoi)
		return false;
	return !a->has_message || memcmp(&a->message, &b->message, sizeof(a->message)) == 0;
}

static bool same_state(struct vlapic a, const struct vlapic *b)
{
	a.registers = b->registers;
	return memcmp(&a, b, sizeof(a)) == 0;
}

/* Of two equal APICs one is written to; in the other's page hardware has put the value before. */
static void a_value_that_hardware_wrote_acts_as_one_that_we_write(void)
{
	static uint32_t twin_page[PAGE_BYTES / 4];
	struct vlapic_effect twin_effect;
	struct vlapic twin;
	uint64_t now = 0;

	for (int round = 0; round < 300; round++) {
		fresh(3);
		vlapic_init(&twin, twin_page, 3, VLAPIC_XAPIC);
		vlapic_write(&twin, 0x0f0, 0x1ff, now, &effect);
		for (int n = 0; n < 60; n++) {
			const uint32_t offset = let_through[random_below(ARRAY_SIZE(let_through))];
			uint32_t value = (uint32_t)random_u64();

			if (offset >= 0x320)
				value &= (uint32_t)random_u64() & 0x700ff;
			if (offset == 0x0f0 && random_below(4))
				value |= 0x100;
			now += random_below(2000);
			vlapic_write(&l, offset, value, now, &effect);
			vlapic_timer_expire(&twin, now);
			twin.registers[offset / 4] = value;
			vlapic_written(&twin, offset, now, &twin_effect);
			CHECK(same_effect(&effect, &twin_effect) && same_state(twin, &l));
			CHECK(memcmp(page, twin_page, sizeof(page)) == 0);
		}
	}
}

static void apicv_in_x2apic_mode_sends_what_hardware_does_not(void)
{
	vlapic_init(&l, page, 3, VLAPIC_X2APIC);
	page[0x0f0 / 4] = 0x1ff;
	vlapic_written(&l, 0x0f0, 0, &effect);
	page[0x3f0 / 4] = 0x44;
	vlapic_written(&l, 0x3f0, 0, &effect);
	CHECK(vlapic_pending(&l) == 0x44 && !effect.has_message);
	page[0x3f0 / 4] = 0x04;
	vlapic_written(&l, 0x3f0, 0, &effect);
	page[0x280 / 4] = 0;
	vlapic_written(&l, 0x280, 0, &effect);
	CHECK(page[0x280 / 4] == (1u << 5 | 1u << 6));
	page[0x300 / 4] = 0x55; /* all 64 bits, in one place */
	page[0x304 / 4] = 0x12345;
	vlapic_written(&l, 0x300, 0, &effect);
	CHECK(effect.has_message && effect.message.vector == 0x55);
	CHECK(effect.message.destination == 0x12345 && !effect.message.is_logical);
}

/* From outside the page: only `changed`, until somebody asks. */
static void hardware_moves_vectors_behind_our_back(void)
{
	const uint64_t vectors[4] = { 0, 1, 1ull << 63, 0 }, level[4] = { 0, 0, 1ull << 63, 0 };

	fresh(3);
	l.is_virtualized = true;
	l.changed = false;
	vlapic_merge(&l, vectors, level); /* 40H, and BFH by level */
	CHECK(l.changed);
	vlapic_refresh(&l);
	CHECK(vlapic_pending(&l) == 0xbf && vlapic_highest_irr(&l) == 0xbf);
	page[0x250 / 4] = 0; /* hardware delivers BFH; and 71H is posted to it */
	page[0x150 / 4] = 1u << 31;
	page[0x230 / 4] = 1u << 17;
	vlapic_refresh(&l);
	CHECK(vlapic_pending(&l) == -1 && vlapic_highest_isr(&l) == 0xbf);
	CHECK(vlapic_highest_irr(&l) == 0x71 && page[0x0a0 / 4] == 0xb0);
	CHECK(vlapic_is_in_service(&l, 0xbf) && vlapic_waiting(&l) == -1);
	page[0x150 / 4] = 0; /* it does the EOI, and tells us */
	vlapic_eoi_done(&l, 0xbf, &effect);
	CHECK(effect.has_level_eoi && effect.eoi_vector == 0xbf && !effect.has_message);
	vlapic_refresh(&l);
	CHECK(vlapic_pending(&l) == 0x71 && vlapic_waiting(&l) == 0x71);
	page[0x080 / 4] = 0x70; /* TPR, without an exit */
	vlapic_refresh(&l);
	CHECK(vlapic_pending(&l) == -1 && vlapic_cr8(&l) == 7 && read_at(0x0a0) == 0x70);
	vlapic_eoi_done(&l, 0x71, &effect);
	CHECK(!effect.has_level_eoi);
}

static void an_operation_under_apicv_leaves_the_question_to_refresh(void)
{
	fresh(3);
	l.is_virtualized = true;
	l.deliverable = -1;
	l.changed = false;
	vlapic_post(&l, 0x66);
	CHECK(l.changed && vlapic_pending(&l) == -1);
	l.changed = false;
	vlapic_write(&l, 0x080, 0x20, 0, &effect);
	CHECK(l.changed && vlapic_pending(&l) == -1);
	vlapic_refresh(&l);
	CHECK(vlapic_pending(&l) == 0x66);
	vlapic_receive_init(&l);
	CHECK(l.changed && vlapic_pending(&l) == -1 && l.is_virtualized);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(every_register_takes_exactly_the_manuals_bits);
	RUN(between_the_registers_there_is_nothing);
	RUN(an_illegal_register_interrupts_once);
	RUN(init_leaves_mode_and_id);
	RUN(a_value_that_hardware_wrote_acts_as_one_that_we_write);
	RUN(apicv_in_x2apic_mode_sends_what_hardware_does_not);
	RUN(hardware_moves_vectors_behind_our_back);
	RUN(an_operation_under_apicv_leaves_the_question_to_refresh);
	return test_failed;
}
