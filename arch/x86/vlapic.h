/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vlapic.h - a guest's local APIC, in x2APIC mode for ever.
 *
 * Model    The register set of MSRs 0x800..0x83f, and the timer: one-shot, periodic,
 *	    TSC-deadline. Fixed, edge-triggered interrupts only: nothing here sends a level.
 *	    Accepted vectors wait in IRR, move to ISR when the CPU takes them, leave at EOI.
 *	    `deliverable` and `wake_tsc` are kept current by every operation, so that the
 *	    question "is there an interrupt?" costs one load at each guest entry.
 *	    A masked timer counts on but wakes nobody: wake_tsc is then TSC_NEVER.
 *	    Timer input clock: the TSC. Divided by the divide configuration register.
 * Source   SDM Vol. 3A, "Advanced Programmable Interrupt Controller (APIC)": "x2APIC Register
 *	    Address Space", "Task and Processor Priorities", "APIC Timer", "Error Handling".
 * Units    *_tsc: host TSC ticks, absolute. No clock is read here.
 * Errors   ERR_INVAL: the guest gets #GP(0), and nothing has changed.
 * Sharing  Belongs to its vCPU's core.
 *
 * CR8      is TPR bits 7:4. A back-end either intercepts MOV CR8 (VT-x) and calls the two
 *	    functions below, or lets hardware keep V_TPR (AMD-V) and calls vlapic_set_cr8()
 *	    when it finds another value there.
 */
#pragma once
#include "core/lib/base.h"

/* MSR addresses; r/w as in "Local APIC Register Address Map Supported by x2APIC". */
#define X2APIC_ID            0x802u /* r */
#define X2APIC_VERSION       0x803u /* r */
#define X2APIC_TPR           0x808u /* rw */
#define X2APIC_PPR           0x80au /* r */
#define X2APIC_EOI           0x80bu /* w, 0 only */
#define X2APIC_LDR           0x80du /* r */
#define X2APIC_SVR           0x80fu /* rw */
#define X2APIC_ISR           0x810u /* r, 8 of them */
#define X2APIC_TMR           0x818u /* r, 8 of them */
#define X2APIC_IRR           0x820u /* r, 8 of them */
#define X2APIC_ESR           0x828u /* rw, 0 only */
#define X2APIC_ICR           0x830u /* rw, 64 bits */
#define X2APIC_LVT_TIMER     0x832u /* rw */
#define X2APIC_LVT_THERMAL   0x833u /* rw */
#define X2APIC_LVT_PMC       0x834u /* rw */
#define X2APIC_LVT_LINT0     0x835u /* rw */
#define X2APIC_LVT_LINT1     0x836u /* rw */
#define X2APIC_LVT_ERROR     0x837u /* rw */
#define X2APIC_INITIAL_COUNT 0x838u /* rw */
#define X2APIC_CURRENT_COUNT 0x839u /* r */
#define X2APIC_DIVIDE_CONFIG 0x83eu /* rw */
#define X2APIC_SELF_IPI      0x83fu /* w */

enum vlapic_lvt {
	VLAPIC_LVT_TIMER,
	VLAPIC_LVT_THERMAL,
	VLAPIC_LVT_PMC,
	VLAPIC_LVT_LINT0,
	VLAPIC_LVT_LINT1,
	VLAPIC_LVT_ERROR,
	VLAPIC_LVT_COUNT
};

/* One bit per vector. */
struct vlapic_vectors {
	uint64_t word[4];
};

struct vlapic {
	int32_t deliverable; /* highest vector above PPR in IRR, or -1 */
	uint32_t tpr;
	bool changed;            /* set whenever `deliverable` was computed anew; a back-end
				  * that shows it to hardware clears it */
	uint64_t wake_tsc;       /* next timer interrupt; TSC_NEVER: none, or masked */
	uint64_t expiry_tsc;     /* when the timer reaches zero; TSC_NEVER: stopped */
	uint64_t guest_deadline; /* IA32_TSC_DEADLINE as written; 0: disarmed */
	struct vlapic_vectors irr;
	struct vlapic_vectors isr;
	uint32_t apic_id;
	uint32_t svr;
	uint32_t esr;           /* as read */
	uint32_t esr_collected; /* errors since the last write to ESR */
	uint64_t icr;
	uint32_t lvt[VLAPIC_LVT_COUNT];
	uint32_t initial_count;
	uint32_t divide_config;
};

/* An interprocessor interrupt that other virtual CPUs of the partition must get. */
struct vlapic_ipi {
	bool has_others;
	uint64_t icr;
};

/* The state after INIT, enabled in x2APIC mode. */
void vlapic_init(struct vlapic *l, uint32_t apic_id);

/* RDMSR and WRMSR of 0x800..0x8ff. */
MUST_CHECK enum err vlapic_read(struct vlapic *l, uint32_t msr, uint64_t now_tsc, uint64_t *value);
MUST_CHECK enum err vlapic_write(struct vlapic *l, uint32_t msr, uint64_t value, uint64_t now_tsc,
				 struct vlapic_ipi *ipi);

/* IA32_TSC_DEADLINE; `tsc_offset` is guest TSC minus host TSC. */
uint64_t vlapic_read_tsc_deadline(struct vlapic *l, uint64_t now_tsc);
void vlapic_write_tsc_deadline(struct vlapic *l, uint64_t guest_deadline, uint64_t tsc_offset,
			       uint64_t now_tsc);

/* A fixed, edge-triggered interrupt arrives. */
void vlapic_post(struct vlapic *l, uint8_t vector);
/* The CPU has taken `vector`, which waited in IRR. */
void vlapic_accept(struct vlapic *l, uint8_t vector);
/* It could not deliver it after all: back from ISR to IRR. */
void vlapic_unaccept(struct vlapic *l, uint8_t vector);
/* The highest vector that waits and that ISR lets through, whatever TPR says, or -1. */
int vlapic_waiting(const struct vlapic *l);

/* The time has come: an expired timer becomes one pending interrupt, however late it is. */
void vlapic_timer_expire(struct vlapic *l, uint64_t now_tsc);

void vlapic_set_cr8(struct vlapic *l, uint64_t cr8); /* bits 63:4 are the caller's to refuse */

static inline uint64_t vlapic_cr8(const struct vlapic *l)
{
	return l->tpr >> 4;
}

/* The highest-priority interrupt that TPR and ISR let through, or -1. */
static inline int vlapic_pending(const struct vlapic *l)
{
	return l->deliverable;
}

static inline uint64_t vlapic_timer_tsc(const struct vlapic *l)
{
	return l->wake_tsc;
}
