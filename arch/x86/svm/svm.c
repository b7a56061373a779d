/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/svm/svm.c - the AMD-V back-end of arch/x86/backend.h: what it needs, a VMCB per
 * vCPU, and the registers in it. APM Vol. 2, "Secure Virtual Machine".
 */
#include <string.h>
#include "arch/mem.h"
#include "arch/x86/cpu.h"
#include "arch/x86/nested.h"
#include "arch/x86/percpu.h"
#include "arch/x86/svm/decode.h"
#include "arch/x86/svm/svm.h"
#include "core/lib/assert.h"

/* APM Vol. 3, "Extended Processor Signature and Features", "Processor Capacity Parameters". */
#define CPUID_FEATURES        1u
#define CPUID_EXTENDED        0x80000000u
#define CPUID_EXTENDED_1      0x80000001u
#define EXTENDED_1_EDX_1G     BIT32(26)
#define EXTENDED_1_EDX_RDTSCP BIT32(27)
#define CPUID_CAPACITY        0x80000008u
#define CAPACITY_EAX_PHYSICAL 0xffu

#define ASID_FIRST            1u /* 0 is the host's */
#define ASID_MIN              2u /* one of its own, or a shared one */

uint8_t svm_msrpm[MSRPM_BYTES] __attribute__((aligned(PAGE_BYTES)));
uint8_t svm_iopm[IOPM_BYTES] __attribute__((aligned(PAGE_BYTES)));

/* Per core: where VMRUN keeps the host's state, and the page for the host's VMSAVE, VMLOAD. */
static struct {
	uint8_t save_area[PAGE_BYTES];
	uint8_t host_vmcb[PAGE_BYTES];
} cores[MAX_CORES] __attribute__((aligned(PAGE_BYTES)));

static struct svm_vcpu vcpus[MAX_VCPUS];
static uint32_t asid_count; /* [I] after probe */
static bool has_tsc_aux;    /* [I] after probe */
bool svm_has_decode_assists;

/*
 * MSRs that guests read and write without an exit. VMSAVE and VMLOAD switch them, hardware
 * checks what is written, and nobody else is affected.
 */
static const uint32_t passed_msrs[] = {
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_STAR,         MSR_LSTAR,
	MSR_CSTAR,   MSR_FMASK,   MSR_SYSENTER_CS,    MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
};

/* ---- What it needs ---- */

static void build_permission_maps(void)
{
	memset(svm_iopm, 0xff, sizeof(svm_iopm));
	memset(svm_msrpm, 0xff, sizeof(svm_msrpm));
	for (size_t i = 0; i < ARRAY_SIZE(passed_msrs); i++)
		ASSERT(svm_msrpm_allow(svm_msrpm, passed_msrs[i]));
}

static enum err svm_probe(const char **missing)
{
	const uint32_t extended_1_edx = cpu_cpuid(CPUID_EXTENDED_1, 0).edx;
	struct cpuid_regs svm;

	*missing = "AMD-V: CPUID Fn8000_000A (SVM features)";
	if (cpu_cpuid(CPUID_EXTENDED, 0).eax < CPUID_SVM)
		return ERR_UNSUPPORTED;
	svm = cpu_cpuid(CPUID_SVM, 0);
	*missing = "AMD-V: nested paging (SVM feature NP)";
	if (!(svm.edx & CPUID_SVM_EDX_NP))
		return ERR_UNSUPPORTED;
	*missing = "AMD-V: at least two address space identifiers (ASIDs)";
	if (svm.ebx < ASID_MIN)
		return ERR_UNSUPPORTED;
	asid_count = svm.ebx;
	svm_has_decode_assists =
		(svm.edx & CPUID_SVM_EDX_ASSISTS) && (svm.edx & CPUID_SVM_EDX_NRIPS);
	has_tsc_aux = extended_1_edx & EXTENDED_1_EDX_RDTSCP;
	nested_configure(NESTED_NPT, extended_1_edx & EXTENDED_1_EDX_1G ? NESTED_1G : NESTED_2M,
			 cpu_cpuid(CPUID_CAPACITY, 0).eax & CAPACITY_EAX_PHYSICAL);
	build_permission_maps();
	*missing = NULL;
	return OK;
}

static enum err svm_core_enable(const char **missing)
{
	struct percpu *const p = percpu();
	const hpa_t host = arch_mem_hpa(cores[p->core].host_vmcb);

	*missing = "AMD-V, which firmware has switched off (VM_CR.SVMDIS): see its set-up menu";
	if (cpu_rdmsr(MSR_VM_CR) & VM_CR_SVMDIS)
		return ERR_UNSUPPORTED;
	cpu_wrmsr(MSR_EFER, cpu_rdmsr(MSR_EFER) | EFER_SVME);
	cpu_wrmsr(MSR_VM_HSAVE_PA, arch_mem_hpa(cores[p->core].save_area).v);
	/* FS, GS, TR, LDTR and the system-call MSRs of the host never change from here on. */
	__asm__ volatile("vmsave %%rax" ::"a"(host.v) : "memory");
	p->backend = cores[p->core].host_vmcb;
	p->backend_hpa = host;
	*missing = NULL;
	return OK;
}

