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
	uint32_t flush;         /* TLB_*, for the next entry */
	uint32_t cr_intercepts; /* INTERCEPT_CR_*, but of CR8 */
	bool shares_asid;       /* flush when it is loaded */
	bool has_rare;          /* flush, NMI blocking, step, ExtINT: see svm_show_events() */
	bool has_extint;        /* entered with an interrupt of the 8259 */
	bool is_nmi_blocked;    /* from an NMI's injection to the end of the next IRET */
	bool is_at_iret;        /* it was intercepted: the step is over it */
	bool is_at_msw;         /* the step is over LMSW or SMSW */
	bool wants_step;        /* at the next entry */
	bool is_stepping;       /* one instruction, by RFLAGS.TF */
	bool guest_tf;          /* the guest's own, before the step */
	uint64_t step_rip;      /* of the instruction to be stepped over */
	uint64_t step_dr6;      /* the guest's, before the step */
	uint64_t cr0_hidden;    /* CD, NW as the guest has set them: the CPU's are clear */
	uint64_t cr4_added;     /* MCE if the guest has it clear: the CPU's is set */
};

#define VECTOR_DB              1u
#define VECTOR_NMI             2u
#define VECTOR_BP              3u
#define VECTOR_OF              4u
#define VECTOR_UD              6u
#define VECTOR_GP              13u
#define VECTOR_PF              14u
#define VECTOR_MF              16u
#define VECTOR_AC              17u
#define VECTOR_MC              18u
#define FIRST_INTERRUPT        32u

#define EXCEPTIONS_INTERCEPTED (BIT32(VECTOR_DB) | BIT32(VECTOR_AC) | BIT32(VECTOR_MC))

#define INTERCEPTS \
	(INTERCEPT_INTR | INTERCEPT_NMI | INTERCEPT_SMI | INTERCEPT_INIT | INTERCEPT_RDPMC | \
	 INTERCEPT_CPUID | INTERCEPT_INVD | INTERCEPT_HLT | INTERCEPT_INVLPGA | INTERCEPT_IOIO | \
	 INTERCEPT_MSR | INTERCEPT_FERR | INTERCEPT_SHUTDOWN | INTERCEPT_CR0_SEL)

/* Address of the permission maps, the same for all guests. [I] after probe */
extern uint8_t svm_msrpm[MSRPM_BYTES];
extern uint8_t svm_iopm[IOPM_BYTES];
extern bool svm_has_decode_assists; /* [I] after probe */

/* ---- run.c ---- */

void svm_enter(struct vcpu *v, uint64_t deadline_tsc, struct exit_info *out);

/* ---- event.c ---- */

/*
 * Events between exits and entries. Pure over the VMCB and the virtual APIC.
 *
 * Interrupts  need no exit: V_IRQ with vector and priority stays in the VMCB until the guest
 *	    takes it by its IF, shadow and CR8; V_IRQ gone after #VMEXIT says it did. While one
 *	    waits, a write to CR8 is intercepted: it may let a higher one through, and it ends
 *	    QEMU while V_IRQ is set.
 * ExtINT   An interrupt of the 8259 is injected when the guest can take one. Until then V_IRQ
 *	    with V_IGN_TPR and an intercept of its delivery are the window; the virtual APIC's
 *	    interrupts wait meanwhile.
 * NMI      is injected; blocking is kept here: the next IRET is intercepted and stepped over.
 * Steps    One instruction with TF set and every fault intercepted, to be handed on without it:
 *	    over an IRET, a MOV to CR8, LMSW, and an interrupt shadow that an event must wait for
 *	    (QEMU's VMRUN forgets the shadow). INT3, INTO, PUSHF in a shadow show the guest TF.
 * Errors   of the FPU with CR0.NE clear are #MF too: no interrupt line reports them.
 */

/*
 * Before an entry. True: the guest must exit as soon as the event is delivered, for an NMI must follow it,
 * or because QEMU delivers an injected ExtINT again otherwise.
 */
MUST_CHECK bool svm_show_events(struct vcpu *v);
/* V_IRQ or V_TPR is not as the guest was entered with: it took the interrupt, wrote CR8. */
void svm_note_changes(struct vcpu *v);
/* #VMEXIT came while an event was being delivered. */
void svm_event_was_interrupted(struct vcpu *v);
/* An exit that events asked for, or an exception. False: not one of these. */
bool svm_event_exit(struct vcpu *v, uint32_t code);

void svm_skip_insn(struct vcpu *v);
void svm_retire(struct vcpu *v, uint32_t bytes, uint64_t rflags);
void svm_inject(struct vcpu *v, enum vcpu_fault fault);
void svm_inject_page_fault(struct vcpu *v, uint64_t address, uint32_t error_code);
/* All is forgotten. */
void svm_reset_events(struct vcpu *v);

/* What the CPU shall do itself, without the intercept that has brought us here. */
enum svm_step { STEP_IRET, STEP_CR8, STEP_MSW };
void svm_step_over(struct vcpu *v, enum svm_step what);

/* ---- control.c ---- */

/*
 * CR0 and CR4 as the guest believes them to be: see arch/x86/control_registers.h.
 *
 * Writes   of CR4, and of CR0 if more than TS and MP changes, exit: the CPU would let a guest set
 *	    what CPUID does not offer it. They are carried out here.
 * Reads    exit only while the CPU's value is another.
 * Operands come from the CPU where it has decode assists, else from the instruction.
 */
static inline uint64_t svm_cr0(const struct vcpu *v)
{
	return ((const struct vmcb *)v->control)->cr0 |
	       ((const struct svm_vcpu *)v->backend)->cr0_hidden;
}

static inline uint64_t svm_cr4(const struct vcpu *v)
{
	return ((const struct vmcb *)v->control)->cr4 &
	       ~((const struct svm_vcpu *)v->backend)->cr4_added;
}

/* An exit for a control register but CR8. False: not one of these, or not to be carried out. */
bool svm_control_exit(struct vcpu *v, uint32_t code);
/* After svm_initial_state(). CD and NW survive INIT. */
void svm_reset_control(struct vcpu *v);

/* ---- svm.c ---- */

uint64_t svm_read_gpr(struct vcpu *v, uint32_t gpr);
void svm_write_gpr(struct vcpu *v, uint32_t gpr, uint64_t value);

static inline void svm_note_interrupts(struct vcpu *v, const struct vmcb *vmcb)
{
	const struct svm_vcpu *const s = v->backend;

	if (__builtin_expect(s->vintr != vmcb->vintr, 0))
		svm_note_changes(v);
}
