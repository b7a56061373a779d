/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets a message: every destination, by the words of the manual; and what a sender sends. */
#include <string.h>
#include "arch/x86/vlapic.h"
#include "tests/test.h"

static struct vlapic l;
static struct vlapic_effect effect;
static uint32_t page[PAGE_BYTES / 4];

static void fresh(uint32_t apic_id, enum vlapic_mode mode)
{
	vlapic_init(&l, page, apic_id, mode);
	if (mode == VLAPIC_X2APIC)
		CHECK(vlapic_write_msr(&l, 0x80f, 0x1ff, 0, &effect) == OK);
	else
		vlapic_write(&l, 0x0f0, 0x1ff, 0, &effect);
}

static bool matches(uint32_t destination, bool is_logical, enum irq_delivery delivery)
{
	const struct irq_message m = { .vector = 0x40,
				       .delivery = (uint8_t)delivery,
				       .is_logical = is_logical,
				       .destination = destination };

	return vlapic_matches(&l, &m);
}

/* ---- Receivers ---- */

static void in_x2apic_mode_the_id_is_the_address(void)
{
	for (uint32_t id = 0; id < 70; id++) {
		fresh(id, VLAPIC_X2APIC);
		for (uint32_t to = 0; to < 300; to++)
			CHECK(matches(to, false, IRQ_FIXED) == (to == id));
		CHECK(matches(id | 1u << 31, false, IRQ_FIXED) == false);
		CHECK(matches(0xffffffff, false, IRQ_FIXED));
	}
}

/* "Logical Destination Mode in x2APIC Mode": clusters of 16, made from the ID. */
static void in_x2apic_mode_clusters_are_of_sixteen(void)
{
	for (uint32_t id = 0; id < 70; id++) {
		fresh(id, VLAPIC_X2APIC);
		for (uint32_t cluster = 0; cluster < 6; cluster++)
			for (uint32_t bit = 0; bit < 16; bit++) {
				const uint32_t one = cluster << 16 | 1u << bit;

				CHECK(matches(one, true, IRQ_FIXED) == (id == cluster * 16 + bit));
				CHECK(matches(one ^ 0xffff, true, IRQ_FIXED) ==
				      (id / 16 == cluster && id % 16 != bit));
			}
		CHECK(!matches(id / 16 << 16, true, IRQ_FIXED));
		CHECK(!matches((id / 16 + 0x8000) << 16 | 0xffff, true, IRQ_FIXED));
		CHECK(matches(0xffffffff, true, IRQ_FIXED));
	}
}

static void in_xapic_mode_the_id_is_the_address(void)
{
	for (uint32_t id = 0; id < 70; id++) {
		fresh(id, VLAPIC_XAPIC);
		vlapic_write(&l, 0x020, 0x77u << 24, 0, &effect); /* cannot be changed */
		for (uint32_t to = 0; to < 255; to++)
			CHECK(matches(to, false, IRQ_FIXED) == (to == id));
		CHECK(matches(IRQ_BROADCAST, false, IRQ_FIXED));
	}
}

/* "Logical Destination Mode": one bit in common, or the same upper half and one in the lower. */
static bool slow_logical(bool is_flat, uint32_t own, uint32_t to)
{
	bool has_common_bit = false;

	for (uint32_t b = 0; b < (is_flat ? 8 : 4); b++)
		has_common_bit |= (own >> b & 1) && (to >> b & 1);
	return has_common_bit && (is_flat || own / 16 == to / 16);
}

static void in_xapic_mode_every_pair_of_logical_ids(void)
{
	for (uint32_t model = 0; model <= 0xf; model += 0xf)
		for (uint32_t own = 0; own < 256; own++) {
			fresh(3, VLAPIC_XAPIC);
			vlapic_write(&l, 0x0e0, model << 28, 0, &effect);
			vlapic_write(&l, 0x0d0, own << 24 | 0x123456, 0, &effect);
			for (uint32_t to = 0; to < 256; to++)
				CHECK(matches(to, true, IRQ_FIXED) ==
				      slow_logical(model == 0xf, own, to));
			CHECK(matches(IRQ_BROADCAST, true, IRQ_FIXED));
		}
}

/* "Local APIC State After It Has Been Software Disabled"; globally disabled, there is none. */
static void what_a_disabled_one_takes(void)
{
	static const enum irq_delivery all[] = { IRQ_FIXED, IRQ_LOWEST, IRQ_SMI,
						 IRQ_NMI,   IRQ_INIT,   IRQ_STARTUP };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		const bool has_vector = all[i] == IRQ_FIXED || all[i] == IRQ_LOWEST;

		fresh(3, VLAPIC_XAPIC);
		CHECK(matches(3, false, all[i]));
		vlapic_write(&l, 0x0f0, 0xff, 0, &effect);
		CHECK(matches(3, false, all[i]) == !has_vector);
		CHECK(matches(IRQ_BROADCAST, false, all[i]) == !has_vector);
		CHECK(vlapic_set_base(&l, 0xfee00000) == OK);
		CHECK(!matches(3, false, all[i]) && !matches(IRQ_BROADCAST, false, all[i]));
	}
}

/* ---- Senders ---- */

/* ICR's destination, in either mode. */
static void send(uint32_t low, uint32_t destination)
{
	if (l.mode == VLAPIC_X2APIC) {
		CHECK(vlapic_write_msr(&l, 0x830, (uint64_t)destination << 32 | low, 0, &effect) ==
		      OK);
		return;
	}
	vlapic_write(&l, 0x310, destination << 24, 0, &effect);
	CHECK(!effect.has_message);
	vlapic_write(&l, 0x300, low, 0, &effect);
	CHECK(vlapic_read(&l, 0x300, 0) == low && vlapic_read(&l, 0x310, 0) == destination << 24);
}

