/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/vcpu.h - create and run virtual CPUs.
 *
 * Implemented by arch/x86/vcpu.c over one of two back-ends in the same image (VT-x, AMD-V),
 * chosen at boot by CPUID; for host tests by tests/fake/arch.c.
 *
 * Model    A vCPU belongs to one core for ever; only that core calls these functions for it,
 *	    but for arch_vcpu_create(), which the boot core calls before the others run guests,
 *	    and arch_vcpu_notify().
 *	    Its virtual local APIC and timer are part of it: the caller learns when the next
 *	    virtual timer expires, and says when that time has come.
 * Posting  What one vCPU or a device sends to another (interrupts, NMI, INIT, start-up) is put
 *	    into a mailbox that any core may write. The sender's call returns the receivers in a
 *	    vcpu_set_t; the caller makes each receiver's core call arch_vcpu_sync() for it, which
 *	    takes in what is there. Nothing is lost in between: mailboxes hold one bit for each
 *	    thing that may arrive.
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
	EXIT_HYPERCALL,  /* nr in addr, arguments in arg[] */
	EXIT_HLT,        /* value: RFLAGS.IF, for a halt that no interrupt can end */
	EXIT_PIO,        /* addr = port, width, write, value */
	EXIT_PIO_STRING, /* INS, OUTS: addr = port, width, write. One element an exit */
	EXIT_MEMORY,     /* guest-physical access that the nested tables refuse: addr, write */
	EXIT_APIC,       /* the virtual APIC page: done, or to be finished by arch_vcpu_apic() */
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

/* Virtual CPUs, one bit for each vcpu_id_t. */
typedef uint64_t vcpu_set_t;
_Static_assert(MAX_VCPUS <= 64, "a bit for every virtual CPU");

/* The state in which a vCPU begins; all other registers are as after INIT. */
enum vcpu_mode {
	VCPU_FLAT32, /* protected mode, flat segments, paging off: multiboot, our own guests */
	VCPU_LONG64, /* 64-bit mode, paging on: the Linux 64-bit boot protocol */
	VCPU_REAL16, /* real-address mode at sipi_vector << 12: after a start-up IPI */
	VCPU_WAITS,  /* for a start-up IPI */
};
struct vcpu_entry {
	enum vcpu_mode mode;
	uint8_t sipi_vector; /* VCPU_REAL16 */
	uint16_t gdt_limit;  /* FLAT32, LONG64: GDTR, for guests that reload selectors */
	uint64_t gdt;        /* guest-physical; code and data: 8, 10H (FLAT32), 10H, 18H (LONG64) */
	uint64_t rip, rsp;
	uint64_t rax, rbx, rsi;
	uint64_t page_table; /* LONG64: CR3 */
};

/*
 * What serves its virtual local APIC: hardware where present; software; or the core's own APIC,
 * lent to it while it runs in x2APIC mode. The last is a wish, for a vCPU that is dedicated: where
 * hardware cannot, it is BEST. With it, TSC-deadline interrupts and HLT take no exit; its TSC is the
 * host's, whatever `epoch_tsc` says, until the guest itself moves it.
 */
enum vcpu_apic { VCPU_APIC_BEST, VCPU_APIC_SOFTWARE, VCPU_APIC_DIRECT };

struct guest_ram;
struct vcpu_setup {
	part_id_t part;              /* its address space: see arch/mem.h */
	const struct guest_ram *ram; /* of the partition: lives as long as the vCPU */
	uint32_t apic_id;            /* its virtual local APIC's ID: its index in the partition */
	core_id_t core;              /* the one that it runs on */
	vcpu_id_t first;             /* the partition's vCPUs are first .. first + vcpu_count - 1 */
	uint32_t vcpu_count;
	enum vcpu_apic apic;
	bool has_x2apic_at_entry; /* in x2APIC mode from the start, as our own guests expect */
	bool is_dedicated;        /* on a core of its own: said to the guest as a hint */
	bool has_pc;              /* a virtual PC is around it: arch/pc.h */
	uint64_t epoch_tsc;       /* the guest's TSC reads host TSC - epoch */
	struct vcpu_entry entry;
};

