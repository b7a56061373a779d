/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/control_registers.h - what guests may load into CR0 and CR4, whatever the back-end.
 *
 * CR0	    Caches stay on: CD and NW are only remembered for the guest to read. Undefined bits
 *	    of the low half are ignored.
 * CR4	    What has no effect outside the guest that sets it. MCE stays set in the CPU, or a
 *	    machine check in the guest would be a shutdown of the processor; the guest reads what
 *	    it wrote.
 * Source   SDM Vol. 3A, "Control Registers"; Vol. 2B, "MOV - Move to/from Control Registers".
 *	    APM Vol. 2, "CR0 Register", "CR4 Register".
 * Sharing  Pure.
 */
#pragma once
#include "arch/x86/cpu.h"

#define CR0_CACHES (CR0_CD | CR0_NW)

/* That a CPU has. */
#define CR4_GUEST \
	(CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE | \
	 CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE | CR4_PCIDE | CR4_OSXSAVE | \
	 CR4_SMEP | CR4_SMAP | CR4_PKE)

/* False: #GP(0). What else depends on PG, PE and the mode is not looked at. */
static inline bool cr0_is_valid(uint64_t value)
{
	return value >> 32 == 0 && ((value & CR0_CD) || !(value & CR0_NW));
}

static inline bool cr4_is_valid(uint64_t value, uint64_t allowed)
{
	return (value & ~allowed) == 0;
}
