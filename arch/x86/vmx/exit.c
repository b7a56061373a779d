/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the VMCS's exit fields to struct exit_info; and the exits that the back-end settles by
 * itself, because they are about VT-x and not about the virtual machine: the host-owned bits
 * of CR0 and CR4, CR8, debug traps, NMIs.
 */
#include "arch/x86/apic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/vmx/apicv.h"
#include "arch/x86/vmx/bochs.h"
#include "arch/x86/vmx/decode.h"
#include "arch/x86/vmx/direct.h"
#include "arch/x86/vmx/vmcs.h"
#include "core/lib/assert.h"

#define READ_LIVE(reg) \
	({ \
		uint64_t live; \
		__asm__ volatile("mov %%" reg ", %0" : "=r"(live)); \
		live; \
	})
#define WRITE_LIVE(reg, value) __asm__ volatile("mov %0, %%" reg ::"r"(value))

uint64_t vmx_read_gpr(struct vcpu *v, uint32_t gpr)
{
	switch (gpr) {
	case GPR_RSP:
		return vmcs_read(VMCS_GUEST_RSP);
	case GPR_R12:
		return READ_LIVE("r12");
	case GPR_R13:
		return READ_LIVE("r13");
	case GPR_R14:
		return READ_LIVE("r14");
	case GPR_R15:
		return READ_LIVE("r15");
	default:
		return v->gpr[gpr];
	}
}

void vmx_write_gpr(struct vcpu *v, uint32_t gpr, uint64_t value)
{
	switch (gpr) {
	case GPR_RSP:
		vmcs_write(VMCS_GUEST_RSP, value);
		return;
	case GPR_R12:
		WRITE_LIVE("r12", value);
		return;
	case GPR_R13:
		WRITE_LIVE("r13", value);
		return;
	case GPR_R14:
		WRITE_LIVE("r14", value);
		return;
	case GPR_R15:
		WRITE_LIVE("r15", value);
		return;
	default:
		v->gpr[gpr] = value;
		return;
	}
}

static bool in_64bit_mode(void)
{
	return (vmcs_read32(VMCS_ENTRY_CONTROLS) & ENTRY_IA32E_GUEST) &&
	       (vmcs_read32(VMCS_GUEST_CS_ACCESS) & ACCESS_LONG);
}

/*
 * The guest changes a bit that we own. Once the read shadow shows what it wants, the same
 * instruction runs without an exit, and the CPU itself does everything else that the write
 * means: mode switches, its checks, PDPTE loads. (A write that then faults for another reason
 * leaves the owned bit visible; nothing depends on it.)
 */
static void write_cr0(struct vcpu *v, uint64_t value)
{
	if (vmx_cr0_is_valid(value))
		vmcs_write(VMCS_CR0_SHADOW, value | CR0_ET);
	else
		vmx_inject(v, VCPU_FAULT_GP);
}

static void write_cr4(struct vcpu *v, uint64_t value)
{
	if (vmx_cr4_is_valid(value, CR4_MCE | ~vmx_controls.cr4_mask))
		vmcs_write(VMCS_CR4_SHADOW, value);
	else
		vmx_inject(v, VCPU_FAULT_GP);
}

static void access_cr8(struct vcpu *v, const struct vmx_cr *cr)
{
	const uint64_t priority_field = 15;
	uint64_t value;

	if (cr->access == CR_READ) {
		vmx_write_gpr(v, cr->gpr, vlapic_cr8(&v->lapic));
		vmx_skip_insn(v);
		return;
	}
	value = vmx_read_gpr(v, cr->gpr);
	if (value & ~priority_field) {
		vmx_inject(v, VCPU_FAULT_GP);
		return;
	}
	vlapic_set_cr8(&v->lapic, value);
	vmx_events_changed(v);
	vmx_skip_insn(v);
}

