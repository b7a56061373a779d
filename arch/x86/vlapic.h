/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vlapic.h - a guest's local APIC: disabled, in xAPIC mode, or in x2APIC mode.
 *
 * Model    The registers are one 4 KiB page in the xAPIC's own layout (32 bits every 16 bytes),
 *	    which is also what APICv calls the virtual-APIC page: software and hardware work on
 *	    the same words. Accepted vectors wait in IRR, move to ISR when the CPU takes them,
 *	    leave at EOI; TMR remembers which came level-triggered, and the EOI of such a one is
 *	    an effect for the I/O APIC. The timer: one-shot, periodic, TSC-deadline, divided by
 *	    the divide configuration register; its input clock is the TSC.
 *	    Without APICv, `deliverable` and `wake_tsc` are kept current by every operation, so
 *	    that the question "is there an interrupt?" costs one load at each guest entry. With
 *	    APICv hardware changes the page while the guest runs; vlapic_refresh() then looks.
 *	    A masked timer counts on but wakes nobody: wake_tsc is then TSC_NEVER.
 *	    LINT0 in ExtINT mode passes the 8259's interrupts on; LINT1 is not connected.
 * Source   SDM Vol. 3A, "Advanced Programmable Interrupt Controller (APIC)": "Local APIC
 *	    Register Address Map", "x2APIC Register Address Space", "Extended XAPIC (x2APIC)",
 *	    "x2APIC State Transitions", "Issuing Interprocessor Interrupts", "Determining IPI
 *	    Destination", "Task and Processor Priorities", "APIC Timer", "Error Handling".
 * Units    *_tsc: host TSC ticks, absolute. No clock is read here.
 * Errors   ERR_INVAL: the guest gets #GP(0), and nothing has changed. (xAPIC accesses: none;
 *	    reserved registers read as 0, lose writes, and set ESR's illegal register address.)
 * Sharing  Belongs to its vCPU's core. Others may call vlapic_takes(), vlapic_matches() and
 *	    vlapic_priority(), which read single words of it.
 *
 * CR8      is TPR bits 7:4. A back-end either intercepts MOV CR8 (VT-x without APICv) and calls
 *	    the two functions below, or lets hardware keep V_TPR (AMD-V) and calls
 *	    vlapic_set_cr8() when it finds another value there.
 */
#pragma once
#include "core/lib/base.h"

/* Offsets in the page; the x2APIC's MSR is 800H + offset / 16. */
enum apic_register {
	APIC_ID = 0x020,        /* rw: xAPIC bits 31:24; x2APIC all 32, r */
	APIC_VERSION = 0x030,   /* r */
	APIC_TPR = 0x080,       /* rw */
	APIC_APR = 0x090,       /* r, xAPIC only; reads 0 */
	APIC_PPR = 0x0a0,       /* r */
	APIC_EOI = 0x0b0,       /* w; x2APIC: 0 only */
	APIC_RRD = 0x0c0,       /* r, xAPIC only; reads 0 */
	APIC_LDR = 0x0d0,       /* rw; x2APIC: r, derived from the ID */
	APIC_DFR = 0x0e0,       /* rw, xAPIC only */
	APIC_SVR = 0x0f0,       /* rw */
	APIC_ISR = 0x100,       /* r, 8 of them */
	APIC_TMR = 0x180,       /* r, 8 of them */
	APIC_IRR = 0x200,       /* r, 8 of them */
	APIC_ESR = 0x280,       /* rw; x2APIC: 0 only */
	APIC_LVT_CMCI = 0x2f0,  /* not offered: reserved */
	APIC_ICR = 0x300,       /* rw; x2APIC: 64 bits */
	APIC_ICR_HIGH = 0x310,  /* rw, xAPIC only */
	APIC_LVT_TIMER = 0x320, /* rw, and so on to the error LVT */
	APIC_LVT_THERMAL = 0x330,
	APIC_LVT_PMC = 0x340,
	APIC_LVT_LINT0 = 0x350,
	APIC_LVT_LINT1 = 0x360,
	APIC_LVT_ERROR = 0x370,
	APIC_INITIAL_COUNT = 0x380, /* rw */
	APIC_CURRENT_COUNT = 0x390, /* r */
	APIC_DIVIDE_CONFIG = 0x3e0, /* rw */
	APIC_SELF_IPI = 0x3f0,      /* w, x2APIC only */
};

