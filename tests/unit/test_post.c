/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to several local APICs, some of them disabled: who finds what in its mailbox. For every
 * delivery mode and shorthand, against the manual's sentences written out.
 */
#include <string.h>
#include "arch/x86/pc/pc.h"
#include "arch/x86/post.h"
#include "tests/test.h"

enum state { ENABLED, SOFTWARE_DISABLED, DISABLED, STATE_COUNT };

#define COUNT 3u
#define FIRST 5u

struct vcpu *vcpus[MAX_VCPUS];
static struct vcpu them[COUNT];
static struct pi_descriptor mailboxes[COUNT];
static uint32_t pages[COUNT][1024];

const struct backend *vcpu_backend(void)
{
	return NULL;
}

vcpu_set_t pc_end_of_interrupt(part_id_t part, uint8_t vector)
{
	return 0;
}

static void fresh(uint32_t states)
{
	struct vlapic_effect effect;

	memset(them, 0, sizeof(them));
	memset(mailboxes, 0, sizeof(mailboxes));
	for (uint32_t i = 0; i < COUNT; i++, states /= STATE_COUNT) {
		struct vcpu *const v = vcpus[FIRST + i] = &them[i];

		v->id = FIRST + i;
		v->mailbox.vectors = &mailboxes[i];
		vlapic_init(&v->lapic, pages[i], i, VLAPIC_XAPIC);
		vlapic_write(&v->lapic, APIC_SVR, states % STATE_COUNT == ENABLED ? 0x1ff : 0xff, 0,
			     &effect);
		if (states % STATE_COUNT == DISABLED)
			CHECK(vlapic_set_base(&v->lapic, 0xfee00000 | (i == 0 ? 0x100 : 0)) == OK);
	}
}

static bool has(uint32_t i, enum irq_delivery delivery)
{
	uint64_t vectors[4] = { 0 };
	const bool has_vector = pi_take(&mailboxes[i], vectors) && vectors[1] == 1; /* 40H */
	const uint32_t events = them[i].mailbox.events;

	CHECK((vectors[0] | vectors[2] | vectors[3]) == 0);
	switch (delivery) {
	case IRQ_FIXED:
	case IRQ_LOWEST:
		CHECK(events == 0);
		return has_vector;
	case IRQ_NMI:
		return events == VCPU_POST_NMI;
	case IRQ_INIT:
		return events == VCPU_POST_INIT;
	case IRQ_STARTUP:
		return events == VCPU_POST_SIPI && them[i].mailbox.sipi_vector == 0x40;
	default:
		CHECK(events == 0 && !has_vector);
		return false;
	}
}

/*
 * "Local APIC State After It Has Been Software Disabled": INIT, NMI, SMI and start-up are taken.
 * "Enabling or Disabling the Local APIC": by IA32_APIC_BASE, as if there were none.
 */
static bool takes(uint32_t states, uint32_t i, enum irq_delivery delivery)
{
	for (uint32_t n = 0; n < i; n++)
		states /= STATE_COUNT;
	if (delivery == IRQ_SMI || delivery == IRQ_EXTINT || states % STATE_COUNT == DISABLED)
		return false;
	return delivery > IRQ_LOWEST || states % STATE_COUNT == ENABLED;
}

/* By shorthand, from the first of them. */
static void check_shorthand(uint32_t states, enum irq_delivery delivery,
			    enum irq_shorthand shorthand)
{
	const struct irq_message m = { .vector = 0x40,
				       .delivery = (uint8_t)delivery,
				       .shorthand = (uint8_t)shorthand };
	vcpu_set_t to;
	uint32_t got = 0, wanted = 0;

	fresh(states);
	to = post_message(&them[0], FIRST, COUNT, &m);
	for (uint32_t i = 0; i < COUNT; i++) {
		const bool is_meant =
			shorthand == IRQ_TO_ALL || (shorthand == IRQ_TO_SELF) == (i == 0);
		const bool has_it = has(i, delivery);

		CHECK(has_it == (to >> (FIRST + i) & 1));
		got += has_it;
		if (!is_meant || !takes(states, i, delivery) ||
		    (i == 0 && delivery == IRQ_FIXED)) { /* that one it has by itself */
			CHECK(!has_it);
			continue;
		}
		wanted++;
		if (delivery != IRQ_LOWEST)
			CHECK(has_it);
	}
	CHECK(got == (delivery == IRQ_LOWEST && wanted > 0 ? 1 : wanted));
}

static void shorthands_reach_all_that_are_on_and_no_other(void)
{
	for (uint32_t states = 0; states < 27; states++)
		for (uint32_t delivery = IRQ_FIXED; delivery <= IRQ_EXTINT; delivery++)
			for (uint32_t s = IRQ_TO_SELF; s <= IRQ_TO_OTHERS; s++)
				if (delivery != 3)
					check_shorthand(states, delivery, s);
}

/* "Receive illegal vector", at the receiver alone. */
static void a_devices_illegal_vector_is_the_receivers_error(void)
{
	for (uint32_t vector = 0; vector < 20; vector++)
		for (uint32_t delivery = IRQ_FIXED; delivery <= IRQ_LOWEST; delivery++) {
			const struct irq_message m = { .vector = (uint8_t)vector,
						       .delivery = (uint8_t)delivery,
						       .is_level = vector & 1,
						       .destination = 1 };
			uint64_t vectors[4];

			fresh(0);
			CHECK(post_message(NULL, FIRST, COUNT, &m) == BIT64(FIRST + 1));
			CHECK(pi_take(&mailboxes[1], vectors) == (vector >= 16));
			CHECK(them[1].mailbox.events == (vector < 16 ? VCPU_POST_ILLEGAL : 0));
			CHECK((them[0].mailbox.events | them[2].mailbox.events) == 0);
		}
}

/* So that an I/O APIC knows. */
static void what_nobody_takes_is_told(void)
{
	struct irq_message m = { .vector = 0x40, .destination = 1 };

	fresh(STATE_COUNT * SOFTWARE_DISABLED);
	CHECK(post_message(NULL, FIRST, COUNT, &m) == 0);
	m.destination = IRQ_BROADCAST;
	CHECK(post_message(NULL, FIRST, COUNT, &m) == (BIT64(FIRST) | BIT64(FIRST + 2)));
	m.destination = 77;
	CHECK(post_message(NULL, FIRST, COUNT, &m) == 0);
}

/* Whoever set ON notifies, until all was taken; of level-triggered ones it is told who takes them. */
static void one_notification_goes_with_each_setting_of_on(void)
{
	struct irq_message m = { .vector = 0x40, .destination = 1 };
	uint64_t vectors[4];

	fresh(0);
	CHECK(post_message(NULL, FIRST, COUNT, &m) == BIT64(FIRST + 1));
	m.vector = 0x50;
	CHECK(post_message(NULL, FIRST, COUNT, &m) == 0);
	m.is_level = true;
	CHECK(post_message(NULL, FIRST, COUNT, &m) == BIT64(FIRST + 1));
	m.is_level = false;
	CHECK(pi_take(&mailboxes[1], vectors));
	CHECK(vectors[1] == (BIT64(0x40 - 64) | BIT64(0x50 - 64)));
	CHECK(post_message(NULL, FIRST, COUNT, &m) == BIT64(FIRST + 1));
}

int main(void)
{
	RUN(shorthands_reach_all_that_are_on_and_no_other);
	RUN(a_devices_illegal_vector_is_the_receivers_error);
	RUN(what_nobody_takes_is_told);
	RUN(one_notification_goes_with_each_setting_of_on);
	return test_failed;
}
