/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/pc/vpic.h"

#define MASTER   0u
#define SLAVE    1u
#define CASCADE  2u /* the master's IR of the slave */
#define SPURIOUS 7u /* 8259A: "a default IR7 will occur" */
#define NO_IR    8u

/* Lines that are edges for ever: ICH9, "ELCR1", "ELCR2". */
#define ELCR_MASTER        0xf8u
#define ELCR_SLAVE         0xdeu
#define ELCR_SLAVE_INITIAL 0x02u /* the SCI, as firmware leaves it */

/* Where a PC's firmware leaves them. */
#define MASTER_BASE    0x08u
#define SLAVE_BASE     0x70u

#define ICW1           0x10u /* at A0 = 0 */
#define ICW1_IC4       0x01u
#define ICW1_SNGL      0x02u
#define ICW2_BASE      0xf8u
#define ICW4_AEOI      0x02u
#define ICW4_SFNM      0x10u

#define OCW2_LEVEL     0x07u
#define OCW2_EOI       0x20u
#define OCW2_SL        0x40u
#define OCW2_R         0x80u

#define OCW3           0x08u
#define OCW3_RIS       0x01u
#define OCW3_RR        0x02u
#define OCW3_POLL      0x04u
#define OCW3_SMM       0x20u
#define OCW3_ESMM      0x40u

#define POLL_INTERRUPT 0x80u

/* How far `level` is from the highest priority: 0 .. 7. */
static uint32_t rank(const struct vpic_chip *c, uint32_t level)
{
	return (level - c->lowest - 1) & 7;
}

/* The level of highest priority in `set`, or NO_IR. */
static uint32_t highest(const struct vpic_chip *c, uint32_t set)
{
	const uint32_t first = (c->lowest + 1u) & 7;

	if (set == 0)
		return NO_IR;
	return (first + (uint32_t)__builtin_ctz((set | set << 8) >> first)) & 7;
}

/*
 * "Fully Nested Mode": a request passes if it has a higher priority than all in service.
 * "Special Mask Mode": masked levels in service hold nobody up. "Special Fully Nested Mode":
 * the slave in service does not hold up itself.
 */
static uint32_t request(const struct vpic_chip *c, bool is_master)
{
	const uint32_t level = highest(c, c->irr & (uint32_t)~c->imr);
	const uint32_t blocking = c->is_special_mask ? c->isr & (uint32_t)~c->imr : c->isr;
	const uint32_t in_service = highest(c, blocking);

	if (level == NO_IR || c->icw_expected != 0)
		return NO_IR;
	if (in_service == NO_IR || rank(c, level) < rank(c, in_service))
		return level;
	if (is_master && c->is_special_fully_nested && level == CASCADE && in_service == CASCADE)
		return level;
	return NO_IR;
}

/* After every change: the slave's output is the master's line, and the master's is INTR. */
static void update(struct vpic *p)
{
	struct vpic_chip *const master = &p->chips[MASTER];

	master->irr &= (uint8_t)~BIT32(CASCADE);
	if (request(&p->chips[SLAVE], false) != NO_IR)
		master->irr |= (uint8_t)BIT32(CASCADE);
	p->output = request(master, true) != NO_IR;
}

void vpic_init(struct vpic *p)
{
	*p = (struct vpic){
		.chips = { { .imr = 0xff, .vector_base = MASTER_BASE, .lowest = 7 },
			   { .imr = 0xff,
			     .vector_base = SLAVE_BASE,
			     .lowest = 7,
			     .elcr = ELCR_SLAVE_INITIAL } },
	};
}

void vpic_set_line(struct vpic *p, uint32_t irq, bool level)
{
	struct vpic_chip *const c = &p->chips[irq / 8 & 1];
	const uint8_t bit = (uint8_t)BIT32(irq % 8);

	if (level) {
		/* An edge, or a level: a request either way. A line that stays high is neither. */
		c->irr |= (uint8_t)(bit & (c->elcr | ~c->lines));
		c->lines |= bit;
	} else {
		c->irr &= (uint8_t)~bit;
		c->lines &= (uint8_t)~bit;
	}
	update(p);
}

/* "Interrupt Sequence": the chosen level goes into service; an edge is used up by that. */
static uint32_t acknowledge(struct vpic_chip *c, bool is_master)
{
	const uint32_t level = request(c, is_master);
	const uint8_t bit = (uint8_t)BIT32(level & 7);

	if (level == NO_IR)
		return NO_IR;
	c->irr &= (uint8_t) ~(bit & ~c->elcr);
	if (!c->is_auto_eoi)
		c->isr |= bit;
	else if (c->is_auto_rotating)
		c->lowest = (uint8_t)level;
	return level;
}

