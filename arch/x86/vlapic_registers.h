/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vlapic_registers.h - what the parts of a virtual local APIC share; for vlapic*.c only.
 *
 * Source   SDM Vol. 3A, "Spurious-Interrupt Vector Register (SVR)", "Error Status Register (ESR)".
 */
#pragma once
#include "arch/x86/vlapic.h"

#define REG(l, offset) ((l)->registers[(offset) / 4])

/* Bits 9 and 12 are for features not offered. */
#define SVR_ENABLED                BIT32(8)
#define SVR_WRITABLE               UINT32_C(0x1ff)

#define ESR_SEND_ILLEGAL_VECTOR    BIT32(5)
#define ESR_RECEIVE_ILLEGAL_VECTOR BIT32(6)
#define ESR_ILLEGAL_REGISTER       BIT32(7)

#define ID_SHIFT                   24u /* xAPIC: ID and LDR are in bits 31:24 */

static inline bool vlapic_software_enabled(const struct vlapic *l)
{
	return REG(l, APIC_SVR) & SVR_ENABLED;
}

/* A legal, edge-triggered vector arrives. */
void vlapic_accept_in_irr(struct vlapic *l, uint32_t vector);
void vlapic_error(struct vlapic *l, uint32_t esr_bits);
/* Sets has_level_eoi of the effect where it is so. */
void vlapic_end_of_interrupt(struct vlapic *l, struct vlapic_effect *effect);
void vlapic_set_tpr(struct vlapic *l, uint32_t tpr);
/* PPR as it is now, also where APICv keeps ISR. */
uint32_t vlapic_compute_priority(const struct vlapic *l);
