/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/svm/svm.h - what the files of the AMD-V back-end share.
 *
 * GIF      The hypervisor runs with GIF = 1, IF = 0: NMIs and machine checks are taken at
 *	    once, interrupts are not. GIF is 0 from before the guest's GS and TR are loaded
 *	    until after the host's are back, so that no handler ever sees the guest's.
 *	    Within, IF is 1: with V_INTR_MASKING, the host's IF at VMRUN says whether physical
 *	    interrupts intercept ("Physical Interrupt Masking in EFLAGS").
 * Interrupts  that arrived while the guest ran are still pending after #VMEXIT(INTR). The
 *	    only window in which the host's IDT takes them is STGI; NOP; CLI after that exit.
 * Virtual interrupts  need no exit: V_IRQ with vector and priority stays in the VMCB until
 *	    the guest takes it by its IF, shadow and CR8; V_IRQ gone after #VMEXIT says it did.
 * Stack    VMRUN keeps the host's RSP in the host save area. The vCPU's pointer lies on that
 *	    stack, for percpu() is not there until VMLOAD has brought GS back; the address of
 *	    the page that VMLOAD takes it from is in the vCPU (host_hpa).
 */
#pragma once
#include "arch/x86/backend.h"
#include "arch/x86/svm/vmcb.h"

struct svm_vcpu {
	uint32_t vintr; /* as the guest was entered with */
	uint32_t vintr_vector;
	uint32_t flush;   /* TLB_*, for the next entry */
	bool shares_asid; /* flush when it is loaded */
};

/* Address of the permission maps, the same for all guests. [I] after probe */
extern uint8_t svm_msrpm[MSRPM_BYTES];
extern uint8_t svm_iopm[IOPM_BYTES];

void svm_enter(struct vcpu *v, uint64_t deadline_tsc, struct exit_info *out);
void svm_skip_insn(struct vcpu *v);
void svm_inject(struct vcpu *v, enum vcpu_fault fault);
