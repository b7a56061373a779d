/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/backend.h - what VT-x and AMD-V each implement, below arch/vcpu.h.
 *
 * Split   arch/x86/vcpu.c  owns struct vcpu: registers, FPU, MSR switching, virtual APIC and
 *			    the contract functions. Knows no VMCS and no VMCB.
 *	   vmx/, svm/	    own entry, exit, decoding, injection and control structures.
 * Exits   After enter() returns, gpr[] holds the guest's general registers (RAX too; RSP is
 *	   in the control structure, gpr[GPR_RSP] is the back-end's), and RIP, RFLAGS, CRs and segments
 *	   stay in the control structure. Before enter(), gpr[] is what the guest will see.
 * Switch  vcpu.c calls load() when another vCPU ran on this core before (VMPTRLD, ASID, ...).
 *	   What the hypervisor never uses itself is switched then, not at every exit: FPU and
 *	   XCR0, STAR..FMASK, KERNEL_GS_BASE, TSC_AUX (VT-x), DR0..DR3, DR6, CR2 (VT-x), and
 *	   R12..R15, which no code of the image uses (Makefile): gpr[] has them while not loaded.
 */
#pragma once
#include "arch/vcpu.h"
#include "arch/x86/vlapic.h"

/* clang-format off */
enum gpr {
	GPR_RAX, GPR_RCX, GPR_RDX, GPR_RBX, GPR_RSP, GPR_RBP, GPR_RSI, GPR_RDI,
	GPR_R8, GPR_R9, GPR_R10, GPR_R11, GPR_R12, GPR_R13, GPR_R14, GPR_R15,
	GPR_COUNT
};
/* clang-format on */

struct vcpu {
	uint64_t gpr[GPR_COUNT]; /* first: the assembly stubs index it from the struct's start */
	void *control;           /* VMCS or VMCB page */
	hpa_t control_hpa;
	hpa_t host_hpa;      /* AMD-V: its core's page for VMLOAD of the host's state */
	uint32_t skip_bytes; /* length of the instruction that exited; 0: back-end must ask */
	vcpu_id_t id;
	part_id_t part;
	uint64_t tsc_offset; /* guest TSC = host TSC + offset */
	struct vlapic lapic;
	void *backend; /* private to the back-end: MSR bitmap, I/O bitmap, ... */
	/* [C] VT-x looks at these at every entry and step: see vmx/vmcs.h */
	struct vcpu_hot {
		uint64_t quiet, calm_and_timed;
		uint64_t deadline_tsc;
		bool has_skipped;
	} hot;
	uint64_t xcr0;
	void *xsave; /* 64-byte aligned, sized at boot from CPUID leaf 0DH */
	uint64_t star, lstar, cstar, fmask, kernel_gs_base, tsc_aux; /* while not loaded, VT-x */
	uint64_t dr[4], dr6, cr2;
};

/* MSRs whose live copy is in the VMCS or VMCB. */
enum guest_sysreg {
	SYSREG_EFER,
	SYSREG_PAT,
	SYSREG_FS_BASE,
	SYSREG_GS_BASE,
	SYSREG_KERNEL_GS_BASE,
	SYSREG_SYSENTER_CS,
	SYSREG_SYSENTER_ESP,
	SYSREG_SYSENTER_EIP,
	SYSREG_STAR,
	SYSREG_LSTAR,
	SYSREG_CSTAR,
	SYSREG_FMASK,
	SYSREG_TSC_AUX, /* the back-end keeps v->tsc_aux and the CPU in step */
	SYSREG_CR0,
	SYSREG_CR4
}; /* read only, as the guest sees them */

struct backend {
	const char *name;
	enum err (*probe)(const char **missing);
	enum err (*core_enable)(const char **missing);
	/* Control structure, permission maps; guest registers as struct vcpu_setup says. */
	enum err (*create)(struct vcpu *v, const struct vcpu_setup *setup, hpa_t nested_root);
	void (*load)(struct vcpu *v);   /* becomes this core's current vCPU */
	void (*unload)(struct vcpu *v); /* stops being it */
	void (*enter)(struct vcpu *v, uint64_t deadline_tsc, struct exit_info *out);
	void (*skip_insn)(struct vcpu *v);
	void (*inject)(struct vcpu *v, enum vcpu_fault fault);
	uint64_t (*read_sysreg)(struct vcpu *v, enum guest_sysreg reg);
	void (*write_sysreg)(struct vcpu *v, enum guest_sysreg reg, uint64_t value);
	uint64_t (*rip)(struct vcpu *v);
	/*
	 * Can this guest take an interrupt if it is halted: RFLAGS.IF. Asked at any time, loaded
	 * or not; the answer counts only after EXIT_HLT.
	 */
	bool (*interrupts_enabled)(struct vcpu *v);
};

extern const struct backend vmx_backend, svm_backend;

/* For the back-ends: the highest-priority deliverable interrupt, or -1; and its acceptance. */
static inline int vcpu_irq_pending(const struct vcpu *v)
{
	return vlapic_pending(&v->lapic);
}

static inline void vcpu_irq_accept(struct vcpu *v, uint8_t vector)
{
	vlapic_accept(&v->lapic, vector);
}

/* For load() and unload(): the four registers that the guest alone uses. */
static inline void vcpu_load_r12_to_r15(const struct vcpu *v)
{
	__asm__ volatile("mov %0, %%r12\n\t"
			 "mov %1, %%r13\n\t"
			 "mov %2, %%r14\n\t"
			 "mov %3, %%r15"
			 :
			 : "m"(v->gpr[GPR_R12]), "m"(v->gpr[GPR_R13]), "m"(v->gpr[GPR_R14]),
			   "m"(v->gpr[GPR_R15]));
}

static inline void vcpu_save_r12_to_r15(struct vcpu *v)
{
	__asm__ volatile("mov %%r12, %0\n\t"
			 "mov %%r13, %1\n\t"
			 "mov %%r14, %2\n\t"
			 "mov %%r15, %3"
			 : "=m"(v->gpr[GPR_R12]), "=m"(v->gpr[GPR_R13]), "=m"(v->gpr[GPR_R14]),
			   "=m"(v->gpr[GPR_R15]));
}

/* Nested tables of a partition: EPT or NPT root (arch/x86/nested.c). */
hpa_t nested_root(part_id_t part);