/* Chooses the back-end and checks what it needs. On failure `missing` names the feature. */
MUST_CHECK enum err arch_vcpu_probe(const char **missing);
/* "VT-x" or "AMD-V". */
const char *arch_vcpu_backend(void);
/* What the back-end's virtual APICs run on: "APICv with posted interrupts", "software". */
const char *arch_vcpu_apic_name(void);
/* Turns virtualization on for the calling core. On failure `missing` names the reason. */
MUST_CHECK enum err arch_vcpu_core_enable(const char **missing);

/* On the boot core, after arch_vcpu_core_enable() there. Ids of a partition are consecutive. */
MUST_CHECK enum err arch_vcpu_create(vcpu_id_t id, const struct vcpu_setup *setup);
/* What serves its local APIC: "direct", or as arch_vcpu_apic_name(). */
const char *arch_vcpu_apic_of(vcpu_id_t id);
/* As after power-on, to begin again at `entry`: on its own core. Bounded work. */
void arch_vcpu_restart(vcpu_id_t id, const struct vcpu_entry *entry, uint64_t epoch_tsc);

/* Once, on its own core, before it first runs: what the first entry would take longer for. */
void arch_vcpu_prepare(vcpu_id_t id);

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
 * `posted` gets the receivers of what it sent. May take the vCPU's own APIC through INIT.
 * ERR_INVAL: the guest gets #GP(0), and nothing has changed.
 */
MUST_CHECK enum err arch_vcpu_msr(vcpu_id_t id, const struct exit_info *e, vcpu_set_t *posted);
/* Finishes EXIT_APIC. */
void arch_vcpu_apic(vcpu_id_t id, const struct exit_info *e, vcpu_set_t *posted);

/*
 * Takes in what others have posted. May change its timer (INIT), and leave it waiting for a
 * start-up IPI. True: one has come, and it begins; whatever it waited for before is forgotten.
 */
bool arch_vcpu_sync(vcpu_id_t id);
/*
 * From any core: true if hardware will show the running guest what was posted, or it is shown
 * already; false: its core must be kicked.
 */
bool arch_vcpu_notify(vcpu_id_t id);
/*
 * vCPUs that host interrupts taken on the calling core since the last call were for: a device's
 * interrupt that software had to post, or a notification for one that sleeps. They are to be notified
 * as after any other post. Of this core, but for a device's route that has just changed.
 */
vcpu_set_t arch_vcpu_interrupted(void);

/* The next expiry of its virtual timer. Changes only in _msr(), _apic(), _sync(), _restart(),
 * arch_pc_memory(), arch_pc_port_string() and _timer_expire(). */
uint64_t arch_vcpu_timer_tsc(vcpu_id_t id);
/*
 * The time `now_tsc` has come: an expired timer becomes a pending interrupt, merged if late; one
 * that has not expired stays. Returns what arch_vcpu_timer_tsc() says then.
 */
uint64_t arch_vcpu_timer_expire(vcpu_id_t id, uint64_t now_tsc);
/* True if it is not waiting for a start-up IPI, and a pending event would end HLT. */
bool arch_vcpu_wants_to_run(vcpu_id_t id);
/*
 * After EXIT_HLT, its instruction skipped. True: it goes on, for an event has ended the HLT. False: it
 * sleeps, and what is posted from now on is told its core: by who posts (arch_vcpu_notify() is false),
 * or by arch_vcpu_interrupted().
 */
bool arch_vcpu_halt(vcpu_id_t id);
/* True if it waits for a start-up IPI. Any core. */
bool arch_vcpu_waits_for_sipi(vcpu_id_t id);
/* True if an NMI, INIT or start-up IPI is on its way to it. Any core. */
bool arch_vcpu_has_events(vcpu_id_t id);

/*
 * Where the guest wants struct kvm_steal_time (Linux, "MSR_KVM_STEAL_TIME"), or 0. The caller
 * writes there what it knows: time that the vCPU wanted to run and did not.
 */
gpa_t arch_vcpu_steal_area(vcpu_id_t id);

/* Where it stands, for the line that says why a partition was stopped. */
uint64_t arch_vcpu_rip(vcpu_id_t id);
