/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/msr.h - what a guest reads and writes by RDMSR, WRMSR and XSETBV.
 *
 * Model    A table lists what there is; everything else is #GP(0). A register is held by the
 *	    back-end, is a constant, or is emulated here. docs/cpu-policy.md has the list in words.
 *	    Registers that only a PC's kernel asks for exist for vCPUs with a PC only, so that our
 *	    own guests see as little as they need.
 *	    MTRRs are stored and checked, and have no effect: nested tables and PAT decide memory
 *	    types (deviation: SDM Vol. 3A, "Memory Type Range Registers (MTRRs)").
 *	    A guest with a PC may set its TSC: it moves its own offset, nobody else's time.
 *	    Without one, WRMSR to the TSC is #GP (deviation).
 *	    Privilege: the back-end reports these exits for CPL 0 only.
 * Source   SDM Vol. 4, "Architectural MSRs"; Vol. 2, "WRMSR", "XSETBV"; Vol. 3B, "Time-Stamp
 *	    Counter Adjustment"; Vol. 1, "Enabling the XSAVE Feature Set and XSAVE-Enabled
 *	    Features". APM Vol. 2, "Model-Specific Registers (MSRs)". Linux, "KVM-specific MSRs".
 * Units    now_tsc: host TSC.
 * Errors   ERR_INVAL: the guest gets #GP(0), and nothing has changed.
 * Sharing  The vCPU's core; the vCPU is loaded.
 */
#pragma once
#include "arch/x86/backend.h"

/* MTRRs as a PC's firmware leaves them: RAM cached, what is above GUEST_LOW_MAX not. */
void msr_reset(struct vcpu *v);

MUST_CHECK enum err msr_read(struct vcpu *v, const struct backend *b, uint32_t msr,
			     uint64_t now_tsc, uint64_t *value);
/*
 * `effect` gets what a write to the APIC asks of others. v->lapic.mode may have changed
 * (IA32_APIC_BASE): the caller tells the back-end.
 */
MUST_CHECK enum err msr_write(struct vcpu *v, const struct backend *b, uint32_t msr, uint64_t value,
			      uint64_t now_tsc, struct vlapic_effect *effect);

/* Checks and keeps it in v->xcr0; the caller loads XCR0, if the vCPU's state is loaded. */
MUST_CHECK enum err msr_xsetbv(struct vcpu *v, uint32_t xcr, uint64_t value);