static void access_cr(struct vcpu *v, struct exit_info *out)
{
	struct vmx_cr cr = vmx_decode_cr(vmcs_read(VMCS_EXIT_QUALIFICATION));
	uint64_t value = vmx_read_gpr(v, cr.gpr);

	if (!in_64bit_mode())
		value = (uint32_t)value;
	if (cr.number == 8 && cr.access != CR_OTHER) {
		access_cr8(v, &cr);
	} else if (cr.number == 0 && cr.access == CR_WRITE) {
		write_cr0(v, value);
	} else if (cr.number == 4 && cr.access == CR_WRITE) {
		write_cr4(v, value);
	} else {
		out->kind = EXIT_OTHER;
		out->value = REASON_CR_ACCESS;
	}
}

/*
 * "Debug Exceptions": the exit has not touched DR6 nor DR7.GD. An entry that blocks by STI or
 * MOV SS while TF is set wants the single step as pending, too ("Checks on Guest Non-Register
 * State").
 */
static void reflect_debug_state(struct vmx *x)
{
	uint32_t blocking = vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY);
	uint64_t dr7 = vmcs_read(VMCS_GUEST_DR7);

	cpu_write_dr6(vmx_debug_dr6(cpu_read_dr6(), vmcs_read(VMCS_EXIT_QUALIFICATION)));
	if (dr7 & DR7_GD)
		vmcs_write(VMCS_GUEST_DR7, dr7 & ~DR7_GD);
	if ((blocking & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)) &&
	    (vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_TF))
		vmcs_write(VMCS_GUEST_PENDING_DEBUG,
			   vmcs_read(VMCS_GUEST_PENDING_DEBUG) | PENDING_DEBUG_BS);
	x->event_length = vmcs_read32(VMCS_EXIT_INSTRUCTION_LENGTH); /* of INT1 */
}

/*
 * A fault in an IRET that has just unblocked NMIs: they stay blocked until it succeeds.
 * "Resuming Guest Software after Handling an Exception".
 */
static void block_nmis_again(void)
{
	vmcs_write(VMCS_GUEST_INTERRUPTIBILITY,
		   vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY) | BLOCKING_BY_NMI);
}

static void take_exception(struct vcpu *v, struct exit_info *out)
{
	uint32_t info = vmcs_read32(VMCS_EXIT_INTERRUPTION);

	switch (INTERRUPTION_VECTOR(info)) {
	case EXCEPTION_NMI:
		out->kind = EXIT_IRQ;
		__asm__ volatile("int %0" ::"i"(EXCEPTION_NMI));
		if (v->is_lent)
			(void)direct_is_kicked(); /* this exit is the one */
		if (vmx_is_bochs_smp)
			vmx_bochs_mend(v);
		return;
	case EXCEPTION_MC:
		out->kind = EXIT_IRQ;
		__asm__ volatile("int %0" ::"i"(EXCEPTION_MC));
		return;
	case EXCEPTION_DB:
		reflect_debug_state(v->backend);
		break;
	case EXCEPTION_AC:
		break;
	default:
		out->kind = EXIT_OTHER;
		out->value = info;
		return;
	}
	if ((info & NMI_UNBLOCKED_BY_IRET) &&
	    !(vmcs_read32(VMCS_IDT_VECTORING) & INTERRUPTION_VALID))
		block_nmis_again();
	vmx_queue(v, vmx_reinjection(info), vmcs_read32(VMCS_EXIT_ERROR_CODE));
}

/* An access made while an event was being delivered: the event comes again after it. */
static bool queue_interrupted_event(struct vcpu *v)
{
	struct vmx *x = v->backend;
	uint32_t event = vmx_reinjection(vmcs_read32(VMCS_IDT_VECTORING));

	if (event) {
		x->event_length = vmcs_read32(VMCS_EXIT_INSTRUCTION_LENGTH);
		vmx_queue(v, event, vmcs_read32(VMCS_IDT_ERROR_CODE));
	}
	return event != 0;
}

static void take_ept_violation(struct vcpu *v, struct exit_info *out)
{
	uint64_t qualification = vmcs_read(VMCS_EXIT_QUALIFICATION);

	vmx_decode_ept(qualification, vmcs_read(VMCS_GUEST_PHYSICAL_ADDRESS), out);
	if (!queue_interrupted_event(v) && (qualification & NMI_UNBLOCKED_BY_IRET))
		block_nmis_again();
}

