/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/apic.h - the host's local APIC (xAPIC or x2APIC) and host interrupt vectors.
 *
 * Interrupts are off in the hypervisor. They are taken in two places only: in
 * arch_clock_idle(), and by the back-ends right after a VM exit for an external interrupt.
 * Both end in irq_serve(vector), which also does the EOI.
 */
#pragma once
#include "core/lib/base.h"

#define VECTOR_TIMER 0xe0u /* APIC timer: a deadline has come */
#define VECTOR_KICK  0xe1u /* another core wants this one to look around */
#define VECTOR_HALT  0xe2u /* panic on another core: stop for ever */
/* Something was posted for a vCPU of this core that does not run: arch_vcpu_interrupted() */
#define VECTOR_WAKEUP 0xe3u
/*
 * To VT-x's posted interrupts (vmx/apicv.h). In a class of its own above the others, so that TPR
 * can let it through alone. Taken by the hypervisor, it says that the next entry must look.
 */
#define VECTOR_POSTED   0xf0u
#define VECTOR_SPURIOUS 0xffu

/* Serves host interrupt `vector` and acknowledges it. Bounded. */
void irq_serve(uint8_t vector);
/*
 * An NMI: a kick, where a guest may have the local APIC; else counted; or, once a core has
 * panicked, this one stops. A back-end whose guest exits
 * for an NMI executes INT 2, which ends here and, by its IRET, unblocks NMIs again.
 */
void nmi_serve(void);

/* NDST of a posted-interrupt descriptor (io/pi.h) for this core. */
uint32_t apic_notice_destination(core_id_t core);
/* Makes the core with this APIC ID look at the descriptor of the guest that it runs. */
void apic_send_posted(uint32_t to);
/* Takes VECTOR_POSTED if it is pending here, and nothing else but what is above it. */
void apic_absorb_posted(void);

/*
 * One-shot timer of this core, absolute. Arming for the time already armed costs nothing;
 * a time in the past fires at once. Never early by more than the caller can see: who wakes
 * looks at the clock.
 */
void apic_timer_arm(uint64_t at_tsc);
/* Costs a load and a compare where nothing is armed. */
void apic_timer_disarm(void);
