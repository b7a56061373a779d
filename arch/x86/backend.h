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
#include "arch/guest.h"
#include "arch/vcpu.h"
#include "arch/x86/vlapic.h"
#include "io/pi.h"

/* clang-format off */
enum gpr {
	GPR_RAX, GPR_RCX, GPR_RDX, GPR_RBX, GPR_RSP, GPR_RBP, GPR_RSI, GPR_RDI,
	GPR_R8, GPR_R9, GPR_R10, GPR_R11, GPR_R12, GPR_R13, GPR_R14, GPR_R15,
	GPR_COUNT
};
/* clang-format on */

enum vcpu_activity { VCPU_ACTIVE, VCPU_WAITS_FOR_SIPI };

/* What any core may leave for a vCPU; it is taken in by arch_vcpu_sync(). All atomic. */
#define VCPU_POST_NMI     BIT32(0)
#define VCPU_POST_INIT    BIT32(1)
#define VCPU_POST_SIPI    BIT32(2)
#define VCPU_POST_EXTINT  BIT32(3) /* stays set while the 8259's output is high */
#define VCPU_POST_LEVEL   BIT32(4) /* keeps_level_apart: `level` has vectors */
#define VCPU_POST_ILLEGAL BIT32(5) /* a device's interrupt with a vector below 16 */
struct vcpu_mailbox {
	struct pi_descriptor
		*vectors; /* a frame of its own: also the posted-interrupt descriptor */
	/*
	 * The trigger mode with which a vector was last posted: 1 level. With keeps_level_apart,
	 * where hardware takes vectors as edge-triggered: the level-triggered ones, not in `vectors`.
	 */
	uint64_t level[4];
	uint32_t events;      /* VCPU_POST_* */
	uint32_t sipi_vector; /* written before VCPU_POST_SIPI is */
};

struct vcpu {
	uint64_t gpr[GPR_COUNT]; /* first: the assembly stubs index it from the struct's start */
	void *control;           /* VMCS or VMCB page */
	hpa_t control_hpa;
	hpa_t host_hpa;      /* AMD-V: its core's page for VMLOAD of the host's state */
	uint32_t skip_bytes; /* length of the instruction that exited; 0: back-end must ask */
	vcpu_id_t id;
	part_id_t part;
	core_id_t core;              /* [I] that it runs on */
	const struct guest_ram *ram; /* [I] */
	uint64_t tsc_offset;         /* guest TSC = host TSC + offset */
	/*
	 * Its core's local APIC is the guest's now: senders on other cores send by themselves.
	 * Atomic; written by its own core.
	 */
	bool is_lent;
	struct vlapic lapic;
	void *backend; /* private to the back-end: MSR bitmap, I/O bitmap, ... */
	/* [C] VT-x looks at these at every entry: see vmx/vmcs.h */
	struct vcpu_hot {
		uint64_t quiet, calm_and_timed;
		uint64_t deadline_tsc;
	} hot;
	uint64_t xcr0;
	void *xsave; /* 64-byte aligned, sized at boot from CPUID leaf 0DH */
	uint64_t star, lstar, cstar, fmask, kernel_gs_base, tsc_aux; /* while not loaded, VT-x */
	uint64_t dr[4], dr6, cr2;
	/* Set by vcpu.c, looked at by back-ends in the slow path before an entry. */
	bool nmi_pending;    /* inject an NMI as soon as the guest can take one; then clear it */
	bool extint_pending; /* the 8259 has an interrupt: vcpu_extint_take() says which */
	bool entry_pending;  /* `entry` is to be written by reset() before the next entry */
	enum vcpu_activity activity;
	struct vcpu_entry entry;
	struct vcpu_mailbox mailbox;
	vcpu_id_t first; /* [I] the partition's vCPUs */
	uint32_t vcpu_count;
	bool has_apicv;                      /* [I] chosen by the back-end's create() */
	bool is_direct;                      /* [I] likewise: its core's APIC may be lent to it */
	bool keeps_level_apart;              /* [I] mailbox.vectors are edge-triggered only */
	bool has_new_level;                  /* [C] APICv: TMR has bits more than were shown */
	bool is_dedicated;                   /* [I] */
	bool has_pc;                         /* [I] */
	enum vlapic_mode apic_mode_at_entry; /* [I] */
	bool was_in_hlt;                     /* [C] its last exit was EXIT_HLT */
	uint64_t tsc_adjust, steal_msr, spec_ctrl, mcg_status;
	struct vcpu_mtrr {
		uint64_t def_type, fixed[11], base[8], mask[8];
	} mtrr;
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
	/* Read only, as the guest sees them. */
	SYSREG_CR0,
	SYSREG_CR3,
	SYSREG_CR4
};