uint8_t vpic_acknowledge(struct vpic *p)
{
	struct vpic_chip *c = &p->chips[MASTER];
	uint32_t level = acknowledge(c, true);

	if (level == CASCADE) {
		c = &p->chips[SLAVE];
		level = acknowledge(c, false);
	}
	update(p);
	return (uint8_t)(c->vector_base + (level == NO_IR ? SPURIOUS : level));
}

/* "Poll Command": the read is the acknowledge. */
static uint8_t poll(struct vpic *p, struct vpic_chip *c)
{
	const uint32_t level = acknowledge(c, c == &p->chips[MASTER]);

	c->is_polled = false;
	update(p);
	return level == NO_IR ? SPURIOUS : (uint8_t)(POLL_INTERRUPT | level);
}

uint8_t vpic_read(struct vpic *p, uint16_t port)
{
	struct vpic_chip *const c = &p->chips[(port & ~1u) != PC_PIC_MASTER];

	if ((port & ~1u) == PC_ELCR)
		return p->chips[port & 1].elcr;
	if (c->is_polled)
		return poll(p, c);
	if (port & 1)
		return c->imr;
	return c->reads_isr ? c->isr : c->irr;
}

/* Lines that become levels are requests as they stand; ones that become edges are not. */
static void write_elcr(struct vpic_chip *c, uint8_t elcr)
{
	const uint32_t changed = c->elcr ^ elcr;

	c->irr = (uint8_t)((c->irr & ~changed) | (changed & elcr & c->lines));
	c->elcr = elcr;
}

/* "Initialization Command Words": what ICW1 clears. The next rise is the next edge. */
static void write_icw1(struct vpic_chip *c, uint8_t value)
{
	c->irr = c->lines & c->elcr;
	c->isr = 0;
	c->imr = 0;
	c->lowest = 7;
	c->is_special_mask = false;
	c->is_polled = false;
	c->reads_isr = false;
	c->is_auto_rotating = false;
	c->is_auto_eoi = false;
	c->is_special_fully_nested = false;
	c->needs_icw3 = !(value & ICW1_SNGL);
	c->needs_icw4 = value & ICW1_IC4;
	c->icw_expected = 2;
}

/* At A0 = 1. ICW3 is accepted and means nothing: the cascade is wired. */
static void write_icw(struct vpic_chip *c, uint8_t value)
{
	switch (c->icw_expected) {
	case 2:
		c->vector_base = value & ICW2_BASE;
		c->icw_expected = c->needs_icw3 ? 3 : c->needs_icw4 ? 4 : 0;
		break;
	case 3:
		c->icw_expected = c->needs_icw4 ? 4 : 0;
		break;
	default:
		c->is_auto_eoi = value & ICW4_AEOI;
		c->is_special_fully_nested = value & ICW4_SFNM;
		c->icw_expected = 0;
		break;
	}
}

/* A non-specific EOI in special mask mode does not see levels that are masked. */
static void end_of_interrupt(struct vpic_chip *c, uint8_t value)
{
	const uint32_t visible = c->is_special_mask ? c->isr & (uint32_t)~c->imr : c->isr;
	const uint32_t level = value & OCW2_SL ? value & OCW2_LEVEL : highest(c, visible);

	if (level == NO_IR)
		return;
	c->isr &= (uint8_t)~BIT32(level);
	if (value & OCW2_R)
		c->lowest = (uint8_t)level;
}

static void write_ocw2(struct vpic_chip *c, uint8_t value)
{
	if (value & OCW2_EOI)
		end_of_interrupt(c, value);
	else if (!(value & OCW2_SL))
		c->is_auto_rotating = value & OCW2_R;
	else if (value & OCW2_R)
		c->lowest = value & OCW2_LEVEL;
}

static void write_ocw3(struct vpic_chip *c, uint8_t value)
{
	if (value & OCW3_ESMM)
		c->is_special_mask = value & OCW3_SMM;
	c->is_polled = value & OCW3_POLL;
	if (value & OCW3_RR)
		c->reads_isr = value & OCW3_RIS;
}

static void write_chip(struct vpic_chip *c, uint32_t a0, uint8_t value)
{
	if (a0 && c->icw_expected != 0)
		write_icw(c, value);
	else if (a0)
		c->imr = value;
	else if (value & ICW1)
		write_icw1(c, value);
	else if (value & OCW3)
		write_ocw3(c, value);
	else
		write_ocw2(c, value);
}

void vpic_write(struct vpic *p, uint16_t port, uint8_t value)
{
	if ((port & ~1u) == PC_ELCR)
		write_elcr(&p->chips[port & 1], value & (port & 1 ? ELCR_SLAVE : ELCR_MASTER));
	else
		write_chip(&p->chips[(port & ~1u) != PC_PIC_MASTER], port & 1, value);
	update(p);
}
