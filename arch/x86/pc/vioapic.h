/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/pc/vioapic.h - the virtual I/O APIC: 24 pins, version 20H, with an EOI register.
 *
 * Model    Index and window registers at +00H and +10H, EOI at +40H. A pin is driven by a logical
 *	    level, high meaning asserted: the polarity bit is stored and has no other meaning.
 *	    An edge entry sends once per rising edge while unmasked; an edge at a masked pin is
 *	    lost. A level entry sends whenever its line is high, it is unmasked and its remote IRR
 *	    is clear; sending sets remote IRR, an EOI of its vector or making it an edge entry
 *	    clears it. One that nobody has accepted leaves it clear, and is sent again when an
 *	    entry, a line, or an EOI has changed something. Pins with a message to send are a bitmap, taken by vioapic_take(), so that
 *	    each operation costs bounded work; with an empty one, `due` is 0.
 * Source   Intel 82093AA data sheet, "Register Description"; ICH9 data sheet, "Advanced
 *	    Programmable Interrupt Controller (APIC)".
 * Errors   None: unknown registers read 0, writes to them are lost.
 * Sharing  Under the partition's lock.
 */
#pragma once
#include "arch/x86/pc/map.h"
#include "arch/x86/vlapic.h"

struct vioapic {
	uint64_t entries[PC_IOAPIC_PINS]; /* "I/O Redirection Table Registers" */
	uint32_t lines;                   /* levels of the pins */
	uint32_t due;                     /* pins with a message to send */
	uint32_t refused;                 /* pins whose level nobody has accepted */
	uint8_t taken;                    /* the pin that vioapic_take() gave last */
	uint8_t index;
	uint8_t id;
};

void vioapic_init(struct vioapic *a);
/* 32-bit accesses; `offset` within the page. */
uint32_t vioapic_read(const struct vioapic *a, uint32_t offset);
/* Take what has become due afterwards. */
void vioapic_write(struct vioapic *a, uint32_t offset, uint32_t value);
void vioapic_set_line(struct vioapic *a, uint32_t pin, bool level);
/* A local APIC has ended the level-triggered interrupt `vector`. */
void vioapic_end_of_interrupt(struct vioapic *a, uint8_t vector);
/* The next message to send; false: there is none. */
bool vioapic_take(struct vioapic *a, struct irq_message *message);
/* No local APIC has accepted the level-triggered message that was taken last. */
void vioapic_was_refused(struct vioapic *a);
/* Would an edge at `pin` be sent? If not, nobody need wake up for it. */
bool vioapic_listens(const struct vioapic *a, uint32_t pin);
