/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three virtual local APICs that write to themselves, send to each other, are sent to by devices,
 * change modes and lose time, beside three slow ones.
 *
 * Messages travel by the rules of arch/x86/post.c. Now and then an APIC is one of APICv's for a
 * while: hardware writes its page, moves vectors and does its EOIs.
 */
#include "arch/x86/vlapic.h"
#include "tests/property/random.h"
#include "tests/property/slow_vlapic.h"
#include "tests/test.h"

#define ROUNDS 300
#define STEPS  400

static uint32_t pages[SLOW_APICS][PAGE_BYTES / 4];
static struct {
	struct vlapic apic;
	uint32_t nmis, startups, inits;
	int ended;
} fast[SLOW_APICS];
static uint64_t now;

/* ---- The way of a message ---- */

static bool is_for(int from, uint32_t to, const struct irq_message *m)
{
	const struct irq_message all = { .delivery = m->delivery, .destination = IRQ_BROADCAST };

	switch (m->shorthand) {
	case IRQ_TO_SELF:
		return (int)to == from;
	case IRQ_TO_ALL:
		return vlapic_matches(&fast[to].apic, &all);
	case IRQ_TO_OTHERS:
		return (int)to != from && vlapic_matches(&fast[to].apic, &all);
	default:
		return vlapic_matches(&fast[to].apic, m);
	}
}

static void receive(uint32_t i, const struct irq_message *m)
{
	uint64_t vectors[4] = { 0 }, level[4] = { 0 };

	if (m->delivery <= IRQ_LOWEST) {
		vectors[m->vector / 64] = BIT64(m->vector % 64);
		level[m->vector / 64] = (uint64_t)m->is_level << m->vector % 64;
		vlapic_merge(&fast[i].apic, vectors, level);
	}
	fast[i].nmis += m->delivery == IRQ_NMI;
	fast[i].startups += m->delivery == IRQ_STARTUP;
	if (m->delivery != IRQ_INIT)
		return;
	fast[i].inits++;
	vlapic_receive_init(&fast[i].apic);
}

static void deliver(int from, const struct irq_message *m)
{
	bool gets[SLOW_APICS];
	int lowest = -1;

	for (uint32_t i = 0; i < SLOW_APICS; i++) {
		gets[i] = is_for(from, i, m);
		if (gets[i] && (lowest < 0 || vlapic_priority(&fast[i].apic) <
						      vlapic_priority(&fast[lowest].apic)))
			lowest = (int)i;
	}
	for (uint32_t i = 0; i < SLOW_APICS; i++)
		if (gets[i] &&
		    (m->delivery == IRQ_LOWEST ? (int)i == lowest
					       : m->delivery != IRQ_FIXED || (int)i != from))
			receive(i, m);
}

static void apply(uint32_t i, const struct vlapic_effect *e)
{
	if (e->has_level_eoi)
		fast[i].ended = e->eoi_vector;
	if (e->has_message)
		deliver((int)i, &e->message);
}

/* ---- Writes, by either interface ---- */

static const uint16_t writable[] = { 0x080, 0x0b0, 0x0b0, 0x0b0, 0x0f0, 0x280, 0x300, 0x300,
				     0x300, 0x320, 0x320, 0x330, 0x340, 0x350, 0x360, 0x370,
				     0x380, 0x380, 0x3e0, 0x0d0, 0x0e0, 0x310 };

/* Few vectors, so that they meet; illegal ones too. */
static uint32_t some_vector(void)
{
	static const uint8_t vectors[] = {
		3, 15, 16, 0x1f, 0x20, 0x41, 0x42, 0x61, 0x80, 0xef, 0xff
	};

	return vectors[random_below(ARRAY_SIZE(vectors))];
}

static uint32_t some_destination(void)
{
	switch (random_below(6)) {
	case 0:
		return (uint32_t)random_below(3) << 16 | (uint32_t)random_below(16);
	case 1:
		return 0xffffffff;
	case 2:
		return 0xff;
	case 3:
		return 17;
	default:
		return (uint32_t)random_below(8);
	}
}

