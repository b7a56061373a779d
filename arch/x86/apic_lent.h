/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/apic_lent.h - the registers of a local APIC that a guest has for a time.
 *
 * Model    apic_lend() leaves nothing of the host's in it; apic_take_back() nothing of the guest's.
 *	    In between, the host uses it to send and for nothing else, and takes no interrupt on
 *	    this core but NMIs. x2APIC mode, and the timer in TSC-deadline mode, always.
 * Source   SDM Vol. 3A, "Advanced Programmable Interrupt Controller (APIC)".
 * Units    *_tsc: host TSC ticks.
 * Sharing  Each core for itself, but for apic_send_vectors().
 */
#pragma once
#include "core/lib/base.h"

struct apic_contents {
	uint32_t irr[8], isr[8];
	uint32_t tpr;
};

/* It has what this takes. The same on every core. */
bool apic_can_be_lent(void);

void apic_lend(void);
void apic_take_back(struct apic_contents *left);

void apic_lent_set_tpr(uint32_t value);
void apic_lent_set_svr(uint32_t value);
/* Both of the manual's format. The timer's mode is TSC-deadline. */
void apic_lent_set_timer(uint32_t lvt);
void apic_lent_set_error(uint32_t lvt);
void apic_lent_arm(uint64_t deadline_tsc);
/* What it was armed for, or 0. It will not go off any more. */
uint64_t apic_lent_disarm(void);
/* Bits of ESR since the last call. */
uint32_t apic_lent_take_errors(void);
/* The vector whose service has ended, or -1. */
int apic_lent_end_of_interrupt(void);
/* An interrupt for the guest of this core. */
void apic_lent_post(uint8_t vector);
/* For the guest that has the APIC of this ID. */
void apic_send_vectors(uint32_t to, const uint64_t vectors[4]);
