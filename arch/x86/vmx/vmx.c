/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VT-x back-end of arch/x86/backend.h. SDM Vol. 3C, "Introduction to Virtual Machine
 * Extensions", "Virtual Machine Monitor Programming Considerations".
 */
#include <string.h>
#include "arch/mem.h"
#include "arch/x86/apic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/nested.h"
#include "arch/x86/percpu.h"
#include "arch/x86/vmx/apicv.h"
#include "arch/x86/vmx/bochs.h"
#include "arch/x86/vmx/direct.h"
#include "arch/x86/vmx/vmcs.h"
#include "core/lib/assert.h"
#include "core/lib/fmt.h"

/* entry.S counts on these. */
_Static_assert(offsetof(struct vcpu, gpr) == 0, "entry.S finds registers at the start");
_Static_assert(GPR_RAX == 0 && GPR_RCX == 1 && GPR_RDX == 2 && GPR_RBX == 3 && GPR_RSP == 4 &&
		       GPR_RBP == 5 && GPR_RSI == 6 && GPR_RDI == 7 && GPR_R8 == 8 &&
		       GPR_R15 == 15 && sizeof(((struct vcpu *)0)->gpr[0]) == 8,
	       "entry.S has the offsets");

#ifndef GUESTS_KEEP_R12_TO_R15
#error "the image must be compiled with -ffixed-r12 to -ffixed-r15: see entry.S"
#endif

struct vmx_controls vmx_controls;

static struct vmx vmx_vcpus[MAX_VCPUS];

/* A VMXON region per core, before the pool exists and after it is sealed. */
static uint8_t vmxon_regions[MAX_CORES][PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));

static struct vmx_caps read_caps(void)
{
	uint64_t basic = cpu_rdmsr(MSR_VMX_BASIC);
	bool has_true = (basic & VMX_BASIC_TRUE_CTLS) != 0;
	struct vmx_caps c = {
		.feature_control = cpu_rdmsr(MSR_FEATURE_CONTROL),
		.basic = basic,
		.pin = cpu_rdmsr(has_true ? MSR_VMX_TRUE_PINBASED_CTLS : MSR_VMX_PINBASED_CTLS),
		.proc = cpu_rdmsr(has_true ? MSR_VMX_TRUE_PROCBASED_CTLS : MSR_VMX_PROCBASED_CTLS),
		.exit = cpu_rdmsr(has_true ? MSR_VMX_TRUE_EXIT_CTLS : MSR_VMX_EXIT_CTLS),
		.entry = cpu_rdmsr(has_true ? MSR_VMX_TRUE_ENTRY_CTLS : MSR_VMX_ENTRY_CTLS),
		.misc = cpu_rdmsr(MSR_VMX_MISC),
		.cr0_fixed0 = cpu_rdmsr(MSR_VMX_CR0_FIXED0),
		.cr0_fixed1 = cpu_rdmsr(MSR_VMX_CR0_FIXED1),
		.cr4_fixed0 = cpu_rdmsr(MSR_VMX_CR4_FIXED0),
		.cr4_fixed1 = cpu_rdmsr(MSR_VMX_CR4_FIXED1),
		.switches_pkru = (cpuid_guest_xcr0() & XCR0_PKRU) != 0,
	};

	/* These MSRs exist only where the control that they belong to does. */
	if (c.proc >> 32 & PROC_ACTIVATE_SECONDARY)
		c.proc2 = cpu_rdmsr(MSR_VMX_PROCBASED_CTLS2);
	if (c.proc2 >> 32 & (PROC2_ENABLE_EPT | PROC2_ENABLE_VPID))
		c.ept_vpid = cpu_rdmsr(MSR_VMX_EPT_VPID_CAP);
	return c;
}

static uint32_t physical_address_bits(void)
{
	const uint32_t leaf = 0x80000008u;

	return cpu_cpuid(leaf, 0).eax & 0xffu;
}

static enum err vmx_probe(const char **missing)
{
	struct vmx_caps caps = read_caps();
	enum err e = vmx_controls_plan(&caps, &vmx_controls, missing);

