/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vioapic.h - the virtual I/O APIC: 24 pins, version 20H, with an EOI register.
 *
 * Model    Index and window registers at +00H and +10H, EOI at +40H. A pin is driven by lines;
 *	    an edge entry sends once per rising edge, a level entry whenever line, unmasked and
 *	    remote IRR clear. Messages to send are collected in a bitmap of pins and taken by
 *	    vioapic_take(), so a register write costs bounded work.
 * Source   Intel 82093AA data sheet, "Register Description"; ICH9 data sheet, "IOxAPIC".
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
	uint8_t index;
	uint8_t id;
};

void vioapic_init(struct vioapic *a);
/* 32-bit accesses; `offset` within the page. */
uint32_t vioapic_read(const struct vioapic *a, uint32_t offset);
void vioapic_write(struct vioapic *a, uint32_t offset, uint32_t value);
void vioapic_set_line(struct vioapic *a, uint32_t pin, bool level);
/* A local APIC has ended the level-triggered interrupt `vector`. */
void vioapic_end_of_interrupt(struct vioapic *a, uint8_t vector);
/* The next message to send; false: there is none. */
bool vioapic_take(struct vioapic *a, struct irq_message *message);

/* Would an edge on this pin be sent: not masked. */
static inline bool vioapic_is_open(const struct vioapic *a, uint32_t pin)
{
	return !(a->entries[pin] & BIT64(16));
}
