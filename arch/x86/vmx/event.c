/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must be settled between an exit and the next entry: the deadline, the event to inject,
 * the step over an instruction. SDM Vol. 3C, "VM-Entry Controls for Event Injection",
 * "Interrupt-Window Exiting and Virtual-Interrupt Delivery"; "VMX-Preemption Timer".
 */
#include "arch/x86/cpu.h"
#include "arch/x86/vmx/apicv.h"
#include "arch/x86/vmx/decode.h"
#include "arch/x86/vmx/direct.h"
#include "arch/x86/vmx/vmcs.h"

#define CALM    UINT64_MAX
#define SHADOW  (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)
#define WINDOWS (PROC_INTERRUPT_WINDOW_EXITING | PROC_NMI_WINDOW_EXITING)

void vmx_queue(struct vcpu *v, uint32_t event, uint32_t error_code)
{
	struct vmx *x = v->backend;

	x->event = event;
	x->event_error = error_code;
	vmx_events_changed(v);
}

void vmx_inject(struct vcpu *v, enum vcpu_fault fault)
{
	uint32_t event = INTERRUPTION_VALID | INTERRUPTION_OF_TYPE(TYPE_HARDWARE_EXCEPTION);

	if (fault == VCPU_FAULT_UD) {
		vmx_queue(v, event | EXCEPTION_UD, 0);
		return;
	}
	/* "Checks on VMX Controls": an error code in real mode would make the entry fail. */
	if (vmcs_read(VMCS_GUEST_CR0) & CR0_PE)
		event |= INTERRUPTION_HAS_ERROR_CODE;
	vmx_queue(v, event | EXCEPTION_GP, 0);
}

void vmx_inject_page_fault(struct vcpu *v, uint64_t address, uint32_t error_code)
{
	cpu_write_cr2(address); /* the guest's, while it is loaded */
	vmx_queue(v,
		  INTERRUPTION_VALID | INTERRUPTION_OF_TYPE(TYPE_HARDWARE_EXCEPTION) |
			  INTERRUPTION_HAS_ERROR_CODE | EXCEPTION_PF,
		  error_code);
}

static __attribute__((noinline)) void end_shadow(uint64_t blocking)
{
	vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, blocking & ~(uint64_t)SHADOW);
}

static __attribute__((noinline)) void end_single_step(void)
{
	vmcs_write(VMCS_GUEST_PENDING_DEBUG,
		   vmcs_read(VMCS_GUEST_PENDING_DEBUG) | PENDING_DEBUG_BS);
}

/* An instruction is over: so is blocking by STI and MOV SS, and a single step is pending. */
static inline void end_instruction(uint64_t rflags)
{
	uint64_t blocking;

	if (__builtin_expect(rflags & RFLAGS_TF, 0))
		end_single_step();
	blocking = vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);
	if (__builtin_expect(blocking & SHADOW, 0))
		end_shadow(blocking);
}

/*
 * A RIP beyond the guest's mode (32 bits, canonical) is not looked for: the next entry fails
 * then, and the partition is stopped.
 */
void vmx_skip_insn(struct vcpu *v)
{
	uint64_t rflags = vmcs_read(VMCS_GUEST_RFLAGS);

	vmcs_write(VMCS_GUEST_RIP,
		   vmcs_read(VMCS_GUEST_RIP) + vmcs_read(VMCS_EXIT_INSTRUCTION_LENGTH));
	end_instruction(rflags);
}

/* The instruction is over: RIP, flags, single step; the rest as in vmx_skip_insn(). */
void vmx_retire(struct vcpu *v, uint32_t bytes, uint64_t result)
{
	uint64_t rflags = vmx_retired_rflags(vmcs_read(VMCS_GUEST_RFLAGS), result);

	vmcs_write(VMCS_GUEST_RIP, vmx_next_rip(vmcs_read(VMCS_GUEST_RIP), bytes,
						vmcs_read32(VMCS_GUEST_CS_ACCESS)));
	vmcs_write(VMCS_GUEST_RFLAGS, rflags);
	end_instruction(rflags);
}

