/* SPDX-License-Identifier: Apache-2.0 */
/* arch/x86/svm/event.c - interrupts, NMIs, exceptions and steps: see svm.h. */
#include "arch/x86/cpu.h"
#include "arch/x86/svm/svm.h"

/* SDM Vol. 3B, "Debug Status Register (DR6)": single step, and the four breakpoints. */
#define DR6_BS          BIT64(14)
#define DR6_BREAKPOINTS UINT64_C(0xf)
#define DR7_ENABLED     UINT64_C(0xff)

#define RFLAGS_RF       BIT64(16)
/* CF, PF, AF, ZF, SF, OF. */
#define RFLAGS_ARITHMETIC UINT64_C(0x8d5)

#define CR8_WRITE         INTERCEPT_CR_WRITE(8)

/*
 * Faults that the instruction under a step may cause: their frames must not show TF. Not #BP
 * and #OF, whose RIP would be lost.
 */
#define STEP_EXCEPTIONS \
	(EXCEPTIONS_INTERCEPTED | BIT32(0) | BIT32(5) | BIT32(VECTOR_UD) | BIT32(7) | BIT32(10) | \
	 BIT32(11) | BIT32(12) | BIT32(VECTOR_GP) | BIT32(VECTOR_PF) | BIT32(16) | BIT32(19))
/* APM Vol. 2, "Exceptions and Interrupts": those with an error code. */
#define ERROR_CODE_EXCEPTIONS \
	(BIT32(8) | BIT32(10) | BIT32(11) | BIT32(12) | BIT32(VECTOR_GP) | BIT32(VECTOR_PF) | \
	 BIT32(VECTOR_AC) | BIT32(21))

/* ---- Exceptions ---- */

/* Real mode knows no error codes. */
static void raise(struct vmcb *vmcb, uint32_t vector, uint64_t error_code)
{
	uint64_t event = EVENT_VALID | EVENT_EXCEPTION | vector;

	if ((ERROR_CODE_EXCEPTIONS >> vector & 1) && (vmcb->cr0 & CR0_PE))
		event |= EVENT_ERROR_VALID | EVENT_ERROR(error_code);
	vmcb->event_injection = event;
}

/* ---- Steps ---- */

static void begin_step(struct vmcb *vmcb, struct svm_vcpu *s)
{
	s->is_stepping = true;
	s->guest_tf = vmcb->rflags & RFLAGS_TF;
	s->step_rip = vmcb->rip;
	s->step_dr6 = vmcb->dr6;
	vmcb->rflags |= RFLAGS_TF;
	vmcb->dr6 = DR6_FIXED1;
	vmcb->intercept_exceptions = STEP_EXCEPTIONS;
}

/* IRET has loaded a TF that is the guest's; everything else has left ours. */
static void end_step(struct vcpu *v, bool is_done)
{
	struct svm_vcpu *const s = v->backend;
	struct vmcb *const vmcb = v->control;

	if (!s->is_stepping)
		return;
	s->is_stepping = false;
	vmcb->intercept_exceptions = EXCEPTIONS_INTERCEPTED;
	vmcb->dr6 |= s->step_dr6;
	if (is_done && s->is_at_iret)
		s->is_nmi_blocked = false;
	else if (!s->guest_tf)
		vmcb->rflags &= ~RFLAGS_TF;
	s->is_at_iret = s->is_at_msw = false;
}

/*
 * #DB. The guest's own if TF was its own, or a breakpoint of its matched.
 * Otherwise, #DB and #AC intercept only because their delivery can, in a guest set up for it,
 * cause another one without end, with no instruction boundary at which an interrupt could end
 * it (the budget's timer, too). Handed back with an exit in between, each round is bounded.
 */
static void debug_exit(struct vcpu *v)
{
	struct svm_vcpu *const s = v->backend;
	struct vmcb *const vmcb = v->control;
	const bool was_ours = s->is_stepping && !s->guest_tf && (vmcb->dr6 & DR6_BS);
	const bool has_matched = (vmcb->dr6 & DR6_BREAKPOINTS) && (vmcb->dr7 & DR7_ENABLED);

	if (was_ours)
		vmcb->dr6 &= ~DR6_BS;
	end_step(v, vmcb->rip != s->step_rip || was_ours);
	if (!was_ours || has_matched)
		raise(vmcb, VECTOR_DB, 0);
}