/* ---- A vCPU ---- */

/*
 * vCPU n has ASID n + 1 to itself. Those for which there is none left share the last one,
 * and the TLB is flushed whenever one of them is loaded.
 */
static void give_asid(struct vcpu *v, struct vmcb *vmcb, struct svm_vcpu *s)
{
	const uint32_t last = asid_count - 1;

	s->shares_asid = v->id + ASID_FIRST >= last;
	vmcb->asid = s->shares_asid ? last : (uint32_t)v->id + ASID_FIRST;
	/* svm_reset_events() flushes before the first entry: firmware may have used it. */
}

static void set_controls(struct vcpu *v, struct vmcb *vmcb, hpa_t root)
{
	vmcb->intercept_exceptions = EXCEPTIONS_INTERCEPTED;
	vmcb->intercept = INTERCEPTS;
	vmcb->intercept2 = INTERCEPT2_VMRUN | INTERCEPT2_VMMCALL | INTERCEPT2_VMLOAD |
			   INTERCEPT2_VMSAVE | INTERCEPT2_STGI | INTERCEPT2_CLGI |
			   INTERCEPT2_SKINIT | INTERCEPT2_WBINVD | INTERCEPT2_MONITOR |
			   INTERCEPT2_MWAIT | INTERCEPT2_XSETBV;
	vmcb->iopm_base = arch_mem_hpa(svm_iopm).v;
	vmcb->msrpm_base = arch_mem_hpa(svm_msrpm).v;
	vmcb->tsc_offset = v->tsc_offset;
	vmcb->nested_control = NESTED_PAGING;
	vmcb->nested_cr3 = root.v;
}

static enum err svm_create(struct vcpu *v, const struct vcpu_setup *setup, hpa_t root)
{
	struct svm_vcpu *const s = &vcpus[v->id];
	struct vmcb *const vmcb = arch_mem_take_pages(1);

	if (!vmcb)
		return ERR_NOMEM;
	v->control = vmcb;
	v->control_hpa = arch_mem_hpa(vmcb);
	v->backend = s;
	v->has_apicv = false;
	vmcb->g_pat = PAT_RESET; /* for a vCPU that begins after INIT */
	set_controls(v, vmcb, root);
	give_asid(v, vmcb, s);
	return OK;
}

static void reset_live_registers(void)
{
	cpu_write_dr0(0);
	cpu_write_dr1(0);
	cpu_write_dr2(0);
	cpu_write_dr3(0);
}

/* "EDX = processor signature": the one that the guest's CPUID shows. */
static void reset_gprs(struct vcpu *v)
{
	memset(v->gpr, 0, sizeof(v->gpr));
	v->gpr[GPR_RDX] = cpu_cpuid(CPUID_FEATURES, 0).eax;
	if (v->entry.mode != VCPU_REAL16) {
		v->gpr[GPR_RAX] = v->entry.rax;
		v->gpr[GPR_RBX] = v->entry.rbx;
		v->gpr[GPR_RSI] = v->entry.rsi;
	}
	vcpu_load_r12_to_r15(v);
}

static void svm_reset(struct vcpu *v)
{
	struct vmcb *const vmcb = v->control;

	svm_initial_state(vmcb, &v->entry);
	vmcb->tsc_offset = v->tsc_offset;
	svm_reset_control(v);
	svm_reset_events(v);
	reset_live_registers();
	reset_gprs(v);
}

/* The virtual APIC is software's in every mode. */
static void svm_apic_mode_changed(struct vcpu *v)
{
	(void)v;
}

/* What the guest has taken since is noted first: what comes now may be the same vector again. */
static void svm_events_changed(struct vcpu *v)
{
	svm_note_interrupts(v, v->control);
	v->lapic.changed = true;
}

static void svm_tsc_offset_changed(struct vcpu *v)
{
	((struct vmcb *)v->control)->tsc_offset = v->tsc_offset;
}

static bool svm_notify(struct vcpu *v)
{
	(void)v;
	return false;
}

static const char *svm_apic_name(void)
{
	return "software";
}

/* VMRUN and VMLOAD bring the rest. */
static void svm_load(struct vcpu *v)
{
	struct svm_vcpu *const s = v->backend;

	if (s->shares_asid) {
		s->flush = TLB_FLUSH_ALL;
		s->has_rare = v->lapic.changed = true;
	}
	if (has_tsc_aux)
		cpu_wrmsr(MSR_TSC_AUX, v->tsc_aux);
	v->host_hpa = percpu()->backend_hpa;
	vcpu_load_r12_to_r15(v);
}

