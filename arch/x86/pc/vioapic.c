/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/pc/vioapic.h"

#define REG_INDEX         0x00u /* "I/O Register Select Register" */
#define REG_WINDOW        0x10u /* "I/O Window Register" */
#define REG_EOI           0x40u /* ICH9: "EOIR: EOI Register"; write only */

#define INDEX_ID          0x00u
#define INDEX_VERSION     0x01u
#define INDEX_ARBITRATION 0x02u
#define INDEX_ENTRIES     0x10u /* two for each entry: low, high */

#define VERSION           (UINT32_C(0x20) | (PC_IOAPIC_PINS - 1) << 16)
#define ID_SHIFT          24
#define ID_BITS           0x0fu

/* "I/O Redirection Table Registers". */
#define ENTRY_VECTOR         UINT64_C(0xff)
#define ENTRY_DELIVERY_SHIFT 8
#define ENTRY_DELIVERY_BITS  7u
#define ENTRY_LOGICAL        BIT64(11)
#define ENTRY_REMOTE_IRR     BIT64(14) /* r; so is the delivery status, bit 12: always 0 here */
#define ENTRY_LEVEL          BIT64(15)
#define ENTRY_MASKED         BIT64(16)
#define ENTRY_WRITABLE       UINT64_C(0xff0000000001afff)
#define ENTRY_DEST_SHIFT     56
#define DEST_BROADCAST       0xffu

static uint32_t entry_delivery(uint64_t entry)
{
	return (uint32_t)(entry >> ENTRY_DELIVERY_SHIFT) & ENTRY_DELIVERY_BITS;
}

/* "Delivery Mode": the modes that are not vectored are edge-triggered whatever the entry says. */
static bool is_level(uint64_t entry)
{
	return (entry & ENTRY_LEVEL) && entry_delivery(entry) <= IRQ_LOWEST;
}

/* Is there a level to report? */
static bool wants_level(const struct vioapic *a, uint32_t pin)
{
	const uint64_t entry = a->entries[pin];

	return is_level(entry) && !(entry & (ENTRY_MASKED | ENTRY_REMOTE_IRR)) &&
	       (a->lines & BIT32(pin));
}

/* "Remote IRR: set .. when local APIC(s) accept the level interrupt": until then it is tried. */
static void try_again(struct vioapic *a)
{
	uint32_t refused = a->refused;

	a->refused = 0;
	for (; refused != 0; refused &= refused - 1)
		if (wants_level(a, (uint32_t)__builtin_ctz(refused)))
			a->due |= refused & -refused;
}

void vioapic_init(struct vioapic *a)
{
	*a = (struct vioapic){ .id = PC_IOAPIC_ID };
	for (uint32_t pin = 0; pin < PC_IOAPIC_PINS; pin++)
		a->entries[pin] = ENTRY_MASKED;
}

static uint32_t read_window(const struct vioapic *a)
{
	const uint32_t half = a->index - INDEX_ENTRIES;

	if (half < 2 * PC_IOAPIC_PINS)
		return (uint32_t)(a->entries[half / 2] >> (half & 1) * 32);
	switch (a->index) {
	case INDEX_ID:
	case INDEX_ARBITRATION: /* "loaded when the I/O APIC ID Register is written" */
		return (uint32_t)a->id << ID_SHIFT;
	case INDEX_VERSION:
		return VERSION;
	default:
		return 0;
	}
}

uint32_t vioapic_read(const struct vioapic *a, uint32_t offset)
{
	if (offset == REG_WINDOW)
		return read_window(a);
	return offset == REG_INDEX ? a->index : 0;
}

/*
 * An entry that is made edge-triggered forgets its remote IRR: software clears it so on chips
 * without an EOI register. Masking takes back what was due and not taken.
 */
