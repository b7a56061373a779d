/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual I/O APIC against one written as 24 separate pins, over random operations. */
#include <stdlib.h>
#include <string.h>
#include "arch/x86/pc/vioapic.h"
#include "tests/test.h"

static uint64_t seed = 1;

static uint32_t random_below(uint32_t limit)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % limit);
}

static struct vioapic a;

static uint32_t read_register(uint32_t index)
{
	vioapic_write(&a, 0x00, index);
	CHECK(vioapic_read(&a, 0x00) == index);
	return vioapic_read(&a, 0x10);
}

static void write_register(uint32_t index, uint32_t value)
{
	vioapic_write(&a, 0x00, index);
	vioapic_write(&a, 0x10, value);
}

/* ---- The slow one ---- */

struct pin {
	uint32_t vector, mode, destination;
	bool logical, polarity, level, masked, remote_irr, line;
};
static struct pin pins[24];
static uint32_t sent[24]; /* in this operation */

static void model_reset(void)
{
	memset(pins, 0, sizeof(pins));
	for (int i = 0; i < 24; i++)
		pins[i].masked = true;
}

/* Fixed and lowest priority may be levels; SMI, NMI, INIT, ExtINT are edges. */
static bool model_is_level(const struct pin *p)
{
	return p->level && (p->mode == 0 || p->mode == 1);
}

static void model_send(int i)
{
	if (pins[i].mode == 3 || pins[i].mode == 6)
		return;
	if (model_is_level(&pins[i]))
		pins[i].remote_irr = true;
	sent[i]++;
}

static void model_look(int i)
{
	if (model_is_level(&pins[i]) && pins[i].line && !pins[i].masked && !pins[i].remote_irr)
		model_send(i);
}

static void model_line(int i, bool line)
{
	const bool edge = line && !pins[i].line;

	pins[i].line = line;
	if (!model_is_level(&pins[i]) && edge && !pins[i].masked)
		model_send(i);
	model_look(i);
}

static void model_eoi(uint32_t vector)
{
	for (int i = 0; i < 24; i++) {
		if (!pins[i].remote_irr || pins[i].vector != vector)
			continue;
		pins[i].remote_irr = false;
		model_look(i);
	}
}

static void model_write(int i, bool high, uint32_t v)
{
	struct pin *p = &pins[i];

	if (high) {
		p->destination = v >> 24;
	} else {
		p->vector = v & 255;
		p->mode = v >> 8 & 7;
		p->logical = v >> 11 & 1;
		p->polarity = v >> 13 & 1;
		p->level = v >> 15 & 1;
		p->masked = v >> 16 & 1;
		if (!p->level)
			p->remote_irr = false;
	}
	model_look(i);
}

static uint32_t model_read(int i, bool high)
{
	const struct pin *p = &pins[i];

	if (high)
		return p->destination << 24;
	return p->vector | p->mode << 8 | (uint32_t)p->logical << 11 | (uint32_t)p->polarity << 13 |
	       (uint32_t)p->remote_irr << 14 | (uint32_t)p->level << 15 | (uint32_t)p->masked << 16;
}

/* ---- Both ---- */

/* Takes all messages; each must be one of the model's, in its pin's words. */
static void compare_messages(void)
{
	struct irq_message m;

	while (vioapic_take(&a, &m)) {
		bool found = false;

		for (int i = 0; i < 24 && !found; i++) {
			const struct pin *p = &pins[i];

			found = sent[i] > 0 && m.vector == p->vector && m.delivery == p->mode &&
				m.shorthand == IRQ_TO_DESTINATION && m.is_logical == p->logical &&
				m.is_level == model_is_level(p) &&
				m.destination ==
					(p->destination == 255 ? IRQ_BROADCAST : p->destination);
			if (found)
				sent[i]--;
		}
		CHECK(found);
	}
	CHECK(a.due == 0);
	for (int i = 0; i < 24; i++)
		CHECK(sent[i] == 0);
	memset(sent, 0, sizeof(sent));
}

static void compare_registers(void)
{
	for (uint32_t i = 0; i < 48; i++)
		CHECK(read_register(0x10 + i) == model_read((int)i / 2, i & 1));
	for (uint32_t i = 0; i < 24; i++)
		CHECK(vioapic_listens(&a, i) == !pins[i].masked);
}

