/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/percpu.h - what belongs to one logical processor, found through GS.
 *
 * The back-ends restore GS.base, TR, GDTR and IDTR of the host on every VM exit (VT-x: host
 * state of the VMCS; AMD-V: VMLOAD of the host's save area), so percpu() holds at all times
 * after percpu_init().
 */
#pragma once
#include "core/lib/base.h"

struct vcpu;

/* Selectors of the hypervisor's GDT. */
#define SEL_CODE 0x08u
#define SEL_DATA 0x10u
#define SEL_TSS  0x18u /* 16 bytes */

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7]; /* ist[i] is IST i + 1: see enum ist */
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t iomap_base;
} __attribute__((packed));
_Static_assert(sizeof(struct tss) == 104, "SDM Vol. 3A, \"Task Management in 64-bit Mode\"");

/* Exceptions with a stack of their own: they may come when RSP is good for nothing. */
enum ist { IST_DOUBLE_FAULT, IST_NMI, IST_MACHINE_CHECK, IST_COUNT };

struct percpu {
	struct percpu *self; /* at %gs:0 */
	core_id_t core;
	uint32_t apic_id;
	uint64_t stack_top;  /* [I] 0 on the boot core: its stack is in the image */
	struct vcpu *loaded; /* [C] whose FPU, MSRs and VMCS are in this processor; or NULL */
	uint64_t timer_tsc;  /* [C] what the local APIC timer is armed for; TSC_NEVER: nothing */
	/* [C] the run loop must look around; cleared by AMD-V's exits, who tell it */
	bool is_kicked;
	bool is_woken;   /* [C] set by VECTOR_WAKEUP; cleared by arch_vcpu_interrupted() */
	uint64_t asleep; /* [C] vcpu_set_t: those whose notifications are VECTOR_WAKEUP here */
	/*
	 * A guest may have this processor's local APIC (vmx/direct.h). Kicks are NMIs then, for
	 * the guest would get a vector.
	 */
	bool is_kicked_by_nmi; /* [I] before guests run */
	bool must_exit;        /* [C] kicked while it was lent: its guest must exit */
	struct vcpu *lent;     /* [C] who has it; looked at by NMIs */
	uint64_t nmi_count;    /* [C] NMIs that nobody sent to stop or to kick us */
	uint64_t stray_count;  /* [C] interrupts on vectors that nobody uses */
	void *backend;         /* [C] the back-end's per-core data (VMXON region, host save area) */
	hpa_t backend_hpa;     /* [C] */
	uint64_t gdt[5];       /* null, code, data, TSS (two slots) */
	struct tss tss;
};

static inline struct percpu *percpu(void)
{
	struct percpu *p;

	__asm__("mov %%gs:0, %0" : "=r"(p));
	return p;
}

/* vcpu.c, for percpu()->loaded: the hypervisor has taken a notification that was meant for it. */
void vcpu_look_before_entry(void);
/* vcpu.c, for percpu()->lent: an NMI kicks it; and before the core sleeps. */
void vcpu_force_exit(void);
void vcpu_take_apic_back(void);