/* What x2APIC mode would refuse is not in it. */
static uint32_t some_value(uint32_t offset)
{
	switch (offset) {
	case 0x080:
		return (uint32_t)random_below(random_below(2) ? 0x20 : 0x100);
	case 0x0b0:
	case 0x280:
		return 0;
	case 0x0f0:
		return random_below(6) ? 0x1ff : 0xff;
	case 0x300: {
		static const uint8_t deliveries[] = { 0, 0, 0, 0, 1, 1, 2, 4, 5, 6 };
		uint32_t delivery = deliveries[random_below(ARRAY_SIZE(deliveries))];

		if (delivery == 5 && random_below(3))
			delivery = 0;
		return some_vector() | delivery << 8 | (uint32_t)random_u64() % 2 << 11 |
		       (uint32_t)random_u64() % 4 << 14 | (uint32_t)random_u64() % 4 << 18;
	}
	case 0x320:
		return some_vector() | (uint32_t)random_below(3) << 17 |
		       (random_below(4) ? 0 : SLOW_MASK);
	case 0x330 ... 0x370:
		return some_vector() | (random_below(4) ? 0 : SLOW_MASK);
	case 0x380:
		return (uint32_t)random_below(40);
	case 0x3e0:
		return (uint32_t)random_below(4) | (uint32_t)random_below(2) << 3;
	default:
		return (uint32_t)random_u64();
	}
}

static void write_x2apic(uint32_t i, uint32_t offset, uint32_t value)
{
	const uint32_t to = offset == 0x300 ? some_destination() : 0;
	struct vlapic_effect e;

	if (offset == 0x0d0 || offset == 0x0e0 || offset == 0x310)
		return;
	if (offset == 0x300)
		slow[i].icr_high = to;
	CHECK(vlapic_write_msr(&fast[i].apic, 0x800 + offset / 16, (uint64_t)to << 32 | value, now,
			       &e) == OK);
	slow_write(i, offset, value);
	apply(i, &e);
}

static void write_xapic(uint32_t i, uint32_t offset, uint32_t value)
{
	struct vlapic_effect e;

	if (offset == 0x0d0 || offset == 0x310)
		value = random_below(16) ? some_destination() << 24 : 0xffffffff;
	slow_write(i, offset, value);
	if (fast[i].apic.is_virtualized && offset != 0x080 && offset != 0x0b0) {
		vlapic_timer_expire(&fast[i].apic, now);
		pages[i][offset / 4] = value;
		vlapic_written(&fast[i].apic, offset, now, &e);
	} else {
		vlapic_write(&fast[i].apic, offset, value, now, &e);
	}
	apply(i, &e);
}

static void write_something(uint32_t i)
{
	const uint32_t offset = writable[random_below(ARRAY_SIZE(writable))];
	const uint32_t value = some_value(offset);

	if (fast[i].apic.mode == VLAPIC_X2APIC)
		write_x2apic(i, offset, value);
	else if (fast[i].apic.mode == VLAPIC_XAPIC)
		write_xapic(i, offset, value);
}

/* ---- The rest of what happens ---- */

static void cpu_takes_interrupt(uint32_t i)
{
	const int vector = slow_pending(&slow[i]);
	struct vlapic *const l = &fast[i].apic;

	if (vector < 0)
		return;
	slow[i].irr[vector] = false;
	slow[i].isr[vector] = true;
	if (l->is_virtualized) {
		pages[i][(0x200 + vector / 32 * 16) / 4] &= ~BIT32(vector % 32);
		pages[i][(0x100 + vector / 32 * 16) / 4] |= BIT32(vector % 32);
		vlapic_refresh(l);
		return;
	}
	vlapic_accept(l, (uint8_t)vector);
	if (random_below(8))
		return;
	vlapic_unaccept(l, (uint8_t)vector);
	slow[i].irr[vector] = true;
	slow[i].isr[vector] = false;
}