/* What the guest took is noted: its virtual APIC may start over before it is loaded again. */
static void svm_unload(struct vcpu *v)
{
	svm_note_interrupts(v, v->control);
	vcpu_save_r12_to_r15(v);
}

/* ---- Its registers ---- */

static uint64_t *sysreg_at(struct vcpu *v, enum guest_sysreg reg)
{
	struct vmcb *const vmcb = v->control;

	switch (reg) {
	case SYSREG_EFER:
		return &vmcb->efer;
	case SYSREG_PAT:
		return &vmcb->g_pat;
	case SYSREG_FS_BASE:
		return &vmcb->fs.base;
	case SYSREG_GS_BASE:
		return &vmcb->gs.base;
	case SYSREG_KERNEL_GS_BASE:
		return &vmcb->kernel_gs_base;
	case SYSREG_SYSENTER_CS:
		return &vmcb->sysenter_cs;
	case SYSREG_SYSENTER_ESP:
		return &vmcb->sysenter_esp;
	case SYSREG_SYSENTER_EIP:
		return &vmcb->sysenter_eip;
	case SYSREG_STAR:
		return &vmcb->star;
	case SYSREG_LSTAR:
		return &vmcb->lstar;
	case SYSREG_CSTAR:
		return &vmcb->cstar;
	case SYSREG_FMASK:
		return &vmcb->sfmask;
	case SYSREG_TSC_AUX:
		return &v->tsc_aux;
	case SYSREG_CR3:
		return &vmcb->cr3;
	case SYSREG_CR0: /* not as they are there: svm_cr0(), svm_cr4() */
	case SYSREG_CR4:
		break;
	}
	PANIC("a system register that does not exist");
}

static uint64_t svm_read_sysreg(struct vcpu *v, enum guest_sysreg reg)
{
	switch (reg) {
	case SYSREG_CR0:
		return svm_cr0(v);
	case SYSREG_CR4:
		return svm_cr4(v);
	case SYSREG_EFER:
		return *sysreg_at(v, reg) & ~EFER_SVME;
	default:
		return *sysreg_at(v, reg);
	}
}

static void svm_write_sysreg(struct vcpu *v, enum guest_sysreg reg, uint64_t value)
{
	ASSERT(reg != SYSREG_CR3);
	*sysreg_at(v, reg) = reg == SYSREG_EFER ? value | EFER_SVME : value;
	if (reg == SYSREG_TSC_AUX && has_tsc_aux)
		cpu_wrmsr(MSR_TSC_AUX, value);
}

/* RSP is in the VMCB, R12 to R15 are in the CPU; RAX is copied at each entry and exit. */
uint64_t svm_read_gpr(struct vcpu *v, uint32_t gpr)
{
	if (gpr == GPR_RSP)
		return ((const struct vmcb *)v->control)->rsp;
	if (gpr >= GPR_R12)
		vcpu_save_r12_to_r15(v);
	return v->gpr[gpr];
}

void svm_write_gpr(struct vcpu *v, uint32_t gpr, uint64_t value)
{
	if (gpr == GPR_RSP) {
		((struct vmcb *)v->control)->rsp = value;
		return;
	}
	if (gpr >= GPR_R12)
		vcpu_save_r12_to_r15(v);
	v->gpr[gpr] = value;
	if (gpr >= GPR_R12)
		vcpu_load_r12_to_r15(v);
}

static void svm_read_context(struct vcpu *v, struct guest_context *c)
{
	svm_context(v->control, svm_cr0(v), svm_cr4(v), c);
}

static void svm_read_segment(struct vcpu *v, enum guest_segment_name name, struct guest_segment *s)
{
	svm_segment(v->control, name, s);
}

static uint64_t svm_rip(struct vcpu *v)
{
	return ((const struct vmcb *)v->control)->rip;
}

static bool svm_interrupts_enabled(struct vcpu *v)
{
	return ((const struct vmcb *)v->control)->rflags & RFLAGS_IF;
}

const struct backend svm_backend = {
	.name = "AMD-V",
	.probe = svm_probe,
	.core_enable = svm_core_enable,
	.apic_name = svm_apic_name,
	.create = svm_create,
	.reset = svm_reset,
	.apic_mode_changed = svm_apic_mode_changed,
	.events_changed = svm_events_changed,
	.tsc_offset_changed = svm_tsc_offset_changed,
	.notify = svm_notify,
	.load = svm_load,
	.unload = svm_unload,
	.enter = svm_enter,
	.skip_insn = svm_skip_insn,
	.inject = svm_inject,
	.inject_page_fault = svm_inject_page_fault,
	.read_gpr = svm_read_gpr,
	.write_gpr = svm_write_gpr,
	.read_context = svm_read_context,
	.read_segment = svm_read_segment,
	.retire = svm_retire,
	.read_sysreg = svm_read_sysreg,
	.write_sysreg = svm_write_sysreg,
	.rip = svm_rip,
	.interrupts_enabled = svm_interrupts_enabled,
};
