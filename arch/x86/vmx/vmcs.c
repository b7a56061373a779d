/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that a VMCS holds, written once. SDM Vol. 3C, "VM Entries": "Checks on VMX
 * Controls and Host-State Area" and "Checking and Loading Guest State" say what must fit.
 */
#include "arch/mem.h"
#include "arch/x86/cpu.h"
#include "arch/x86/percpu.h"
#include "arch/x86/vmx/apicv.h"
#include "arch/x86/vmx/vmcs.h"
#include "core/lib/assert.h"

/* Shared by all vCPUs. */
static uint8_t msr_bitmaps[VMX_MSR_BITMAP_COUNT][PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));

struct idt_register {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

static uint64_t host_idt_base(void)
{
	struct idt_register r;

	__asm__ volatile("sidt %0" : "=m"(r));
	return r.base;
}

void vmcs_set(enum vmcs_field field, uint64_t value)
{
	bool failed;

	__asm__ volatile("vmwrite %2, %1" : "=@ccbe"(failed) : "r"((uint64_t)field), "r"(value));
	ASSERT(!failed);
}

void vmcs_build_msr_bitmaps(void)
{
	for (uint32_t i = 0; i < VMX_MSR_BITMAP_COUNT; i++)
		vmx_msr_bitmap_build(msr_bitmaps[i], (enum vmx_msr_bitmap)i);
}

hpa_t vmcs_msr_bitmap(enum vmx_msr_bitmap kind)
{
	return arch_mem_hpa(msr_bitmaps[kind]);
}

/*
 * #DB and #AC exit, because delivering them can raise them again, for ever, inside one
 * instruction that no timer interrupts. #MC is the host's.
 */
static void init_controls(const struct vcpu *v, const struct vmx *x)
{
	vmcs_set(VMCS_PIN_CONTROLS, x->pin);
	vmcs_set(VMCS_PROC_CONTROLS, x->proc);
	vmcs_set(VMCS_PROC2_CONTROLS, x->proc2);
	vmcs_set(VMCS_EXIT_CONTROLS, vmx_controls.exit);
	vmcs_set(VMCS_ENTRY_CONTROLS, vmx_controls.entry);
	vmcs_set(VMCS_EXCEPTION_BITMAP,
		 BIT32(EXCEPTION_DB) | BIT32(EXCEPTION_AC) | BIT32(EXCEPTION_MC));
	vmcs_set(VMCS_PAGE_FAULT_MASK, 0);
	vmcs_set(VMCS_PAGE_FAULT_MATCH, 0);
	vmcs_set(VMCS_CR3_TARGET_COUNT, 0);
	vmcs_set(VMCS_EXIT_MSR_STORE_COUNT, 0);
	vmcs_set(VMCS_EXIT_MSR_LOAD_COUNT, 0);
	vmcs_set(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
	vmcs_set(VMCS_ENTRY_INTERRUPTION, 0);
	vmcs_set(VMCS_ENTRY_ERROR_CODE, 0);
	vmcs_set(VMCS_ENTRY_INSTRUCTION_LENGTH, 0);
	vmcs_set(VMCS_MSR_BITMAP, vmcs_msr_bitmap(VMX_MSRS_PLAIN).v);
	vmcs_set(VMCS_TSC_OFFSET, v->tsc_offset);
	vmcs_set(VMCS_EPTP, x->nested_root.v | EPTP_MEMORY_WB | EPTP_WALK_4);
	vmcs_set(VMCS_VPID, v->id + 1); /* 0 is the host's */
	if (vmx_controls.proc2 & PROC2_ENCLS_EXITING)
		vmcs_set(VMCS_ENCLS_EXITING_BITMAP, UINT64_MAX);
	vmcs_set(VMCS_CR0_MASK, vmx_controls.cr0_mask);
	vmcs_set(VMCS_CR4_MASK, vmx_controls.cr4_mask);
}

/* What INIT leaves alone; and what reset.c finds for CR0.CD and NW before the first start. */
static void init_guest_msrs(void)
{
	vmcs_set(VMCS_CR0_SHADOW, CR0_ET | CR0_CD | CR0_NW);
	vmcs_set(VMCS_GUEST_SYSENTER_CS, 0);
	vmcs_set(VMCS_GUEST_SYSENTER_ESP, 0);
	vmcs_set(VMCS_GUEST_SYSENTER_EIP, 0);
	vmcs_set(VMCS_GUEST_PAT, PAT_RESET);
	vmcs_set(VMCS_LINK_POINTER, VMCS_NO_LINK);
	vmcs_set(VMCS_PREEMPTION_TIMER, 0);
}

/* What percpu.h promises after every exit. */
void vmcs_init_host(const struct vcpu *v)
{
	const struct percpu *p = percpu();

	vmcs_set(VMCS_HOST_CR0, cpu_read_cr0());
	vmcs_set(VMCS_HOST_CR3, cpu_read_cr3());
	vmcs_set(VMCS_HOST_CR4, cpu_read_cr4());
	vmcs_set(VMCS_HOST_ES, SEL_DATA);
	vmcs_set(VMCS_HOST_CS, SEL_CODE);
	vmcs_set(VMCS_HOST_SS, SEL_DATA);
	vmcs_set(VMCS_HOST_DS, SEL_DATA);
	vmcs_set(VMCS_HOST_FS, 0);
	vmcs_set(VMCS_HOST_GS, 0);
	vmcs_set(VMCS_HOST_TR, SEL_TSS);
	vmcs_set(VMCS_HOST_FS_BASE, 0);
	vmcs_set(VMCS_HOST_GS_BASE, (uint64_t)p);
	vmcs_set(VMCS_HOST_TR_BASE, (uint64_t)&p->tss);
	vmcs_set(VMCS_HOST_GDTR_BASE, (uint64_t)p->gdt);
	vmcs_set(VMCS_HOST_IDTR_BASE, host_idt_base());
	vmcs_set(VMCS_HOST_SYSENTER_CS, 0);
	vmcs_set(VMCS_HOST_SYSENTER_ESP, 0);
	vmcs_set(VMCS_HOST_SYSENTER_EIP, 0);
	vmcs_set(VMCS_HOST_PAT, cpu_rdmsr(MSR_PAT));
	vmcs_set(VMCS_HOST_EFER, cpu_rdmsr(MSR_EFER));
	vmcs_set(VMCS_HOST_RSP, (uint64_t)v);
	vmcs_set(VMCS_HOST_RIP, (uint64_t)vmx_exit_point);
}

void vmcs_init(const struct vcpu *v)
{
	const struct vmx *x = v->backend;

	init_controls(v, x);
	if (v->has_apicv)
		apicv_init_vmcs(v);
	init_guest_msrs();
}
