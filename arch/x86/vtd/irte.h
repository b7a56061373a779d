/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vtd/irte.h - the words of interrupt remapping. Pure.
 *
 * Every entry verifies all 16 bits of the requester ID (SVT 01b, SQ 00b), so that no device
 * raises another one's interrupts. Delivery is fixed, edge-triggered, to one physical APIC ID.
 * Source   VT-d, "Interrupt Remapping Table Entry (IRTE) for Remapped Interrupts", "Interrupt
 *	    Remapping Table Entry (IRTE) for Posted Interrupts", "Interrupt Requests in
 *	    Remappable Format".
 */
#pragma once
#include "arch/iommu.h"
#include "arch/x86/vtd/unit.h"

struct vtd_entry vtd_irte_remapped(uint16_t requester, uint32_t apic_id, enum vtd_apic_mode targets,
				   uint8_t vector);
/* `descriptor`: physical address, 64-byte aligned. Not urgent: SN holds it back. */
struct vtd_entry vtd_irte_posted(uint16_t requester, uint64_t descriptor, uint8_t vector);

/*
 * The message for entry `index`. It asks for the data to be added: a device with several messages
 * of one MSI capability puts their number there, and MSI-X entries have 0.
 */
struct irq_msi vtd_irte_msi(uint32_t index);

/*
 * Replaces a present or absent entry, as one store of 128 bits: hardware never sees half of it.
 * One writer at a time.
 */
void vtd_irte_store(struct vtd_entry *at, struct vtd_entry entry);