/* APICv's own: without an exit, or with one where the vector is level-triggered. */
static void hardware_ends_interrupt(uint32_t i)
{
	const int vector = slow_highest(slow[i].isr);
	struct vlapic_effect e;

	if (!fast[i].apic.is_virtualized || vector < 0)
		return;
	slow_end(&slow[i]);
	pages[i][(0x100 + vector / 32 * 16) / 4] &= ~BIT32(vector % 32);
	vlapic_refresh(&fast[i].apic);
	vlapic_eoi_done(&fast[i].apic, (uint8_t)vector, &e);
	apply(i, &e);
}

static void device_sends(void)
{
	const uint8_t vector = (uint8_t)(some_vector() | 0x10);
	const bool is_level = random_below(2), is_lowest = random_below(3) == 0,
		   is_logical = random_below(2);
	const uint32_t to = random_below(5) ? (uint32_t)random_below(8) : IRQ_BROADCAST;
	const struct irq_message m = { .vector = vector,
				       .delivery = is_lowest ? IRQ_LOWEST : IRQ_FIXED,
				       .is_logical = is_logical,
				       .is_level = is_level,
				       .destination = to };
	const struct slow_message slow_m = { .vector = vector,
					     .delivery = is_lowest,
					     .is_logical = is_logical,
					     .is_level = is_level,
					     .destination = to,
					     .sender = -1 };

	deliver(-1, &m);
	slow_deliver(&slow_m);
}

/* "x2APIC State Transitions". */
static void change_mode(uint32_t i)
{
	static const uint64_t bits[] = {
		[SLOW_OFF] = 0, [SLOW_XAPIC] = 0x800, [SLOW_X2APIC] = 0xc00
	};
	const uint32_t from = slow[i].mode, to = (uint32_t)random_below(3);
	const bool is_legal = to == from || from == SLOW_XAPIC ||
			      (from == SLOW_OFF && to == SLOW_XAPIC) || to == SLOW_OFF;

	CHECK((vlapic_set_base(&fast[i].apic, 0xfee00000 | (i == 0 ? 0x100 : 0) | bits[to]) ==
	       OK) == is_legal);
	if (!is_legal || to == from)
		return;
	slow[i].mode = to;
	if (to == SLOW_OFF)
		slow_reset(&slow[i]);
	if (to == SLOW_X2APIC)
		slow[i].icr_high = 0;
}

static void time_passes(void)
{
	for (uint64_t n = random_below(60); n > 0; n--) {
		now++;
		for (uint32_t i = 0; i < SLOW_APICS; i++)
			slow_tick(&slow[i], now);
	}
	for (uint32_t i = 0; i < SLOW_APICS; i++)
		vlapic_timer_expire(&fast[i].apic, now);
}

static void write_deadline(uint32_t i)
{
	const uint64_t deadline = random_below(8) ? now + random_below(100) - 10 : 0;

	vlapic_write_tsc_deadline(&fast[i].apic, deadline, 0, now);
	if ((slow[i].lvt[LVT_TIMER] >> 17 & 3) != 2)
		return;
	slow[i].deadline = deadline;
	slow_look_at_deadline(&slow[i], now);
}

static void step(void)
{
	const uint32_t i = (uint32_t)random_below(SLOW_APICS);

	switch (random_below(48)) {
	case 0 ... 19:
		write_something(i);
		break;
	case 20 ... 25:
		device_sends();
		break;
	case 26 ... 32:
		cpu_takes_interrupt(i);
		break;
	case 33 ... 35:
		hardware_ends_interrupt(i);
		break;
	case 36 ... 37:
		write_deadline(i);
		break;
	case 38:
		slow[i].tpr = (uint32_t)random_below(3) << 4;
		vlapic_set_cr8(&fast[i].apic, slow[i].tpr >> 4);
		break;
	case 39:
		if (random_below(8) == 0)
			change_mode(i);
		break;
	default:
		time_passes();
	}
}

/* ---- Do they agree? ---- */

