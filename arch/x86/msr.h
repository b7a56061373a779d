/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/msr.h - what a guest reads and writes by RDMSR, WRMSR and XSETBV.
 *
 * Model    A list of what is allowed; everything else is #GP(0). The TSC cannot be written:
 *	    time is not the guest's to set (deviation: "WRMSR to IA32_TIME_STAMP_COUNTER"
 *	    exists on every CPU; no system we run uses it, as IA32_TSC_ADJUST is not offered).
 *	    IA32_APIC_BASE takes only the value it has: the APIC is in x2APIC mode for ever.
 *	    Privilege: the back-end reports these exits for CPL 0 only.
 * Source   SDM Vol. 4, "Architectural MSRs"; Vol. 2, "WRMSR", "XSETBV";
 *	    Vol. 1, "Enabling the XSAVE Feature Set and XSAVE-Enabled Features".
 * Units    now_tsc: host TSC.
 * Errors   ERR_INVAL: the guest gets #GP(0), and nothing has changed.
 * Sharing  The vCPU's core.
 */
#pragma once
#include "arch/x86/backend.h"

/* What power-on leaves in the registers that struct vcpu holds for this module (MTRRs). */
void msr_reset(struct vcpu *v);

MUST_CHECK enum err msr_read(struct vcpu *v, const struct backend *b, uint32_t msr,
			     uint64_t now_tsc, uint64_t *value);
/* `effect` gets what a write to the APIC asks of others. */
MUST_CHECK enum err msr_write(struct vcpu *v, const struct backend *b, uint32_t msr, uint64_t value,
			      uint64_t now_tsc, struct vlapic_effect *effect);

/* Checks and keeps it in v->xcr0; the caller loads XCR0, if the vCPU's state is loaded. */
MUST_CHECK enum err msr_xsetbv(struct vcpu *v, uint32_t xcr, uint64_t value);