	if (e != OK)
		return e;
	nested_configure(NESTED_EPT, vmx_controls.has_1g_pages ? NESTED_1G : NESTED_2M,
			 physical_address_bits());
	vmcs_build_msr_bitmaps();
	vmx_bochs_probe();
	return OK;
}

/* VMX instructions report failure in CF or ZF: "Conventions" of the instruction reference. */
static bool vmxon(hpa_t region)
{
	bool failed;

	__asm__ volatile("vmxon %1" : "=@ccbe"(failed) : "m"(region.v) : "memory");
	return !failed;
}

static void vmclear(hpa_t vmcs)
{
	bool failed;

	__asm__ volatile("vmclear %1" : "=@ccbe"(failed) : "m"(vmcs.v) : "memory");
	ASSERT(!failed);
}

static void vmptrld(hpa_t vmcs)
{
	bool failed;

	__asm__ volatile("vmptrld %1" : "=@ccbe"(failed) : "m"(vmcs.v) : "memory");
	ASSERT(!failed);
}

static void invept(uint64_t type, uint64_t eptp)
{
	const uint64_t descriptor[2] = { eptp, 0 };
	bool failed;

	__asm__ volatile("invept %1, %2"
			 : "=@ccbe"(failed)
			 : "m"(descriptor), "r"(type)
			 : "memory");
	ASSERT(!failed);
}

static void invvpid(uint64_t type, uint64_t vpid)
{
	const uint64_t descriptor[2] = { vpid, 0 };
	bool failed;

	__asm__ volatile("invvpid %1, %2"
			 : "=@ccbe"(failed)
			 : "m"(descriptor), "r"(type)
			 : "memory");
	ASSERT(!failed);
}

static enum err vmx_core_enable(const char **missing)
{
	struct percpu *p = percpu();
	struct vmx_caps caps = read_caps();
	struct vmx_controls own;
	void *region = vmxon_regions[p->core];
	enum err e = vmx_controls_plan(&caps, &own, missing);

	if (e != OK)
		return e;
	*missing = "VT-x: the same capabilities on every core";
	if (memcmp(&own, &vmx_controls, sizeof(own)) != 0)
		return ERR_UNSUPPORTED;
	if (!(caps.feature_control & FEATURE_CONTROL_LOCK))
		cpu_wrmsr(MSR_FEATURE_CONTROL,
			  caps.feature_control | FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX_NO_SMX);
	cpu_write_cr0((cpu_read_cr0() | caps.cr0_fixed0) & caps.cr0_fixed1);
	cpu_write_cr4((cpu_read_cr4() | caps.cr4_fixed0) & caps.cr4_fixed1);
	memcpy(region, &own.revision, sizeof(own.revision));
	*missing = "VT-x: VMXON failed";
	p->backend = region;
	p->backend_hpa = arch_mem_hpa(region);
	if (!vmxon(p->backend_hpa))
		return ERR_UNSUPPORTED;
	/* Firmware may have used VT-x: "Guidelines for Use of the INVVPID and INVEPT". */
	invept(INVEPT_ALL, 0);
	invvpid(INVVPID_ALL, 0);
	*missing = NULL;
	return OK;
}

/* On the boot core; its current VMCS, if it has one, is current again afterwards. */
static void write_vmcs(const struct vcpu *v)
{
	vmclear(v->control_hpa);
	vmptrld(v->control_hpa);
	vmcs_init(v);
	vmclear(v->control_hpa); /* into memory: another core may load it */
	if (percpu()->loaded)
		vmptrld(percpu()->loaded->control_hpa);
}

static enum err vmx_create(struct vcpu *v, const struct vcpu_setup *setup, hpa_t root)
{
	struct vmx *x = &vmx_vcpus[v->id];
	enum err e;

