/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/vcpu.h - create and run virtual CPUs.
 *
 * Implemented by arch/x86/vcpu.c over one of two back-ends in the same image (VT-x, AMD-V),
 * chosen at boot by CPUID; for host tests by tests/fake/vcpu.c.
 *
 * Model    A vCPU belongs to one core for ever; only that core calls these functions for it,
 *	    but for arch_vcpu_create(), which the boot core calls before the others run guests.
 *	    Its virtual local APIC and timer are part of it: the caller learns when the next
 *	    virtual timer expires, and says when that time has come.
 * Units    *_tsc: host TSC ticks, absolute. TSC_NEVER: no such time.
 * Errors   Returned at creation only. At run time a guest's mistake is an exit or a fault
 *	    injected into it, never an error of these functions.
 */
#pragma once
#include "core/lib/base.h"

enum exit_kind {
	EXIT_DEADLINE, /* the deadline given to arch_vcpu_enter() was reached */
	EXIT_IRQ,      /* a host interrupt arrived and was served: look around */
	EXIT_CPUID,
	EXIT_HYPERCALL, /* nr in addr, arguments in arg[] */
	EXIT_HLT,
	EXIT_PIO,        /* addr = port, width, write, value */
	EXIT_MEMORY,     /* guest-physical access that the nested tables refuse: addr, write */
	EXIT_MSR_READ,   /* addr = MSR */
	EXIT_MSR_WRITE,  /* addr = MSR, value */
	EXIT_XSETBV,     /* addr = XCR number, value */
	EXIT_UNDEFINED,  /* an instruction this virtual machine does not have (VMX, SVM, ...) */
	EXIT_PRIVILEGED, /* an instruction that is refused with #GP(0) */
	EXIT_CACHE,      /* WBINVD, INVD: done as nothing, caches are coherent */
	EXIT_TRIPLE_FAULT,
	EXIT_INIT,    /* guest state that the CPU cannot run; value = hardware's reason */
	EXIT_CONTROL, /* a control register, a debug trap: the back-end did it, go on */
	EXIT_OTHER,   /* anything else; value = hardware's exit code */
	EXIT_KIND_COUNT
};

/* One guest exit, decoded. Plain data: no pointer, no VMX or SVM encoding. */
struct exit_info {
	uint32_t kind; /* enum exit_kind */
	uint8_t width; /* bytes: 1, 2, 4 */
	bool write;
	uint64_t entry_tsc; /* when the guest was entered */
	uint64_t exit_tsc;  /* when it came back; every tick between is the guest's */
	uint64_t addr;
	uint64_t value;
	uint64_t arg[4];
};

enum vcpu_fault { VCPU_FAULT_UD, VCPU_FAULT_GP }; /* #UD; #GP(0) */

struct vcpu_setup {
	part_id_t part; /* its address space: see arch/mem.h */
	gpa_t entry;    /* first instruction, flat 32-bit protected mode, paging off */
	gpa_t info;     /* in EBX at entry; EAX holds GUEST_BOOT_MAGIC of guests/abi.h */
	uint32_t boot_magic;
	uint32_t apic_id;   /* its virtual local APIC's ID */
	uint64_t epoch_tsc; /* the guest's TSC reads host TSC - epoch */
};

/* Chooses the back-end and checks what it needs. On failure `missing` names the feature. */
MUST_CHECK enum err arch_vcpu_probe(const char **missing);
/* "VT-x" or "AMD-V". */
const char *arch_vcpu_backend(void);
/* Turns virtualization on for the calling core. On failure `missing` names the reason. */
MUST_CHECK enum err arch_vcpu_core_enable(const char **missing);

/* On the boot core, after arch_vcpu_core_enable() there. */
MUST_CHECK enum err arch_vcpu_create(vcpu_id_t id, const struct vcpu_setup *setup);

/*
 * Runs the vCPU until its first exit, at the latest until the TSC reaches `deadline_tsc`
 * (TSC_NEVER: no limit, and no timer is armed). Pending virtual interrupts are delivered as
 * soon as the guest can take them. A deadline that has passed returns EXIT_DEADLINE at once.
 */
void arch_vcpu_enter(vcpu_id_t id, uint64_t deadline_tsc, struct exit_info *out);

void arch_vcpu_skip_insn(vcpu_id_t id);
void arch_vcpu_inject(vcpu_id_t id, enum vcpu_fault fault);
/* What the guest finds in RAX after a hypercall. */
void arch_vcpu_set_result(vcpu_id_t id, uint64_t rax);
/* What the guest finds in AL, AX or EAX after IN. */
void arch_vcpu_set_pio(vcpu_id_t id, uint8_t width, uint64_t value);

/* Emulates CPUID with the vCPU's registers (policy table: arch/x86/cpuid.c). */
void arch_vcpu_cpuid(vcpu_id_t id);

/*
 * Emulates RDMSR, WRMSR and XSETBV of the exit at hand (policy table: arch/x86/msr.c).
 * ERR_INVAL: the guest gets #GP(0), and nothing has changed.
 */
MUST_CHECK enum err arch_vcpu_msr(vcpu_id_t id, const struct exit_info *e);

/* The next expiry of its virtual timer. Changes only in arch_vcpu_msr() and _timer_expire(). */
uint64_t arch_vcpu_timer_tsc(vcpu_id_t id);
/* The time `now_tsc` has come: an expired timer becomes a pending interrupt, merged if late. */
void arch_vcpu_timer_expire(vcpu_id_t id, uint64_t now_tsc);
/* True if a pending interrupt would end HLT. */
bool arch_vcpu_wants_to_run(vcpu_id_t id);

/* Where it stands, for the line that says why a partition was stopped. */
uint64_t arch_vcpu_rip(vcpu_id_t id);
