/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/fpu.h - guests' x87 and vector state, switched when another vCPU is loaded.
 *
 * Model    The hypervisor uses no vector register, so the loaded vCPU's state stays in the CPU,
 *	    and its XCR0 too. Areas hold every component that guests may enable, whatever their
 *	    XCR0 at the moment: a component that a guest switches on later must not hold what
 *	    its predecessor left there.
 * Source   SDM Vol. 1, "Managing State Using the XSAVE Feature Set".
 * Sharing  fpu_init() on the boot core; an area belongs to its vCPU's core.
 */
#pragma once
#include "arch/x86/backend.h"

#define FPU_AREA_ALIGN 64u /* "XSAVE Area" */

/* `xcr0_offered`: the components that guests may enable; 0: the CPU has no XSAVE. */
void fpu_init(uint64_t xcr0_offered);
/* CR0, CR4 and XCR0 so that the functions below work on this core. */
void fpu_core_enable(void);

uint64_t fpu_area_bytes(void);
/* A zeroed area becomes the state after reset. */
void fpu_area_init(void *area);

/* Saves the state of `from` (NULL: nobody's) and loads that of `to`. */
void fpu_switch(struct vcpu *from, const struct vcpu *to);
/* The loaded vCPU has a new v->xcr0. */
void fpu_load_xcr0(const struct vcpu *v);