/* What instruction emulation must know about the CPU's mode, in one call. */
struct guest_segment {
	uint64_t base;
	uint32_t limit;
	uint16_t selector;
	uint16_t
		access; /* as in "Access Rights": type 3:0, S 4, DPL 6:5, P 7, L 13, D/B 14, G 15 */
	bool is_unusable;
};
enum guest_segment_name { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_COUNT };
struct guest_context {
	uint64_t rip, rflags, cr0, cr3, cr4, efer;
	uint32_t cpl;
	struct guest_segment segments[SEG_COUNT]; /* CS; the others as read_segment() gives them */
};

struct backend {
	const char *name;
	enum err (*probe)(const char **missing);
	enum err (*core_enable)(const char **missing);
	/* What virtual APICs run on: for arch_vcpu_apic_name(). */
	const char *(*apic_name)(void);
	/* Control structure, permission maps. Guest registers come by reset(). */
	enum err (*create)(struct vcpu *v, const struct vcpu_setup *setup, hpa_t nested_root);
	/*
	 * Guest registers as v->entry says (mode FLAT32, LONG64 or REAL16), everything else as
	 * after INIT ("Processor State After Reset" and INIT); pending events are forgotten.
	 * XCR0, FPU and MSRs that survive INIT do so. Loaded.
	 */
	void (*reset)(struct vcpu *v);
	/* The APIC's mode (disabled, xAPIC, x2APIC) has changed: APICv's controls follow. Loaded. */
	void (*apic_mode_changed)(struct vcpu *v);
	/* v->lapic, nmi_pending or extint_pending changed outside the back-end: look before entry. */
	void (*events_changed)(struct vcpu *v);
	/* v->tsc_offset changed. Loaded. */
	void (*tsc_offset_changed)(struct vcpu *v);
	/*
	 * Only where vCPUs may be direct. A register of its APIC was written while it was lent; the
	 * lending ends, and what hardware has is in v->lapic again; the guest exits as soon as it
	 * would run, by EXIT_IRQ: called by NMIs at any time between load() and unload().
	 */
	void (*lent_apic_written)(struct vcpu *v);
	void (*take_apic_back)(struct vcpu *v);
	void (*force_exit)(struct vcpu *v);
	/* From any core, after something was posted: see arch_vcpu_notify(). */
	bool (*notify)(struct vcpu *v);
	/*
	 * Only where some have APICv: it halts, and notifications are to wake it. True: something has been
	 * posted meanwhile, and was taken in. Loaded; its next load() or enter() ends that.
	 */
	bool (*sleep)(struct vcpu *v);
	void (*load)(struct vcpu *v);   /* becomes this core's current vCPU */
	void (*unload)(struct vcpu *v); /* stops being it */
	void (*enter)(struct vcpu *v, uint64_t deadline_tsc, struct exit_info *out);
	void (*skip_insn)(struct vcpu *v);
	void (*inject)(struct vcpu *v, enum vcpu_fault fault);
	/* #PF with this error code; CR2 = address. Loaded. */
	void (*inject_page_fault)(struct vcpu *v, uint64_t address, uint32_t error_code);
	/* General registers wherever they live; loaded. For RSP too. */
	uint64_t (*read_gpr)(struct vcpu *v, uint32_t gpr);
	void (*write_gpr)(struct vcpu *v, uint32_t gpr, uint64_t value);
	void (*read_context)(struct vcpu *v, struct guest_context *c);
	/* In 64-bit mode the base counts for FS and GS only. */
	void (*read_segment)(struct vcpu *v, enum guest_segment_name name, struct guest_segment *s);
	/* The emulated instruction is `bytes` long and left these arithmetic flags: RIP moves as by
	 * skip_insn(). */
	void (*retire)(struct vcpu *v, uint32_t bytes, uint64_t rflags);
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

/* The 8259's interrupt acknowledge cycle: the vector that the CPU takes now. arch/x86/pc.c. */
uint8_t vcpu_extint_take(struct vcpu *v);

/* After every call of vlapic.h that may make an interrupt pending: the next entry must look. */
static inline void vcpu_note_interrupts(struct vcpu *v, const struct backend *b)
{
	if (v->lapic.is_virtualized ? v->lapic.changed : vlapic_pending(&v->lapic) >= 0)
		b->events_changed(v);
}

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