static void exception_exit(struct vcpu *v, uint32_t vector)
{
	struct vmcb *const vmcb = v->control;

	end_step(v, false);
	if (vector == VECTOR_PF)
		vmcb->cr2 = vmcb->exit_info2;
	raise(vmcb, vector, (uint32_t)vmcb->exit_info1);
}

/* ---- The virtual APIC's interrupts ---- */

void svm_note_changes(struct vcpu *v)
{
	struct svm_vcpu *const s = v->backend;
	const struct vmcb *const vmcb = v->control;
	const uint32_t changed = s->vintr ^ vmcb->vintr;

	s->vintr = vmcb->vintr;
	if (changed & VINTR_TPR)
		vlapic_set_cr8(&v->lapic, vmcb->vintr & VINTR_TPR);
	if ((changed & VINTR_IRQ) && !(vmcb->vintr & VINTR_IGNORE_TPR))
		vlapic_accept(&v->lapic, (uint8_t)s->vintr_vector);
}

/* `vector` has a priority above TPR's, or is -1. */
static inline void show(struct svm_vcpu *s, struct vmcb *vmcb, uint32_t cr8, int vector)
{
	uint32_t vintr = VINTR_MASKING | cr8;

	s->vintr_vector = 0;
	if (vector >= 0) {
		vintr |= VINTR_IRQ | VINTR_PRIORITY(vector);
		s->vintr_vector = (uint32_t)vector;
	}
	s->vintr = vintr;
	vmcb->vintr = vintr;
	vmcb->vintr_vector = s->vintr_vector;
}

static inline void show_interrupts(struct vcpu *v, struct vmcb *vmcb)
{
	struct svm_vcpu *const s = v->backend;
	const int vector = vlapic_pending(&v->lapic);
	const uint32_t cr8 = (uint32_t)vlapic_cr8(&v->lapic);

	show(s, vmcb, cr8, vector);
	vmcb->intercept_cr = s->cr_intercepts;
	if (vector >= 0 || (cr8 != 0 && vlapic_waiting(&v->lapic) >= 0))
		vmcb->intercept_cr |= CR8_WRITE;
}

static void show_window(struct vcpu *v, struct vmcb *vmcb)
{
	struct svm_vcpu *const s = v->backend;

	show(s, vmcb, (uint32_t)vlapic_cr8(&v->lapic), -1);
	s->vintr |= VINTR_IRQ | VINTR_IGNORE_TPR;
	vmcb->vintr = s->vintr;
	vmcb->intercept_cr = s->cr_intercepts | CR8_WRITE;
	vmcb->intercept |= INTERCEPT_VINTR;
}

/*
 * "EXITINTINFO": an interrupt goes back to IRR, and V_IRQ brings it again; that of the 8259, an
 * NMI or an exception is injected again. INT n, INT3 and INTO are not: RIP still points at
 * them, so they happen again by themselves. QEMU calls a virtual interrupt an exception.
 */
void svm_event_was_interrupted(struct vcpu *v)
{
	const struct svm_vcpu *const s = v->backend;
	struct vmcb *const vmcb = v->control;
	const uint64_t event = vmcb->exit_int_info;
	const uint8_t vector = (uint8_t)(event & EVENT_VECTOR);
	const uint64_t type = event & EVENT_TYPE;

	if (type == EVENT_INTR && s->has_extint) {
		vmcb->event_injection = event;
	} else if (type == EVENT_INTR || (type == EVENT_EXCEPTION && vector >= FIRST_INTERRUPT)) {
		/* Not in ISR: V_IRQ is still set, and nothing was taken. */
		if (vlapic_is_in_service(&v->lapic, vector))
			vlapic_unaccept(&v->lapic, vector);
	} else if (type == EVENT_NMI ||
		   (type == EVENT_EXCEPTION && vector != VECTOR_BP && vector != VECTOR_OF)) {
		vmcb->event_injection = event;
	}
}

/* ---- Before an entry ---- */