static void set_windows(struct vmx *x, bool wants_interrupt, bool wants_nmi)
{
	uint32_t proc = (x->proc & ~WINDOWS) |
			(wants_interrupt ? PROC_INTERRUPT_WINDOW_EXITING : 0) |
			(wants_nmi ? PROC_NMI_WINDOW_EXITING : 0);

	if (proc != x->proc)
		vmcs_write(VMCS_PROC_CONTROLS, proc);
	x->proc = proc;
}

static bool is_blocked_by(uint32_t blocking)
{
	return (vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY) & blocking) != 0;
}

static bool can_take_interrupt(void)
{
	return !is_blocked_by(SHADOW) && (vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_IF);
}

/* STI too: some processors refuse an entry that injects an NMI then ("Checks on .. Guest Non-Register State"). */
static bool can_take_nmi(void)
{
	return !is_blocked_by(SHADOW | BLOCKING_BY_NMI);
}

static void write_event(struct vmx *x)
{
	/* An NMI whose delivery was interrupted blocks others from its second try on. */
	if (INTERRUPTION_TYPE(x->event) == TYPE_NMI)
		vmcs_write(VMCS_GUEST_INTERRUPTIBILITY,
			   vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY) & ~BLOCKING_BY_NMI);
	vmcs_write(VMCS_ENTRY_INTERRUPTION, x->event);
	vmcs_write(VMCS_ENTRY_ERROR_CODE, x->event_error);
	vmcs_write(VMCS_ENTRY_INSTRUCTION_LENGTH, x->event_length);
	x->event = 0;
}

static void write_interrupt(enum interruption_type type, uint8_t vector)
{
	vmcs_write(VMCS_ENTRY_INTERRUPTION,
		   INTERRUPTION_VALID | INTERRUPTION_OF_TYPE(type) | vector);
}

/* Of the local APIC (with APICv, hardware has them), or of the 8259. False: there is none. */
static bool choose_interrupt(struct vcpu *v, uint8_t *vector)
{
	int pending = vcpu_irq_pending(v);

	if (pending >= 0) {
		vcpu_irq_accept(v, (uint8_t)pending);
		*vector = (uint8_t)pending;
		return true;
	}
	if (!v->extint_pending)
		return false;
	*vector = vcpu_extint_take(v);
	return true;
}

static bool has_interrupt(const struct vcpu *v)
{
	return vcpu_irq_pending(v) >= 0 || v->extint_pending;
}

/* One event per entry; what does not get its turn asks for its window. */
static void offer_events(struct vcpu *v, struct vmx *x)
{
	uint8_t vector;

	if (x->event) {
		write_event(x);
	} else if (v->nmi_pending && can_take_nmi()) {
		write_interrupt(TYPE_NMI, EXCEPTION_NMI);
		v->nmi_pending = false;
	} else if (has_interrupt(v) && can_take_interrupt() && choose_interrupt(v, &vector)) {
		write_interrupt(TYPE_EXTERNAL, vector);
	}
	set_windows(x, has_interrupt(v), v->nmi_pending);
}

static void switch_timer(struct vmx *x, bool is_on)
{
	uint32_t pin = x->pin & ~PIN_ACTIVATE_PREEMPTION_TIMER;

	if (is_on)
		pin |= PIN_ACTIVATE_PREEMPTION_TIMER;
	if (pin != x->pin)
		vmcs_write(VMCS_PIN_CONTROLS, pin);
	x->pin = pin;
}

bool vmx_prepare(struct vcpu *v, uint64_t deadline_tsc)
{
	struct vmx *x = v->backend;
	bool is_timed = deadline_tsc != TSC_NEVER;
	uint64_t calm;

	if (cpu_rdtsc() >= deadline_tsc)
		return false;
	if (v->has_apicv)
		apicv_prepare(v);
	else if (v->is_lent)
		direct_prepare(v);
	offer_events(v, x);
	switch_timer(x, is_timed);
	calm = x->proc & WINDOWS ? 0 : CALM;
	v->hot.quiet = is_timed ? 0 : calm;
	v->hot.calm_and_timed = is_timed ? calm : 0;
	if (is_timed)
		vmx_set_timer(v, min_u64(cpu_rdtsc(), deadline_tsc - 1), deadline_tsc);
	if (v->is_lent)
		direct_end_of_prepare(v);
	return true;
}