	v->control = arch_mem_take_pages(1);
	if (!v->control)
		return ERR_NOMEM;
	v->control_hpa = arch_mem_hpa(v->control);
	memcpy(v->control, &vmx_controls.revision, sizeof(vmx_controls.revision));
	v->backend = x;
	*x = (struct vmx){
		.pin = vmx_controls.pin,
		.proc = vmx_controls.proc,
		.proc2 = vmx_controls.proc2,
		.nested_root = root,
	};
	e = direct_create(v, setup);
	if (e == OK)
		e = apicv_create(v, setup);
	if (e != OK)
		return e;
	write_vmcs(v);
	return OK;
}

void vmx_forget_translations(const struct vcpu *v)
{
	const struct vmx *x = v->backend;

	invept(INVEPT_CONTEXT, x->nested_root.v | EPTP_MEMORY_WB | EPTP_WALK_4);
	invvpid(INVVPID_CONTEXT, v->id + 1);
}

/* The first time on its own core: EPT tables are built by then, and this VPID is new here. */
static void settle(struct vcpu *v, struct vmx *x)
{
	vmcs_init_host(v);
	apicv_write_mode(v);
	x->host_apic_id = percpu()->apic_id;
	x->destination = apic_notice_destination(v->core);
	x->has_host = true;
}

static void vmx_load(struct vcpu *v)
{
	struct vmx *x = v->backend;

	vmptrld(v->control_hpa);
	if (!x->has_host)
		settle(v, x);
	cpu_wrmsr(MSR_STAR, v->star);
	cpu_wrmsr(MSR_LSTAR, v->lstar);
	cpu_wrmsr(MSR_CSTAR, v->cstar);
	cpu_wrmsr(MSR_FMASK, v->fmask);
	cpu_wrmsr(MSR_KERNEL_GS_BASE, v->kernel_gs_base);
	if (vmx_has_tsc_aux())
		cpu_wrmsr(MSR_TSC_AUX, v->tsc_aux);
	cpu_write_cr2(v->cr2);
	cpu_write_dr6(v->dr6);
	vcpu_load_r12_to_r15(v);
	if (x->can_post)
		apicv_load(v);
}

static bool vmx_sleep(struct vcpu *v)
{
	struct vmx *x = v->backend;

	return x->can_post && apicv_sleep(v);
}

/* The VMCS stays active on this core, the only one that ever loads it: no VMCLEAR. */
static void vmx_unload(struct vcpu *v)
{
	struct vmx *x = v->backend;

	direct_end(v);
	v->star = cpu_rdmsr(MSR_STAR);
	v->lstar = cpu_rdmsr(MSR_LSTAR);
	v->cstar = cpu_rdmsr(MSR_CSTAR);
	v->fmask = cpu_rdmsr(MSR_FMASK);
	v->kernel_gs_base = cpu_rdmsr(MSR_KERNEL_GS_BASE);
	vcpu_save_r12_to_r15(v);
	v->cr2 = cpu_read_cr2();
	v->dr6 = cpu_read_dr6();
	if (x->is_posting)
		apicv_end_posting(v);
}

/* The guest's registers replace all that we use, but RSP. */
static inline void run(struct vcpu *v)
{
	__asm__ volatile("call vmx_run"
			 : "+D"(v)
			 :
			 : "rax", "rbx", "rcx", "rdx", "rsi", "rbp", "r8", "r9", "r10", "r11", "cc",
			   "memory");
}

/* Keeps nothing over the guest's run but `out`: whose exit it was, percpu() knows. */
static inline __attribute__((always_inline)) void run_once(struct vcpu *v, uint64_t entry_tsc,
							   struct exit_info *out)
{
	uint64_t reason;

	out->entry_tsc = entry_tsc;
	run(v);
	out->exit_tsc = cpu_rdtsc();
	reason = vmcs_read(VMCS_EXIT_REASON);
	if (__builtin_expect(reason == REASON_CPUID, 1))
		out->kind = EXIT_CPUID;
	else
		vmx_decode(percpu()->loaded, (uint32_t)reason, out);
}