/* IA32_APIC_BASE. */
#define APIC_BASE_BSP     BIT64(8)
#define APIC_BASE_EXTD    BIT64(10)
#define APIC_BASE_ENABLE  BIT64(11)
#define APIC_BASE_ADDRESS UINT64_C(0xfee00000) /* and nowhere else: moving it is #GP */

enum vlapic_mode { VLAPIC_DISABLED, VLAPIC_XAPIC, VLAPIC_X2APIC };

/* On its way to local APICs: from an ICR, an I/O APIC, or a device's MSI. */
enum irq_delivery {
	IRQ_FIXED,
	IRQ_LOWEST,
	IRQ_SMI, /* nobody here takes one */
	IRQ_NMI = 4,
	IRQ_INIT,
	IRQ_STARTUP,
	IRQ_EXTINT
};
enum irq_shorthand { IRQ_TO_DESTINATION, IRQ_TO_SELF, IRQ_TO_ALL, IRQ_TO_OTHERS };
struct irq_message {
	uint8_t vector;
	uint8_t delivery;  /* enum irq_delivery */
	uint8_t shorthand; /* enum irq_shorthand */
	bool is_logical;
	bool is_level;
	uint32_t destination; /* xAPIC: 8 bits, with FFH made BROADCAST already */
};
#define IRQ_BROADCAST    UINT32_MAX
#define IRQ_FIRST_VECTOR 16u /* 0..15 are reserved: "Valid Interrupt Vectors" */

/*
 * What an operation asks of the world outside. The callee sets both `has_`; of the rest, only what
 * they announce. A fixed message is for every OTHER APIC that vlapic_matches(), or that the
 * shorthand names; one of any other kind for the sender as well.
 */
struct vlapic_effect {
	bool has_message; /* for others, or for itself by NMI, INIT, start-up; what it sends to
			   * itself as a fixed interrupt is done already, and not in here */
	bool has_level_eoi;
	uint8_t eoi_vector;
	struct irq_message message;
};

struct vlapic {
	int32_t deliverable; /* highest vector above PPR in IRR, or -1 */
	bool changed;        /* set whenever `deliverable` was computed anew; a back-end
			      * that shows it to hardware clears it */
	bool is_virtualized; /* APICv has the page, or a core's APIC the vectors: `changed` says that it must look, and
			      * only vlapic_refresh() computes `deliverable` */
	bool is_bsp;
	uint8_t mode;      /* enum vlapic_mode */
	uint8_t irr_words; /* which of the eight words of IRR may not be 0; ISR: likewise */
	uint8_t isr_words;
	uint64_t wake_tsc;       /* next timer interrupt; TSC_NEVER: none, or masked */
	uint64_t expiry_tsc;     /* when the timer reaches zero; TSC_NEVER: stopped */
	uint64_t guest_deadline; /* IA32_TSC_DEADLINE as written; 0: disarmed */
	uint32_t *registers;     /* the page: registers[offset / 4] */
	uint32_t apic_id;        /* [I] as set at creation */
	uint32_t esr_collected;  /* errors since the last write to ESR */
	uint32_t lvt_timer;      /* the timer's registers as they act: the page may have been */
	uint32_t divide_config;  /* written by APICv already */
	uint32_t initial_count;
};

/*
 * `page`: 4 KiB, zeroed by this. The state after reset: xAPIC mode, or x2APIC mode. In xAPIC mode
 * the first CPU's is as firmware leaves it: enabled, with the 8259 at LINT0 ("Virtual Wire Mode"
 * of the MultiProcessor Specification).
 */
void vlapic_init(struct vlapic *l, void *page, uint32_t apic_id, enum vlapic_mode mode);
/* INIT: registers as after reset; mode and ID stay. "Local APIC State After It Receives INIT". */
void vlapic_receive_init(struct vlapic *l);

uint64_t vlapic_base(const struct vlapic *l);
/* WRMSR IA32_APIC_BASE: "x2APIC State Transitions"; ERR_INVAL for illegal ones. */
MUST_CHECK enum err vlapic_set_base(struct vlapic *l, uint64_t value);