/* Few vectors and modes, so that they meet. */
static uint32_t random_entry(void)
{
	const uint32_t mode = random_below(4) ? random_below(2) : random_below(8);

	return (0x30 + random_below(3)) | mode << 8 | random_below(2) << 11 |
	       random_below(2) << 12 | random_below(2) << 13 | random_below(2) << 14 |
	       random_below(2) << 15 | (uint32_t)(random_below(3) == 0) << 16 |
	       random_below(0x8000) << 17;
}

static void random_operations_agree_with_single_pins(void)
{
	vioapic_init(&a);
	model_reset();
	for (uint32_t n = 0; n < 400000 && !test_failed; n++) {
		const uint32_t i = random_below(24), what = random_below(10);
		const uint32_t v = random_entry();
		const bool level = random_below(2);

		if (what < 5) {
			vioapic_set_line(&a, i, level);
			model_line((int)i, level);
		} else if (what < 7) {
			write_register(0x10 + 2 * i, v);
			model_write((int)i, false, v);
		} else if (what < 8) {
			write_register(0x11 + 2 * i, v << 15);
			model_write((int)i, true, v << 15);
		} else if (what < 9) {
			vioapic_end_of_interrupt(&a, v & 0xff);
			model_eoi(v & 0xff);
		} else {
			vioapic_write(&a, 0x40, v & 0xff);
			model_eoi(v & 0xff);
		}
		compare_messages();
		if (n % 16 == 0)
			compare_registers();
	}
}

/* ---- Facts ---- */

static void identity_is_the_data_sheets(void)
{
	vioapic_init(&a);
	CHECK(read_register(0) == 0);
	CHECK(read_register(1) == 0x00170020);
	write_register(0, 0xffffffff);
	CHECK(read_register(0) == 0x0f000000 && read_register(2) == 0x0f000000);
	write_register(1, 0xffffffff);
	write_register(2, 0);
	CHECK(read_register(1) == 0x00170020 && read_register(2) == 0x0f000000);
	for (uint32_t i = 0; i < 24; i++)
		CHECK(read_register(0x10 + 2 * i) == 0x10000 && read_register(0x11 + 2 * i) == 0);
}

static void what_is_not_there_reads_0_and_takes_nothing(void)
{
	struct vioapic before;

	vioapic_init(&a);
	for (uint32_t index = 0; index < 256; index++) {
		if (index < 3 || (index >= 0x10 && index < 0x40))
			continue;
		CHECK(read_register(index) == 0);
		before = a;
		vioapic_write(&a, 0x10, 0xffffffff);
		CHECK(memcmp(&a, &before, sizeof(a)) == 0);
	}
	before = a;
	for (uint32_t offset = 0; offset < 4096; offset++) {
		if (offset == 0 || offset == 0x10)
			continue;
		CHECK(vioapic_read(&a, offset) == 0);
		vioapic_write(&a, offset, 0xffffffff);
		CHECK(memcmp(&a, &before, sizeof(a)) == 0);
	}
}

static void exactly_the_writable_bits_of_an_entry_are_kept(void)
{
	for (uint32_t b = 0; b < 32; b++) {
		vioapic_init(&a);
		write_register(0x10, BIT32(b));
		CHECK(read_register(0x10) == (BIT32(b) & 0x1afff));
		write_register(0x11, BIT32(b));
		CHECK(read_register(0x11) == (BIT32(b) & 0xff000000));
	}
}

static void an_edge_at_a_masked_pin_is_lost(void)
{
	struct irq_message m;

	vioapic_init(&a);
	vioapic_set_line(&a, 2, true);
	write_register(0x14, 0x30);
	CHECK(!vioapic_take(&a, &m));
	vioapic_set_line(&a, 2, false);
	vioapic_set_line(&a, 2, true);
	CHECK(vioapic_take(&a, &m) && m.vector == 0x30 && !m.is_level && m.destination == 0);
	CHECK(!vioapic_take(&a, &m));
}

static void a_level_at_a_masked_pin_is_sent_when_it_is_unmasked(void)
{
	struct irq_message m;

	vioapic_init(&a);
	write_register(0x22, 0x18031);
	vioapic_set_line(&a, 9, true);
	CHECK(!vioapic_take(&a, &m));
	write_register(0x22, 0x08031);
	CHECK(vioapic_take(&a, &m) && m.is_level && m.vector == 0x31);
	CHECK(read_register(0x22) == 0x0c031 && !vioapic_take(&a, &m));
	vioapic_end_of_interrupt(&a, 0x30);
	CHECK(!vioapic_take(&a, &m));
	vioapic_end_of_interrupt(&a, 0x31);
	CHECK(vioapic_take(&a, &m));
	vioapic_set_line(&a, 9, false);
	vioapic_end_of_interrupt(&a, 0x31);
	CHECK(!vioapic_take(&a, &m) && read_register(0x22) == 0x08031);
}