/* Vector 70H; does the sender get it itself, and do others have to be asked? */
static void both_modes(uint32_t low, uint32_t destination, bool self_gets, bool others)
{
	static const enum vlapic_mode modes[] = { VLAPIC_XAPIC, VLAPIC_X2APIC };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		fresh(2, modes[i]);
		if (l.mode == VLAPIC_XAPIC) /* as in x2APIC mode: bit 2 */
			vlapic_write(&l, 0x0d0, 4u << 24, 0, &effect);
		send(low | 0x70, destination);
		CHECK((vlapic_pending(&l) == 0x70) == self_gets);
		CHECK(effect.has_message == others && !effect.has_level_eoi);
		if (!others)
			continue;
		CHECK(effect.message.vector == 0x70 && !effect.message.is_level);
		CHECK(effect.message.delivery == (low >> 8 & 7));
		CHECK(effect.message.shorthand == (low >> 18 & 3));
		CHECK(effect.message.is_logical == (low >> 11 & 1));
		CHECK(effect.message.destination == destination);
	}
}

#define LOGICAL (1u << 11)
#define ASSERT_ (1u << 14)
#define LEVEL   (1u << 15)
#define SELF    (1u << 18)
#define ALL     (2u << 18)
#define OTHERS  (3u << 18)

static void the_sender_takes_what_is_for_it(void)
{
	for (uint32_t assert_ = 0; assert_ <= ASSERT_; assert_ += ASSERT_)
		for (uint32_t level = 0; level <= LEVEL; level += LEVEL) {
			const uint32_t bits = assert_ | level; /* "no meaning" */

			both_modes(bits | SELF, 9, true, false);
			both_modes(bits | ALL, 9, true, true);
			both_modes(bits | OTHERS, 2, false, true);
			both_modes(bits, 2, true, false);
			both_modes(bits, 1, false, true);
			both_modes(bits | LOGICAL, 4, true, true);
			both_modes(bits | LOGICAL, 6, true, true);
			both_modes(bits | LOGICAL, 2, false, true);
			both_modes(bits | IRQ_LOWEST << 8, 2, false, true); /* decided outside */
		}
}

static void what_is_no_vector_goes_out_even_to_oneself(void)
{
	static const enum irq_delivery kinds[] = { IRQ_SMI, IRQ_NMI, IRQ_INIT, IRQ_STARTUP };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		for (uint32_t shorthand = 0; shorthand < 4; shorthand++) {
			both_modes((uint32_t)kinds[i] << 8 | shorthand << 18, 2, false, true);
			both_modes((uint32_t)kinds[i] << 8 | shorthand << 18 | ASSERT_, 1, false,
				   true);
		}
	both_modes(IRQ_INIT << 8 | LEVEL, 1, false, false); /* "INIT level de-assert" */
	both_modes(IRQ_INIT << 8 | LEVEL | ASSERT_, 1, false, true);
}

static void all_ones_are_everybody_in_either_width(void)
{
	fresh(2, VLAPIC_XAPIC);
	send(0x70, 0xff);
	CHECK(effect.has_message && effect.message.destination == IRQ_BROADCAST);
	CHECK(vlapic_pending(&l) == 0x70);
	fresh(2, VLAPIC_X2APIC);
	send(0x70, 0xff);
	CHECK(effect.message.destination == 0xff && vlapic_pending(&l) == -1);
	send(0x70, 0xffffffff);
	CHECK(effect.message.destination == IRQ_BROADCAST && vlapic_pending(&l) == 0x70);
}

/* "Send illegal vector": not sent. A start-up IPI's vector is a page number. */
static void illegal_vectors_are_not_sent(void)
{
	for (uint32_t vector = 0; vector < 18; vector++)
		for (uint32_t kind = IRQ_FIXED; kind <= IRQ_STARTUP; kind++) {
			const bool is_legal = kind > IRQ_LOWEST || vector >= 16;

			fresh(2, VLAPIC_X2APIC);
			send(kind << 8 | vector, 1);
			CHECK(effect.has_message == is_legal);
			CHECK(vlapic_write_msr(&l, 0x828, 0, 0, &effect) == OK);
			CHECK(page[0x280 / 4] == (is_legal ? 0 : 1u << 5));
		}
}

static void a_changed_destination_alone_sends_nothing(void)
{
	fresh(2, VLAPIC_XAPIC);
	send(0x70, 1);
	vlapic_write(&l, 0x310, 2u << 24, 0, &effect);
	CHECK(!effect.has_message && vlapic_pending(&l) == -1);
	vlapic_write(&l, 0x300, 0x71, 0, &effect);
	CHECK(!effect.has_message && vlapic_pending(&l) == 0x71);
}

int main(void)
{
	RUN(in_x2apic_mode_the_id_is_the_address);
	RUN(in_x2apic_mode_clusters_are_of_sixteen);
	RUN(in_xapic_mode_the_id_is_the_address);
	RUN(in_xapic_mode_every_pair_of_logical_ids);
	RUN(what_a_disabled_one_takes);
	RUN(the_sender_takes_what_is_for_it);
	RUN(what_is_no_vector_goes_out_even_to_oneself);
	RUN(all_ones_are_everybody_in_either_width);
	RUN(illegal_vectors_are_not_sent);
	RUN(a_changed_destination_alone_sends_nothing);
	return test_failed;
}
