/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vmx/bochs.h - a deviation of Bochs 3.0 that a guest does not survive.
 *
 * Bochs   With more than one CPU, its main loop does not commit RIP after an exception was
 *	   delivered. A VM exit before the handler's first instruction (an interrupt of the host,
 *	   the preemption timer) then saves the RIP of the instruction that faulted, with CS, SS,
 *	   RSP and RFLAGS of the handler: the manual's "Saving RIP, RSP, RFLAGS" says otherwise.
 * Remedy  The delivery is undone: registers become what the exception's frame says, and the
 *	   instruction faults again. The frame is recognized by its RIP, which is the saved one,
 *	   and by RF, which faults set in it. On a CPU no exit can look like this, as the handler
 *	   would have to begin at the instruction that faulted.
 * Where   In Bochs with several CPUs only, for guests in 64-bit mode with a PC.
 * Source  SDM Vol. 3A, "64-Bit Mode Stack Frame", "Segment Descriptors".
 */
#pragma once
#include "arch/x86/backend.h"

/* Boot core. */
void vmx_bochs_probe(void);
extern bool vmx_is_bochs_smp; /* [I] after it */

/* After an exit for an interrupt or the timer. */
void vmx_bochs_mend(struct vcpu *v);