static __attribute__((noinline)) void enter_prepared(struct vcpu *v, uint64_t deadline_tsc,
						     struct exit_info *out)
{
	if (vmx_prepare(v, deadline_tsc)) {
		run_once(v, cpu_rdtsc(), out);
		return;
	}
	out->kind = EXIT_DEADLINE;
	out->entry_tsc = out->exit_tsc = cpu_rdtsc();
}

/*
 * The path of every exit: one test finds each of the two frequent cases, nothing to do before
 * the entry, and nothing but to set the timer.
 */
static void vmx_enter(struct vcpu *v, uint64_t deadline_tsc, struct exit_info *out)
{
	bool is_simple;
	uint64_t now_tsc;

	if (deadline_tsc == TSC_NEVER) {
		is_simple = v->hot.quiet != 0;
		now_tsc = cpu_rdtsc();
	} else {
		now_tsc = cpu_rdtsc();
		is_simple = now_tsc < deadline_tsc && v->hot.calm_and_timed != 0;
		if (is_simple)
			vmx_set_timer(v, now_tsc, deadline_tsc);
	}
	if (__builtin_expect(is_simple, 1))
		run_once(v, now_tsc, out);
	else
		enter_prepared(v, deadline_tsc, out);
}

/*
 * Controls or host state that the CPU refuses are never a guest's doing. When VMRESUME has
 * refused a launched VMCS, VMLAUNCH has hidden why: once more, for the number.
 */
NORETURN void vmx_entry_refused(void)
{
	static char text[64];
	uint64_t error = vmcs_read(VMCS_INSTRUCTION_ERROR);

	if (error == VM_ERROR_LAUNCH_NOT_CLEAR) {
		__asm__ volatile("vmresume" ::: "cc", "memory");
		error = vmcs_read(VMCS_INSTRUCTION_ERROR);
	}
	fmt_text(text, sizeof(text), "VM entry refused: VM-instruction error %lu", error);
	PANIC(text);
}

static const char *vmx_apic_name(void)
{
	return vmx_controls.has_apicv ? "APICv with posted interrupts" : "software";
}

static void vmx_apic_mode_changed(struct vcpu *v)
{
	apicv_write_mode(v);
	direct_mode_changed(v);
	vmx_events_changed(v);
}

static void vmx_tsc_offset_changed(struct vcpu *v)
{
	vmcs_write(VMCS_TSC_OFFSET, v->tsc_offset);
	if (v->is_lent)
		direct_written(v);
}

static bool vmx_notify(struct vcpu *v)
{
	return v->is_direct ? direct_notify(v) : apicv_notify(v);
}

static uint64_t vmx_rip(struct vcpu *v)
{
	return vmcs_read(VMCS_GUEST_RIP);
}

/* Asked about halted vCPUs, loaded or not. */
static bool vmx_interrupts_enabled(struct vcpu *v)
{
	return ((const struct vmx *)v->backend)->can_wake;
}

const struct backend vmx_backend = {
	.name = "VT-x",
	.probe = vmx_probe,
	.core_enable = vmx_core_enable,
	.apic_name = vmx_apic_name,
	.create = vmx_create,
	.reset = vmx_reset,
	.apic_mode_changed = vmx_apic_mode_changed,
	.events_changed = vmx_events_changed,
	.tsc_offset_changed = vmx_tsc_offset_changed,
	.notify = vmx_notify,
	.lent_apic_written = direct_written,
	.take_apic_back = direct_end,
	.force_exit = direct_force_exit,
	.sleep = vmx_sleep,
	.load = vmx_load,
	.unload = vmx_unload,
	.enter = vmx_enter,
	.skip_insn = vmx_skip_insn,
	.inject = vmx_inject,
	.inject_page_fault = vmx_inject_page_fault,
	.read_gpr = vmx_read_gpr,
	.write_gpr = vmx_write_gpr,
	.read_context = vmx_read_context,
	.read_segment = vmx_read_segment,
	.retire = vmx_retire,
	.read_sysreg = vmx_read_sysreg,
	.write_sysreg = vmx_write_sysreg,
	.rip = vmx_rip,
	.interrupts_enabled = vmx_interrupts_enabled,
};