static void write_entry(struct vioapic *a, uint32_t pin, uint64_t value)
{
	const uint64_t remote_irr = a->entries[pin] & ENTRY_REMOTE_IRR;
	uint64_t entry = value & ENTRY_WRITABLE;

	if (entry & ENTRY_LEVEL)
		entry |= remote_irr;
	a->entries[pin] = entry;
	if (wants_level(a, pin))
		a->due |= BIT32(pin);
	else if (is_level(entry) || (entry & ENTRY_MASKED))
		a->due &= ~BIT32(pin);
	try_again(a);
}

static void write_window(struct vioapic *a, uint32_t value)
{
	const uint32_t half = a->index - INDEX_ENTRIES;

	if (half < 2 * PC_IOAPIC_PINS) {
		const uint32_t pin = half / 2, shift = (half & 1) * 32;
		const uint64_t kept = a->entries[pin] & ~(UINT64_C(0xffffffff) << shift);

		write_entry(a, pin, kept | (uint64_t)value << shift);
	} else if (a->index == INDEX_ID) {
		a->id = value >> ID_SHIFT & ID_BITS;
	}
}

void vioapic_write(struct vioapic *a, uint32_t offset, uint32_t value)
{
	switch (offset) {
	case REG_INDEX:
		a->index = (uint8_t)value;
		break;
	case REG_WINDOW:
		write_window(a, value);
		break;
	case REG_EOI:
		vioapic_end_of_interrupt(a, (uint8_t)value);
		break;
	default:
		break;
	}
}

void vioapic_set_line(struct vioapic *a, uint32_t pin, bool level)
{
	const uint32_t bit = BIT32(pin);
	const bool rises = level && !(a->lines & bit);

	if (level)
		a->lines |= bit;
	else
		a->lines &= ~bit;
	if (is_level(a->entries[pin])) {
		if (wants_level(a, pin))
			a->due |= bit;
		else
			a->due &= ~bit;
	} else if (rises && !(a->entries[pin] & ENTRY_MASKED)) {
		a->due |= bit;
	}
	try_again(a);
}

/* "EOIR": every entry with this vector has its remote IRR cleared; a level that stays sends anew. */
void vioapic_end_of_interrupt(struct vioapic *a, uint8_t vector)
{
	try_again(a);
	for (uint32_t pin = 0; pin < PC_IOAPIC_PINS; pin++) {
		const uint64_t entry = a->entries[pin];

		if (!(entry & ENTRY_REMOTE_IRR) || (entry & ENTRY_VECTOR) != vector)
			continue;
		a->entries[pin] = entry & ~ENTRY_REMOTE_IRR;
		if (wants_level(a, pin))
			a->due |= BIT32(pin);
	}
}

/* 011b and 110b are reserved: nothing is sent. */
static bool is_sendable(uint32_t delivery)
{
	return delivery != 3 && delivery != IRQ_STARTUP;
}

bool vioapic_take(struct vioapic *a, struct irq_message *message)
{
	while (a->due != 0) {
		const uint32_t pin = (uint32_t)__builtin_ctz(a->due);
		const uint64_t entry = a->entries[pin];
		const uint8_t destination = (uint8_t)(entry >> ENTRY_DEST_SHIFT);

		a->due &= a->due - 1;
		if (!is_sendable(entry_delivery(entry)))
			continue;
		*message = (struct irq_message){
			.vector = (uint8_t)entry,
			.delivery = (uint8_t)entry_delivery(entry),
			.shorthand = IRQ_TO_DESTINATION,
			.is_logical = entry & ENTRY_LOGICAL,
			.is_level = is_level(entry),
			.destination = destination == DEST_BROADCAST ? IRQ_BROADCAST : destination,
		};
		if (message->is_level)
			a->entries[pin] |= ENTRY_REMOTE_IRR;
		a->taken = (uint8_t)pin;
		return true;
	}
	return false;
}

void vioapic_was_refused(struct vioapic *a)
{
	a->entries[a->taken] &= ~ENTRY_REMOTE_IRR;
	a->refused |= BIT32(a->taken);
}

bool vioapic_listens(const struct vioapic *a, uint32_t pin)
{
	return !(a->entries[pin] & ENTRY_MASKED);
}
