/* SPDX-License-Identifier: Apache-2.0 */
/* Where the guest's system registers are: VMCS, or the CPU while the vCPU is loaded. */
#include "arch/x86/cpu.h"
#include "arch/x86/vmx/vmcs.h"
#include "core/lib/assert.h"

/* EFER.LMA is the CPU's: it follows from LME and CR0.PG. */
static void write_efer(uint64_t value)
{
	vmcs_write(VMCS_GUEST_EFER, (value & ~EFER_LMA) | (vmcs_read(VMCS_GUEST_EFER) & EFER_LMA));
}

static uint64_t cr_as_seen(enum vmcs_field real, enum vmcs_field shadow, uint64_t mask)
{
	return (vmcs_read(real) & ~mask) | (vmcs_read(shadow) & mask);
}

struct sysreg_place {
	uint32_t field; /* VMCS field, or 0 */
	uint32_t msr;   /* live in the CPU while the vCPU is loaded */
};

static const struct sysreg_place places[] = {
	[SYSREG_EFER] = { VMCS_GUEST_EFER, 0 },
	[SYSREG_PAT] = { VMCS_GUEST_PAT, 0 },
	[SYSREG_FS_BASE] = { VMCS_GUEST_FS_BASE, 0 },
	[SYSREG_GS_BASE] = { VMCS_GUEST_GS_BASE, 0 },
	[SYSREG_KERNEL_GS_BASE] = { 0, MSR_KERNEL_GS_BASE },
	[SYSREG_SYSENTER_CS] = { VMCS_GUEST_SYSENTER_CS, 0 },
	[SYSREG_SYSENTER_ESP] = { VMCS_GUEST_SYSENTER_ESP, 0 },
	[SYSREG_SYSENTER_EIP] = { VMCS_GUEST_SYSENTER_EIP, 0 },
	[SYSREG_STAR] = { 0, MSR_STAR },
	[SYSREG_LSTAR] = { 0, MSR_LSTAR },
	[SYSREG_CSTAR] = { 0, MSR_CSTAR },
	[SYSREG_FMASK] = { 0, MSR_FMASK },
};

uint64_t vmx_read_sysreg(struct vcpu *v, enum guest_sysreg reg)
{
	switch (reg) {
	case SYSREG_CR0:
		return cr_as_seen(VMCS_GUEST_CR0, VMCS_CR0_SHADOW, vmx_controls.cr0_mask);
	case SYSREG_CR3:
		return vmcs_read(VMCS_GUEST_CR3);
	case SYSREG_CR4:
		return cr_as_seen(VMCS_GUEST_CR4, VMCS_CR4_SHADOW, vmx_controls.cr4_mask);
	case SYSREG_TSC_AUX:
		return v->tsc_aux;
	default:
		return places[reg].field ? vmcs_read(places[reg].field)
					 : cpu_rdmsr(places[reg].msr);
	}
}

void vmx_write_sysreg(struct vcpu *v, enum guest_sysreg reg, uint64_t value)
{
	switch (reg) {
	case SYSREG_CR0:
	case SYSREG_CR3:
	case SYSREG_CR4:
		PANIC("control registers are written by the guest only");
	case SYSREG_EFER:
		write_efer(value);
		return;
	case SYSREG_TSC_AUX:
		v->tsc_aux = value;
		if (vmx_has_tsc_aux())
			cpu_wrmsr(MSR_TSC_AUX, value);
		return;
	default:
		if (places[reg].field)
			vmcs_write(places[reg].field, value);
		else
			cpu_wrmsr(places[reg].msr, value);
		return;
	}
}

void vmx_read_segment(struct vcpu *v, enum guest_segment_name name, struct guest_segment *s)
{
	uint32_t step = (uint32_t)name * VMCS_SEGMENT_STEP;
	uint32_t access = vmcs_read32(VMCS_GUEST_ES_ACCESS + step);

	s->base = vmcs_read(VMCS_GUEST_ES_BASE + step);
	s->limit = vmcs_read32(VMCS_GUEST_ES_LIMIT + step);
	s->selector = (uint16_t)vmcs_read(VMCS_GUEST_ES + step);
	s->access = (uint16_t)(access & ACCESS_FIELDS);
	s->is_unusable = (access & ACCESS_UNUSABLE) != 0;
}

_Static_assert(SEG_ES == 0 && SEG_CS == 1 && SEG_SS == 2 && SEG_DS == 3 && SEG_FS == 4 &&
		       SEG_GS == 5,
	       "the order of the VMCS");

void vmx_read_context(struct vcpu *v, struct guest_context *c)
{
	c->rip = vmcs_read(VMCS_GUEST_RIP);
	c->rflags = vmcs_read(VMCS_GUEST_RFLAGS);
	c->cr0 = vmx_read_sysreg(v, SYSREG_CR0);
	c->cr3 = vmcs_read(VMCS_GUEST_CR3);
	c->cr4 = vmx_read_sysreg(v, SYSREG_CR4);
	c->efer = vmcs_read(VMCS_GUEST_EFER);
	vmx_read_segment(v, SEG_CS, &c->segments[SEG_CS]);
	/* "Access rights": SS.DPL is the CPL, in every mode. */
	c->cpl = ACCESS_DPL(vmcs_read32(VMCS_GUEST_ES_ACCESS + SEG_SS * VMCS_SEGMENT_STEP));
}
