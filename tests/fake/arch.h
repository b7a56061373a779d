/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fake/arch.h - a machine for core/ on the host: guests are little programs of steps.
 *
 * Model    One core, one clock. A guest's step computes for `ticks`, then exits with `kind`.
 *	    The program repeats for ever, and an interrupt starts it over. Entering, leaving, choosing and sleeping cost ticks,
 *	    and timers are late by a random amount up to `timer_late_max`.
 *	    Deliberately unlike x86: no registers, no instructions, interrupts are a count.
 */
#pragma once
#include "arch/vcpu.h"

struct fake_step {
	uint64_t ticks;
	enum exit_kind kind;
	/* EXIT_HYPERCALL: number. EXIT_PIO: enum pc_event. EXIT_MSR_WRITE: arms the timer in
	 * `value` ticks, or with FAKE_POST posts to the vCPUs of the other bits. EXIT_IRQ: a device
	 * has something for the vCPUs in `value`. */
	uint64_t value;
};

#define FAKE_POST BIT64(63)
/* EXIT_IRQ: what the device has is behind a gate, which opens after so many ticks. */
#define FAKE_GATED      BIT64(62)
#define FAKE_GATE_TICKS 500u

#define FAKE_STEP_MAX   8u

struct fake_guest {
	struct fake_step steps[FAKE_STEP_MAX];
	uint32_t step_count;
	/* Below: state */
	uint32_t step;
	uint64_t ticks_left;
	uint64_t timer_tsc;
	uint32_t interrupts;
	uint32_t posted;
	uint64_t gate_tsc; /* a device's interrupt waits until then; 0: none does */
	uint32_t rests;
	bool has_begun;
	uint32_t restarts;
	uint64_t steal_area;
	uint64_t result;  /* of its last hypercall */
	uint64_t ran_tsc; /* what it truly got */
};

struct fake_machine {
	uint64_t now_tsc;
	uint64_t cost_enter, cost_exit; /* inside arch_vcpu_enter(), outside the guest */
	uint64_t cost_look;             /* of each look at the clock */
	uint64_t timer_late_max;
	uint64_t random;
	/* While the core is idle, a device has something for this one after so many ticks. */
	uint64_t idle_irq_ticks; /* 0: never */
	vcpu_id_t idle_irq_vcpu;
	vcpu_set_t interrupted; /* for arch_vcpu_interrupted() */
	struct fake_guest guests[MAX_VCPUS];
};

extern struct fake_machine fake;