static bool is_in_shadow(const struct vmcb *vmcb)
{
	return vmcb->interrupt_shadow & INTERRUPT_SHADOW;
}

/* True: the event that is on its way must be delivered before the NMI can be. */
static bool offer_nmi(struct vcpu *v, struct vmcb *vmcb, struct svm_vcpu *s)
{
	if (!v->nmi_pending || s->is_nmi_blocked)
		return false;
	if (vmcb->event_injection & EVENT_VALID)
		return true;
	if (is_in_shadow(vmcb)) {
		begin_step(vmcb, s);
		return false;
	}
	vmcb->event_injection = EVENT_VALID | EVENT_NMI | VECTOR_NMI;
	v->nmi_pending = false;
	s->is_nmi_blocked = true;
	return false;
}

/* Could the guest take an interrupt at its next instruction, by IF and what is on its way? */
static bool is_open(const struct vmcb *vmcb)
{
	return (vmcb->rflags & RFLAGS_IF) && !(vmcb->event_injection & EVENT_VALID);
}

static void offer_interrupts(struct vcpu *v, struct vmcb *vmcb, struct svm_vcpu *s)
{
	if (is_open(vmcb) && is_in_shadow(vmcb) &&
	    (v->extint_pending || vlapic_pending(&v->lapic) >= 0)) {
		begin_step(vmcb, s);
	} else if (is_open(vmcb) && v->extint_pending) {
		v->extint_pending = false;
		vmcb->event_injection = EVENT_VALID | EVENT_INTR | vcpu_extint_take(v);
	}
}

static void show_step(struct vcpu *v, struct vmcb *vmcb, struct svm_vcpu *s)
{
	show(s, vmcb, (uint32_t)vlapic_cr8(&v->lapic), -1);
	vmcb->intercept_cr = s->cr_intercepts;
	if (s->is_at_msw) {
		vmcb->intercept_cr &= ~INTERCEPT_CR_READ(0);
		vmcb->intercept &= ~INTERCEPT_CR0_SEL;
	}
}

/*
 * A TLB flush, a step, an ExtINT are for one entry: `changed` then stays set, so that the next
 * one comes here again and ends it. QEMU may deliver an injected interrupt twice, the second time
 * whatever IF says, unless an exit follows the first (docs/emulators.md): so one does.
 */
static __attribute__((noinline)) bool show_rare_events(struct vcpu *v)
{
	const uint64_t extint = EVENT_VALID | EVENT_INTR;
	struct svm_vcpu *const s = v->backend;
	struct vmcb *const vmcb = v->control;
	bool is_urgent = false;

	end_step(v, vmcb->rip != s->step_rip);
	if (s->wants_step)
		begin_step(vmcb, s);
	else
		is_urgent = offer_nmi(v, vmcb, s);
	if (!s->is_stepping)
		offer_interrupts(v, vmcb, s);
	s->wants_step = false;
	s->has_extint = (vmcb->event_injection & (EVENT_VALID | EVENT_TYPE)) == extint;
	is_urgent |= s->has_extint;
	vmcb->tlb_control = s->flush;
	vmcb->intercept = INTERCEPTS | (s->is_nmi_blocked && !s->is_at_iret ? INTERCEPT_IRET : 0);
	if (s->is_stepping) {
		show_step(v, vmcb, s);
	} else if (v->extint_pending) {
		show_window(v, vmcb);
	} else {
		show_interrupts(v, vmcb);
	}
	v->lapic.changed = s->flush != TLB_KEEP || s->is_stepping || is_urgent;
	s->has_rare = v->lapic.changed || s->is_nmi_blocked || v->extint_pending;
	s->flush = TLB_KEEP;
	return is_urgent;
}

bool svm_show_events(struct vcpu *v)
{
	const struct svm_vcpu *const s = v->backend;
	struct vmcb *const vmcb = v->control;

	svm_note_interrupts(v, vmcb);
	if (__builtin_expect(v->nmi_pending | v->extint_pending | s->has_rare | is_in_shadow(vmcb),
			     0))
		return show_rare_events(v);
	show_interrupts(v, vmcb);
	v->lapic.changed = false;
	return false;
}

/* ---- After an exit ---- */

