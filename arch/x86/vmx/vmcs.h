/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vmx/vmcs.h - the back-end's private state, and VMX instructions as functions.
 *
 * Sharing  struct vmx belongs to its vCPU's core. vmcs_read() and vmcs_write() work on the
 *	    core's current VMCS, which is the one of percpu()->loaded.
 */
#pragma once
#include "arch/x86/backend.h"
#include "arch/x86/vmx/controls.h"
#include "arch/x86/vmx/decode.h"
#include "arch/x86/vmx/msr_bitmap.h"
#include "arch/x86/vmx/regs.h"

/*
 * What every exit looks at is in struct vcpu, one load nearer:
 * hot.quiet	       all ones while there is no event to inject, no window to close, and the
 *		       preemption timer is off; otherwise 0
 * hot.calm_and_timed  the same with the timer on
 * hot.deadline_tsc    what the timer was last set for
 */
struct vmx {
	uint32_t pin, proc;    /* [C] as they stand in the VMCS */
	uint32_t proc2;        /* [I] without what the APIC's mode adds */
	uint32_t event;        /* [C] interruption information for the next entry; 0: none */
	uint32_t event_error;  /* [C] */
	uint32_t event_length; /* [C] of the instruction, for software interrupts */
	bool has_host;         /* [C] its own core's state is in the VMCS */
	bool can_wake;         /* [C] RFLAGS.IF at its last HLT */
	hpa_t nested_root;     /* [I] */
	/* apicv.h */
	uint32_t host_apic_id; /* [I] of its core, once it was there */
	uint32_t destination;  /* [I] the same as NDST */
	bool can_post;         /* [I] somebody may post to it from elsewhere */
	bool is_posting;       /* [C] its descriptor is aimed into the guest */
	bool is_notified;      /* atomic; set by others before they notify */
	uint32_t sender_count; /* atomic: other cores inside apicv_notify() */
	/* direct.h */
	struct vmx_direct {
		uint8_t *bitmap;       /* [I] its own MSR bitmap */
		uint32_t sender_count; /* atomic: other cores inside direct_notify() */
		/* [C] while it is lent. */
		bool passes_deadline;       /* the guest has IA32_TSC_DEADLINE */
		uint32_t svr, timer, error; /* what those registers were last given */
		uint32_t level[8];          /* level-triggered, and not ended yet */
	} direct;
};

extern struct vmx_controls vmx_controls; /* [I] after probe() */

static inline uint64_t vmcs_read(enum vmcs_field field)
{
	uint64_t value;

	__asm__ volatile("vmread %1, %0" : "=r"(value) : "r"((uint64_t)field) : "cc");
	return value;
}

static inline uint32_t vmcs_read32(enum vmcs_field field)
{
	return (uint32_t)vmcs_read(field);
}

/* For fields known to exist: vmcs_init() has written all of them with vmcs_set(). */
static inline void vmcs_write(enum vmcs_field field, uint64_t value)
{
	__asm__ volatile("vmwrite %1, %0" ::"r"((uint64_t)field), "r"(value) : "cc");
}

/* A field that does not exist, or no current VMCS, is our own mistake. */
void vmcs_set(enum vmcs_field field, uint64_t value);

/* Once, on the boot core, before any vCPU is loaded. */
void vmcs_build_msr_bitmaps(void);
hpa_t vmcs_msr_bitmap(enum vmx_msr_bitmap kind);
/* The current VMCS becomes that of a vCPU which has never run: controls, and the guest's MSRs. */
void vmcs_init(const struct vcpu *v);
/* The host's state: that of the core it is called on, for ever. */
void vmcs_init_host(const struct vcpu *v);

/* What the CPU keeps of its nested translations. vmx.c. Loaded. */
void vmx_forget_translations(const struct vcpu *v);

/* entry.S: enters the guest whose VMCS is current; returns at the VM exit. */
void vmx_run(void);
/* entry.S: where the CPU goes at a VM exit; HOST_RSP is the struct vcpu. */
void vmx_exit_point(void);
/* Called by entry.S when neither VMRESUME nor VMLAUNCH left the host. */
NORETURN void vmx_entry_refused(void);

/*
 * The timer counts down by one whenever bit `timer_shift` of the TSC changes. It expires at
 * the first such change that is not before the deadline; or early, where 32 bits do not reach
 * so far (the VMCS field takes the low half).
 */
static inline void vmx_set_timer(struct vcpu *v, uint64_t now_tsc, uint64_t deadline_tsc)
{
	v->hot.deadline_tsc = deadline_tsc;
	vmcs_write(VMCS_PREEMPTION_TIMER,
		   vmx_timer_value(now_tsc, deadline_tsc, vmx_controls.timer_shift));
}

/* event.c. Before an entry that is not simple; false: the deadline has passed. */
bool vmx_prepare(struct vcpu *v, uint64_t deadline_tsc);
/* The next entry is not simple. */
static inline void vmx_events_changed(struct vcpu *v)
{
	v->hot.quiet = 0;
	v->hot.calm_and_timed = 0;
}
/* Replaces what was queued: the later of two faults is the one that the guest must see. */
void vmx_queue(struct vcpu *v, uint32_t event, uint32_t error_code);
void vmx_inject(struct vcpu *v, enum vcpu_fault fault);
void vmx_inject_page_fault(struct vcpu *v, uint64_t address, uint32_t error_code);
void vmx_skip_insn(struct vcpu *v);
void vmx_retire(struct vcpu *v, uint32_t bytes, uint64_t rflags);

/* exit.c. Registers of the loaded vCPU, wherever they live: VMCS, CPU, struct vcpu. */
uint64_t vmx_read_gpr(struct vcpu *v, uint32_t gpr);
void vmx_write_gpr(struct vcpu *v, uint32_t gpr, uint64_t value);
/* All exits but CPUID. */
void vmx_decode(struct vcpu *v, uint32_t reason, struct exit_info *out);

/* sysreg.c. */
uint64_t vmx_read_sysreg(struct vcpu *v, enum guest_sysreg reg);
void vmx_write_sysreg(struct vcpu *v, enum guest_sysreg reg, uint64_t value);
void vmx_read_context(struct vcpu *v, struct guest_context *c);
void vmx_read_segment(struct vcpu *v, enum guest_segment_name name, struct guest_segment *s);

/* reset.c. */
void vmx_reset(struct vcpu *v);

/* Without RDTSCP in the guest, nobody reads IA32_TSC_AUX. */
static inline bool vmx_has_tsc_aux(void)
{
	return (vmx_controls.proc2 & PROC2_ENABLE_RDTSCP) != 0;
}