static uint32_t read_fast(uint32_t i, uint32_t offset)
{
	uint64_t value = 0;

	if (fast[i].apic.mode == VLAPIC_XAPIC)
		return vlapic_read(&fast[i].apic, offset, now);
	CHECK(vlapic_read_msr(&fast[i].apic, 0x800 + offset / 16, now, &value) == OK);
	if (offset == 0x300)
		CHECK(value >> 32 == slow[i].icr_high);
	return (uint32_t)value;
}

static void agree_on_registers(uint32_t i)
{
	static const uint16_t scalars[] = { 0x020, 0x030, 0x080, 0x0a0, 0x0d0, 0x0f0,
					    0x280, 0x300, 0x320, 0x330, 0x340, 0x350,
					    0x360, 0x370, 0x380, 0x390, 0x3e0 };

	for (uint32_t n = 0; n < ARRAY_SIZE(scalars); n++)
		CHECK(read_fast(i, scalars[n]) == slow_read(&slow[i], scalars[n]));
	for (uint32_t offset = 0x100; offset < 0x280; offset += 16)
		CHECK(read_fast(i, offset) == slow_read(&slow[i], offset));
	if (fast[i].apic.mode != VLAPIC_XAPIC)
		return;
	CHECK(read_fast(i, 0x0e0) == slow[i].dfr && read_fast(i, 0x310) == slow[i].icr_high);
}

static void agree(uint32_t i)
{
	struct vlapic *const l = &fast[i].apic;
	const struct slow_apic *const s = &slow[i];

	if (l->is_virtualized)
		vlapic_refresh(l);
	CHECK(vlapic_pending(l) == slow_pending(s) && vlapic_priority(l) == slow_priority(s));
	CHECK(vlapic_highest_irr(l) == slow_highest(s->irr));
	CHECK(vlapic_highest_isr(l) == slow_highest(s->isr));
	CHECK(vlapic_cr8(l) == s->tpr >> 4);
	CHECK(vlapic_timer_tsc(l) == slow_wake(s, now));
	CHECK(vlapic_read_tsc_deadline(l, now) == s->deadline);
	CHECK(fast[i].nmis == s->nmis && fast[i].startups == s->startups);
	CHECK(fast[i].inits == s->inits && fast[i].ended == s->ended);
	if (l->mode != VLAPIC_DISABLED)
		agree_on_registers(i);
	fast[i].ended = slow[i].ended = -1;
}

static void start_over(void)
{
	static const uint32_t ids[SLOW_APICS] = { 0, 1, 17 };

	now = random_below(1000) + 100;
	for (uint32_t i = 0; i < SLOW_APICS; i++) {
		const uint32_t mode = 1 + (uint32_t)random_below(2);
		struct vlapic_effect e;

		memset(&fast[i], 0, sizeof(fast[i]));
		memset(&slow[i], 0, sizeof(slow[i]));
		vlapic_init(&fast[i].apic, pages[i], ids[i],
			    mode == SLOW_X2APIC ? VLAPIC_X2APIC : VLAPIC_XAPIC);
		fast[i].apic.is_virtualized = random_below(4) == 0;
		fast[i].ended = -1;
		slow[i].id = ids[i];
		slow[i].mode = mode;
		slow_reset(&slow[i]);
		slow[i].ended = -1;
		if (mode == SLOW_XAPIC && i == 0) { /* as firmware leaves it */
			slow[i].svr = 0x1ff;
			slow[i].lvt[LVT_LINT0] = 0x700;
			slow[i].lvt[LVT_LINT1] = 0x400;
		} else if (mode == SLOW_X2APIC) {
			CHECK(vlapic_write_msr(&fast[i].apic, 0x80f, 0x1ff, now, &e) == OK);
			slow_write(i, 0x0f0, 0x1ff);
		}
	}
}

static void three_apics_do_what_three_slow_ones_do(void)
{
	for (int round = 0; round < ROUNDS && !test_failed; round++) {
		start_over();
		for (int n = 0; n < STEPS && !test_failed; n++) {
			step();
			for (uint32_t i = 0; i < SLOW_APICS; i++)
				agree(i);
			if (test_failed)
				printf("round %d, step %d\n", round, n);
		}
	}
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(three_apics_do_what_three_slow_ones_do);
	return test_failed;
}