/* RDMSR and WRMSR of 0x800..0x8ff. ERR_INVAL too if not in x2APIC mode. */
MUST_CHECK enum err vlapic_read_msr(struct vlapic *l, uint32_t msr, uint64_t now_tsc,
				    uint64_t *value);
MUST_CHECK enum err vlapic_write_msr(struct vlapic *l, uint32_t msr, uint64_t value,
				     uint64_t now_tsc, struct vlapic_effect *effect);
/* xAPIC: 32-bit accesses at 16-byte offsets; others read 0, and writes are lost. */
uint32_t vlapic_read(struct vlapic *l, uint32_t offset, uint64_t now_tsc);
void vlapic_write(struct vlapic *l, uint32_t offset, uint32_t value, uint64_t now_tsc,
		  struct vlapic_effect *effect);
/*
 * APICv has written the register at `offset` of the page already ("APIC-write VM exit"): do what
 * follows from it. For ICR in x2APIC mode all 64 bits are in the page at APIC_ICR.
 */
void vlapic_written(struct vlapic *l, uint32_t offset, uint64_t now_tsc,
		    struct vlapic_effect *effect);
/* APICv has done the EOI of `vector`, which was level-triggered ("EOI-induced VM exit"). */
void vlapic_eoi_done(struct vlapic *l, uint8_t vector, struct vlapic_effect *effect);

/* IA32_TSC_DEADLINE; `tsc_offset` is guest TSC minus host TSC. */
uint64_t vlapic_read_tsc_deadline(struct vlapic *l, uint64_t now_tsc);
void vlapic_write_tsc_deadline(struct vlapic *l, uint64_t guest_deadline, uint64_t tsc_offset,
			       uint64_t now_tsc);

/* An edge-triggered interrupt arrives. */
void vlapic_post(struct vlapic *l, uint8_t vector);
/* All that was posted arrives: a bit per vector, and whether it is level-triggered. */
void vlapic_merge(struct vlapic *l, const uint64_t vectors[4], const uint64_t level[4]);
/* The CPU has taken `vector`, which waited in IRR. */
void vlapic_accept(struct vlapic *l, uint8_t vector);
/* The CPU has it in service: hardware says so. */
void vlapic_note_in_service(struct vlapic *l, uint8_t vector);
/* It could not deliver it after all: back from ISR to IRR. */
void vlapic_unaccept(struct vlapic *l, uint8_t vector);
/* The highest vector that waits and that ISR lets through, whatever TPR says, or -1. */
int vlapic_waiting(const struct vlapic *l);
/* The highest vector in IRR, in ISR, or -1: RVI and SVI of APICv. */
int vlapic_highest_irr(const struct vlapic *l);
int vlapic_highest_isr(const struct vlapic *l);
/* With APICv: computes `deliverable` from the page as it stands. */
void vlapic_refresh(struct vlapic *l);

/* Does it take messages of this kind now, if they are for it? */
bool vlapic_takes(const struct vlapic *l, const struct irq_message *m);
/* Is it one that the message is for, and does it take such ones? Shorthands are the caller's. */
bool vlapic_matches(const struct vlapic *l, const struct irq_message *m);
/* PPR: for lowest-priority delivery. */
uint32_t vlapic_priority(const struct vlapic *l);
/* Does an interrupt of the 8259 reach this CPU: LINT0 unmasked in ExtINT mode, or APIC off? */
bool vlapic_passes_extint(const struct vlapic *l);

/* The time has come: an expired timer becomes one pending interrupt, however late it is. */
void vlapic_timer_expire(struct vlapic *l, uint64_t now_tsc);

void vlapic_set_cr8(struct vlapic *l, uint64_t cr8); /* bits 63:4 are the caller's to refuse */
uint64_t vlapic_cr8(const struct vlapic *l);

/* The highest-priority interrupt that TPR and ISR let through, or -1. */
static inline int vlapic_pending(const struct vlapic *l)
{
	return l->deliverable;
}

static inline uint64_t vlapic_timer_tsc(const struct vlapic *l)
{
	return l->wake_tsc;
}

static inline bool vlapic_is_in_service(const struct vlapic *l, uint8_t vector)
{
	return l->registers[(APIC_ISR + vector / 32 * 16) / 4] >> vector % 32 & 1;
}
