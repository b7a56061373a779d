/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/pc/vpic.h - the two 8259A interrupt controllers of a PC, cascaded at IRQ 2.
 *
 * Model    ICW1-4, OCW1-3, edge and level (ELCR), automatic and specific EOI, rotation, special
 *	    mask, special fully nested mode, polling, spurious interrupts. Lines in; one output to
 *	    the first CPU's LINT0. As on the chip a request lasts only as long as its line: a line
 *	    that falls before the acknowledge leaves a spurious IR7. The slave's output is the
 *	    master's IR2; both are worked out together, so that a spurious IR7 of the slave can
 *	    only be seen by polling it.
 *	    After vpic_init() all is masked and the vectors are where firmware leaves them.
 * Source   Intel 8259A data sheet; ICH9 data sheet, "8259 Interrupt Controllers (PIC)".
 * Errors   None: every byte written means something.
 * Sharing  Under the partition's lock.
 */
#pragma once
#include "arch/x86/pc/map.h"

struct vpic_chip {
	uint8_t irr, isr, imr, lines, elcr;
	uint8_t vector_base;  /* ICW2 */
	uint8_t icw_expected; /* 0: none, else the number of the ICW that comes next */
	uint8_t lowest;       /* the IRQ with the lowest priority, for rotation */
	bool needs_icw3, needs_icw4;
	bool is_auto_eoi, is_auto_rotating, is_special_mask, is_polled, reads_isr;
	bool is_special_fully_nested;
};

struct vpic {
	struct vpic_chip chips[2]; /* master, slave */
	bool output;               /* INTR */
};

void vpic_init(struct vpic *p);
/* Ports 20H, 21H, A0H, A1H, 4D0H, 4D1H; one byte. */
uint8_t vpic_read(struct vpic *p, uint16_t port);
void vpic_write(struct vpic *p, uint16_t port, uint8_t value);
void vpic_set_line(struct vpic *p, uint32_t irq, bool level);
/* The interrupt acknowledge cycle: the vector; a spurious one if nothing is left. */
uint8_t vpic_acknowledge(struct vpic *p);

/* Of IMR or ELCR: no request is looked at, and nothing changes. */
static inline bool vpic_read_is_plain(const struct vpic *p, uint16_t port)
{
	if ((port & ~1u) == PC_ELCR)
		return true;
	return (port & 1) && !p->chips[(port & ~1u) != PC_PIC_MASTER].is_polled;
}

/* Is INTR high? */
static inline bool vpic_output(const struct vpic *p)
{
	return p->output;
}

/* Could a rise of `irq` be seen as an interrupt? If not, nobody need wake up for it. */
static inline bool vpic_listens(const struct vpic *p, uint32_t irq)
{
	return !(p->chips[irq / 8 & 1].imr >> irq % 8 & 1);
}
