/* SPDX-License-Identifier: Apache-2.0 */
/* Guest registers at the beginning: initial.c says what, this says where. */
#include "arch/x86/cpu.h"
#include "arch/x86/vmx/initial.h"
#include "arch/x86/vmx/vmcs.h"

#define CPUID_FEATURES 1u

static void write_segments(const struct vmx_initial *s)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(s->segments); i++) {
		const struct vmx_segment *g = &s->segments[i];
		uint32_t step = i * VMCS_SEGMENT_STEP;

		vmcs_set(VMCS_GUEST_ES + step, g->selector);
		vmcs_set(VMCS_GUEST_ES_BASE + step, g->base);
		vmcs_set(VMCS_GUEST_ES_LIMIT + step, g->limit);
		vmcs_set(VMCS_GUEST_ES_ACCESS + step, g->access);
	}
	vmcs_set(VMCS_GUEST_GDTR_BASE, s->gdt);
	vmcs_set(VMCS_GUEST_GDTR_LIMIT, s->gdt_limit);
	vmcs_set(VMCS_GUEST_IDTR_BASE, 0);
	vmcs_set(VMCS_GUEST_IDTR_LIMIT, s->idt_limit);
}

static void write_control_registers(const struct vmx_initial *s)
{
	vmcs_set(VMCS_GUEST_CR0, s->cr0);
	vmcs_set(VMCS_CR0_SHADOW, s->cr0_shadow);
	vmcs_set(VMCS_GUEST_CR3, s->cr3);
	vmcs_set(VMCS_GUEST_CR4, s->cr4);
	vmcs_set(VMCS_CR4_SHADOW, s->cr4_shadow);
	vmcs_set(VMCS_GUEST_EFER, s->efer);
	vmcs_set(VMCS_ENTRY_CONTROLS, vmx_controls.entry | (s->is_ia32e ? ENTRY_IA32E_GUEST : 0));
}

/* What is live in the CPU while the vCPU is loaded. */
static void write_live(void)
{
	cpu_write_cr2(0);
	cpu_write_dr0(0);
	cpu_write_dr1(0);
	cpu_write_dr2(0);
	cpu_write_dr3(0);
	cpu_write_dr6(DR6_FIXED1);
}

static void write_gprs(struct vcpu *v)
{
	for (uint32_t i = 0; i < GPR_COUNT; i++)
		if (i != GPR_RSP)
			vmx_write_gpr(v, i, 0);
	/* "EDX = processor signature": the one that the guest's CPUID shows. */
	v->gpr[GPR_RDX] = cpu_cpuid(CPUID_FEATURES, 0).eax;
	if (v->entry.mode != VCPU_REAL16) {
		v->gpr[GPR_RAX] = v->entry.rax;
		v->gpr[GPR_RBX] = v->entry.rbx;
		v->gpr[GPR_RSI] = v->entry.rsi;
	}
}

/* Of those in the VMCS. A start-up IPI follows INIT, which leaves them alone. */
static void write_power_on_msrs(void)
{
	vmcs_set(VMCS_GUEST_SYSENTER_CS, 0);
	vmcs_set(VMCS_GUEST_SYSENTER_ESP, 0);
	vmcs_set(VMCS_GUEST_SYSENTER_EIP, 0);
	vmcs_set(VMCS_GUEST_PAT, PAT_RESET);
}

void vmx_reset(struct vcpu *v)
{
	struct vmx *x = v->backend;
	struct vmx_initial s;

	vmx_initial_state(&v->entry, &vmx_controls, vmcs_read(VMCS_CR0_SHADOW), &s);
	write_segments(&s);
	write_control_registers(&s);
	vmcs_set(VMCS_GUEST_RIP, s.rip);
	vmcs_set(VMCS_GUEST_RSP, s.rsp);
	vmcs_set(VMCS_GUEST_RFLAGS, RFLAGS_FIXED1);
	vmcs_set(VMCS_GUEST_DR7, DR7_FIXED1);
	vmcs_set(VMCS_GUEST_PENDING_DEBUG, 0);
	vmcs_set(VMCS_GUEST_INTERRUPTIBILITY, 0);
	vmcs_set(VMCS_GUEST_ACTIVITY, 0);
	vmcs_set(VMCS_GUEST_DEBUGCTL, 0);
	vmcs_set(VMCS_ENTRY_INTERRUPTION, 0);
	vmcs_set(VMCS_TSC_OFFSET, v->tsc_offset);
	if (v->entry.mode != VCPU_REAL16)
		write_power_on_msrs();
	write_live();
	write_gprs(v);
	x->event = 0;
	x->can_wake = false;
	v->has_new_level = true; /* TMR is empty now: that is to be shown */
	vmx_events_changed(v);
}
