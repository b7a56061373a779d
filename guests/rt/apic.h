/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/rt/apic.h - the local APIC of a guest in x2APIC mode, its timer, and waiting.
 *
 * Model    The timer runs in TSC-deadline mode where CPUID offers it, else one-shot, which at
 *	    divide configuration 1 counts TSC ticks (guests/abi.h). One-shot may fire early:
 *	    its count has 32 bits. Whoever arms looks at the clock when it fires.
 *	    The timer has one owner at a time. Without one it just ends apic_pause().
 * Source   SDM Vol. 3A, "Extended XAPIC (x2APIC)", "TSC-Deadline Mode", "One-Shot Mode".
 * Units    *_tsc: ticks of the guest's TSC, absolute.
 */
#pragma once
#include <stdint.h>
#include "guests/rt/trap.h"

void apic_init(void); /* on every CPU */
void apic_eoi(void);
void apic_send_self(uint8_t vector);
/* To another CPU. Its APIC ID is its index: guests/abi.h. Stores made before are seen there. */
void apic_send(uint32_t cpu, uint8_t vector);
void apic_send_init(uint32_t cpu);
void apic_send_start_up(uint32_t cpu, uint8_t page); /* begins at page << 12, real mode */

/* A time that has passed fires at once. */
void apic_timer_arm(uint64_t at_tsc);
void apic_timer_disarm(void);
/* From now on `handler` takes every timer interrupt, EOI included. NULL gives it back. */
void apic_timer_own(trap_fn *handler);

/*
 * Sleeps until `at_tsc`, or earlier when any interrupt comes: callers loop. Works with
 * interrupts off too, and then lets them in while it sleeps. With the timer owned by
 * another, it sleeps until the next interrupt.
 */
void apic_pause(uint64_t at_tsc);