/*
 * At an IRET that ends the blocking of NMIs, or a MOV to CR8: executed by the CPU while no
 * interrupt is shown. Then what waits is looked at again.
 */
void svm_step_over(struct vcpu *v, enum svm_step what)
{
	struct svm_vcpu *const s = v->backend;

	end_step(v, false); /* one over a shadow may stand here too */
	s->is_at_iret = what == STEP_IRET;
	s->is_at_msw = what == STEP_MSW;
	s->wants_step = s->has_rare = v->lapic.changed = true;
}

bool svm_event_exit(struct vcpu *v, uint32_t code)
{
	switch (code) {
	case VMEXIT_EXCEPTION + VECTOR_DB:
		debug_exit(v);
		return true;
	case VMEXIT_EXCEPTION + VECTOR_MC: /* the machine's */
		return false;
	case VMEXIT_VINTR:
		v->lapic.changed = true;
		return true;
	case VMEXIT_IRET:
		svm_step_over(v, STEP_IRET);
		return true;
	case VMEXIT_CR_WRITE + 8:
		svm_step_over(v, STEP_CR8);
		return true;
	case VMEXIT_FERR:
		end_step(v, false);
		raise(v->control, VECTOR_MF, 0);
		return true;
	default:
		if (code - VMEXIT_EXCEPTION >= FIRST_INTERRUPT)
			return false;
		exception_exit(v, code - VMEXIT_EXCEPTION);
		return true;
	}
}

/* A trap flag that was set before the instruction traps after it. */
static __attribute__((noinline)) void trap_after_insn(struct vcpu *v)
{
	struct vmcb *const vmcb = v->control;

	end_step(v, true);
	if (vmcb->rflags & RFLAGS_TF) {
		vmcb->dr6 |= DR6_BS;
		raise(vmcb, VECTOR_DB, 0);
	}
}

/* "Interrupt Shadows" end with the instruction. */
void svm_skip_insn(struct vcpu *v)
{
	struct vmcb *const vmcb = v->control;
	const uint64_t next = vmcb->next_rip;

	vmcb->rip = next != 0 ? next : vmcb->rip + v->skip_bytes;
	vmcb->interrupt_shadow = 0;
	if (__builtin_expect(vmcb->rflags & RFLAGS_TF, 0))
		trap_after_insn(v);
}

void svm_retire(struct vcpu *v, uint32_t bytes, uint64_t rflags)
{
	struct vmcb *const vmcb = v->control;

	vmcb->rip += bytes;
	if (!(vmcb->efer & EFER_LMA) || !(vmcb->cs.attributes & SEGMENT_LONG))
		vmcb->rip = (uint32_t)vmcb->rip;
	vmcb->rflags =
		(vmcb->rflags & ~(RFLAGS_ARITHMETIC | RFLAGS_RF)) | (rflags & RFLAGS_ARITHMETIC);
	vmcb->interrupt_shadow = 0;
	if (vmcb->rflags & RFLAGS_TF)
		trap_after_insn(v);
}

void svm_inject(struct vcpu *v, enum vcpu_fault fault)
{
	end_step(v, false);
	raise(v->control, fault == VCPU_FAULT_UD ? VECTOR_UD : VECTOR_GP, 0);
}

void svm_inject_page_fault(struct vcpu *v, uint64_t address, uint32_t error_code)
{
	struct vmcb *const vmcb = v->control;

	end_step(v, false);
	vmcb->cr2 = address;
	raise(vmcb, VECTOR_PF, error_code);
}

void svm_reset_events(struct vcpu *v)
{
	struct svm_vcpu *const s = v->backend;
	struct vmcb *const vmcb = v->control;

	s->vintr = VINTR_MASKING;
	s->flush = TLB_FLUSH_ALL;
	s->is_nmi_blocked = s->is_at_iret = s->has_extint = false;
	s->is_stepping = s->wants_step = s->is_at_msw = false;
	s->has_rare = v->lapic.changed = true;
	vmcb->vintr = s->vintr;
	vmcb->event_injection = 0;
	vmcb->interrupt_shadow = 0;
	vmcb->intercept_exceptions = EXCEPTIONS_INTERCEPTED;
}