/* Linux, "__eoi_ioapic_pin": how remote IRR is cleared without an EOI register. */
static void an_entry_made_edge_forgets_its_remote_irr(void)
{
	struct irq_message m;

	vioapic_init(&a);
	write_register(0x22, 0x08031);
	vioapic_set_line(&a, 9, true);
	CHECK(vioapic_take(&a, &m));
	vioapic_set_line(&a, 9, false);
	write_register(0x22, 0x10031);
	write_register(0x22, 0x08031);
	CHECK(read_register(0x22) == 0x08031);
}

/* 82093AA, "Remote IRR": "set to 1 when local APIC(s) accept the level interrupt". */
static void a_level_that_nobody_accepts_is_tried_again_while_it_lasts(void)
{
	struct irq_message m;

	vioapic_init(&a);
	write_register(0x22, 0x08031);
	vioapic_set_line(&a, 9, true);
	CHECK(vioapic_take(&a, &m));
	vioapic_was_refused(&a);
	CHECK(read_register(0x22) == 0x08031 && !vioapic_take(&a, &m)); /* not for ever at once */
	vioapic_set_line(&a, 1, true);
	CHECK(vioapic_take(&a, &m) && m.vector == 0x31);
	vioapic_was_refused(&a);
	write_register(0x14, 0x10000);
	CHECK(vioapic_take(&a, &m) && m.vector == 0x31);
	vioapic_was_refused(&a);
	vioapic_end_of_interrupt(&a, 0x99);
	CHECK(vioapic_take(&a, &m) && m.vector == 0x31);
	CHECK(read_register(0x22) == 0x0c031); /* accepted */
	vioapic_set_line(&a, 1, false);
	CHECK(!vioapic_take(&a, &m));
	vioapic_end_of_interrupt(&a, 0x31);
	CHECK(vioapic_take(&a, &m));
	vioapic_was_refused(&a);
	write_register(0x22, 0x18031); /* masked meanwhile */
	CHECK(!vioapic_take(&a, &m));
	write_register(0x22, 0x08031);
	CHECK(vioapic_take(&a, &m));
	vioapic_was_refused(&a);
	vioapic_set_line(&a, 9, false);
	vioapic_set_line(&a, 1, true);
	CHECK(!vioapic_take(&a, &m));
	vioapic_set_line(&a, 9, true);
	CHECK(vioapic_take(&a, &m));
	vioapic_was_refused(&a);
	write_register(0x22, 0x00031); /* made an edge: none has come */
	CHECK(!vioapic_take(&a, &m));
}

static void what_nobody_has_taken_yet_can_be_taken_back(void)
{
	struct irq_message m;

	vioapic_init(&a);
	write_register(0x22, 0x08031);
	vioapic_set_line(&a, 9, true);
	vioapic_set_line(&a, 9, false);
	CHECK(!vioapic_take(&a, &m));
	write_register(0x14, 0x00030);
	vioapic_set_line(&a, 2, true);
	write_register(0x14, 0x10030);
	CHECK(!vioapic_take(&a, &m));
	write_register(0x16, 0x00030);
	vioapic_set_line(&a, 3, true);
	vioapic_set_line(&a, 3, false);
	write_register(0x16, 0x08030); /* the edge was another entry's */
	CHECK(!vioapic_take(&a, &m));
}

int main(void)
{
	RUN(identity_is_the_data_sheets);
	RUN(what_is_not_there_reads_0_and_takes_nothing);
	RUN(exactly_the_writable_bits_of_an_entry_are_kept);
	RUN(an_edge_at_a_masked_pin_is_lost);
	RUN(a_level_at_a_masked_pin_is_sent_when_it_is_unmasked);
	RUN(an_entry_made_edge_forgets_its_remote_irr);
	RUN(a_level_that_nobody_accepts_is_tried_again_while_it_lasts);
	RUN(what_nobody_has_taken_yet_can_be_taken_back);
	RUN(random_operations_agree_with_single_pins);
	return test_failed;
}