static inline void take_hypercall(struct vcpu *v, struct exit_info *out)
{
	/* VMCALL exits at any privilege level, unlike most. */
	if (ACCESS_DPL(vmcs_read(VMCS_GUEST_SS_ACCESS)) != 0) {
		out->kind = EXIT_UNDEFINED;
		return;
	}
	out->kind = EXIT_HYPERCALL;
	out->addr = v->gpr[GPR_RAX];
	out->arg[0] = v->gpr[GPR_RBX];
	out->arg[1] = v->gpr[GPR_RCX];
	out->arg[2] = v->gpr[GPR_RDX];
	out->arg[3] = v->gpr[GPR_RSI];
}

static uint64_t edx_eax(const struct vcpu *v)
{
	return v->gpr[GPR_RDX] << 32 | (uint32_t)v->gpr[GPR_RAX];
}

static void decode_rest(struct vcpu *v, uint32_t reason, struct exit_info *out)
{
	struct vmx *x = v->backend;

	switch (reason) {
	case REASON_CR_ACCESS:
		access_cr(v, out);
		return;
	case REASON_EXCEPTION_OR_NMI:
		take_exception(v, out);
		return;
	case REASON_APIC_ACCESS:
		vmx_decode_apic_access(vmcs_read(VMCS_EXIT_QUALIFICATION), out);
		(void)queue_interrupted_event(v);
		return;
	case REASON_HLT:
		x->can_wake = (vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_IF) != 0;
		out->value = x->can_wake;
		return;
	case REASON_EPT_MISCONFIGURATION:
		PANIC("EPT misconfiguration: our own table entry is malformed");
	default:
		out->value = out->kind == EXIT_INIT
				     ? REASON_BASIC(reason) | vmcs_read(VMCS_EXIT_QUALIFICATION)
								      << 32
				     : reason;
		return;
	}
}

static __attribute__((noinline)) void decode_by_kind(struct vcpu *v, uint32_t reason,
						     struct exit_info *out)
{
	out->kind = vmx_kind(reason);
	switch (out->kind) {
	case EXIT_IRQ:
		irq_serve(INTERRUPTION_VECTOR(vmcs_read32(VMCS_EXIT_INTERRUPTION)));
		if (vmx_is_bochs_smp)
			vmx_bochs_mend(v);
		return;
	case EXIT_DEADLINE:
		if (vmx_is_bochs_smp)
			vmx_bochs_mend(v);
		if (v->is_lent && direct_is_kicked())
			out->kind = EXIT_IRQ;
		/* Beyond the timer's 32 bits: it goes on. */
		else if (out->exit_tsc < v->hot.deadline_tsc)
			out->kind = EXIT_CONTROL;
		return;
	case EXIT_MEMORY:
		take_ept_violation(v, out);
		return;
	case EXIT_APIC:
		vmx_decode_apic(reason, vmcs_read(VMCS_EXIT_QUALIFICATION), out);
		return;
	case EXIT_MSR_READ:
	case EXIT_MSR_WRITE:
	case EXIT_XSETBV:
		out->addr = (uint32_t)v->gpr[GPR_RCX];
		out->value = edx_eax(v);
		if (v->is_lent && out->kind == EXIT_MSR_WRITE)
			direct_before_write(v, (uint32_t)out->addr, out->value);
		return;
	default:
		decode_rest(v, reason, out);
		return;
	}
}

/* Hypercalls and ports come first: they are the frequent exits that a guest chooses. */
void vmx_decode(struct vcpu *v, uint32_t reason, struct exit_info *out)
{
	if (reason == REASON_VMCALL)
		take_hypercall(v, out);
	else if (reason == REASON_IO)
		vmx_decode_io(vmcs_read(VMCS_EXIT_QUALIFICATION), v->gpr[GPR_RAX], out);
	else
		decode_by_kind(v, reason, out);
}
