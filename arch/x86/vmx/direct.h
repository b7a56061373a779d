/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vmx/direct.h - a core's local APIC, lent to the guest that has the core to itself.
 *
 * Model    While lent, external interrupts and HLT do not exit: whatever the APIC delivers is the
 *	    guest's. It has the registers of running: TPR, PPR, EOI, ISR, IRR, SELF IPI, and
 *	    IA32_TSC_DEADLINE while its timer is in that mode and its TSC is the host's. All
 *	    others are v->lapic's, as without: ID, SVR, ICR, LVT, ESR, TMR and the counters (whose
 *	    input clock is not the CPU's) exit, and SVR, LVT timer and LVT error are shown to the
 *	    CPU after each write. LINT0, LINT1 and the rest of LVT stay masked in the CPU.
 *	    What is accepted in v->lapic's IRR (by an ICR, a counting timer, a device) moves on to
 *	    the CPU before the next entry. v->lapic's ISR stays empty, for the CPU has it.
 *	    The vCPU is lent from its APIC's entry into x2APIC mode on, unless something is in
 *	    service then, until INIT, restart, another mode, or until its core sleeps in the host.
 * Level    Only devices send level-triggered interrupts. Their vectors go to the CPU as edges, and
 *	    EOI exits while there is one whose end the I/O APIC waits for.
 * Senders  on other cores leave an interrupt in the mailbox first. If they find is_lent then, they
 *	    take out what is there and send it as IPIs; if not, the core is kicked and takes it.
 *	    is_lent is set before the mailbox is looked at (locked, both); and cleared before the
 *	    last senders are waited for, so nothing of theirs arrives in an APIC that is the host's
 *	    again. (On a CPU, an IPI under way may. By then the guest's APIC was reset; the host
 *	    counts it as a stray. Vectors below 32, exceptions to the host, are left to the core.)
 * Kicks    A vector would be the guest's: so kicks are NMIs (percpu.h, is_kicked_by_nmi). In the
 *	    guest, one exits. In the host, its handler arms the preemption timer with 0, so that the
 *	    next entry exits at once, and says so by must_exit. It may come
 *	    - before vmx_prepare() writes controls or timer: they are written over; the last thing
 *	      that vmx_prepare() does is to look at must_exit and to do the same again;
 *	    - behind that look, or in the fast path, which writes neither controls nor, as
 *	      hot.calm_and_timed stays 0, the timer: they stay, and the entry finds them;
 *	    - before an exit of another kind: hot.quiet is 0, so that vmx_prepare() is next;
 *	    - while the vCPU is not lent: the handler sends itself VECTOR_KICK, which is pending
 *	      until the host sleeps or a guest exits for it. direct_end() does so for must_exit.
 *	    The exit that follows is EXIT_IRQ, and must_exit is over: what was kicked for was there
 *	    before, and is looked at after.
 * Safety   ICR exits, so a guest reaches its own vCPUs only. NMIs exit whatever it blocks. No
 *	    interrupt of the host is ever sent to such a core; no device's MSI may be.
 * Source   SDM Vol. 3C, "External-Interrupt Exiting", "VMX-Preemption Timer", "MSR-Bitmap
 *	    Address"; Tu et al., "A Comprehensive Implementation and Evaluation of Direct
 *	    Interrupt Delivery" (VEE 2015).
 * Sharing  direct_notify(): any core. Everything else: the vCPU's own. All but create() and
 *	    notify(): loaded.
 */
#pragma once
#include "arch/x86/percpu.h"
#include "arch/x86/vmx/vmcs.h"

/* Decides v->is_direct; before apicv_create(). Boot core. */
MUST_CHECK enum err direct_create(struct vcpu *v, const struct vcpu_setup *setup);
/* The APIC's mode may be another one, or its registers were reset. */
void direct_mode_changed(struct vcpu *v);
/* The APIC is the host's, and what was in it v->lapic's. Nothing to do where it is not lent. */
void direct_end(struct vcpu *v);

/* A register that exits was written, or v->tsc_offset: what follows for the CPU's. */
void direct_written(struct vcpu *v);
/* What v->lapic must know before the guest's WRMSR is carried out on it. */
void direct_before_write(struct vcpu *v, uint32_t msr, uint64_t value);

/* Before an entry that is not simple: what is posted, and what has changed. */
void direct_prepare(struct vcpu *v);
bool direct_notify(struct vcpu *v);

/* From an NMI at any time, while it is lent. */
void direct_force_exit(struct vcpu *v);

/* Nothing is written to the VMCS between this and the entry. */
static inline void direct_end_of_prepare(struct vcpu *v)
{
	v->hot.calm_and_timed = 0;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (percpu()->must_exit)
		direct_force_exit(v);
}

/* Is this exit one that an NMI has forced? It is over then. */
static inline bool direct_is_kicked(void)
{
	struct percpu *const p = percpu();

	if (!__atomic_load_n(&p->must_exit, __ATOMIC_RELAXED))
		return false;
	__atomic_store_n(&p->must_exit, false, __ATOMIC_RELAXED);
	return true;
}
