/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vmx/decode.h - what VMCS words mean.
 *
 * Source   SDM Vol. 3C, "VM-Exit Information Fields", "Exit Qualification"; Vol. 3C,
 *	    "VMX-Preemption Timer"; Vol. 2B, "MOV - Move to/from Control Registers".
 * Sharing  Pure.
 */
#pragma once
#include "arch/vcpu.h"

/*
 * The kind of exit that follows from the basic reason alone. EXIT_CONTROL for those that the
 * back-end may settle by itself; EXIT_OTHER for everything that is not expected.
 */
enum exit_kind vmx_kind(uint32_t reason);

/* "Exit Qualification for I/O Instructions". What INS and OUTS move is not known here. */
void vmx_decode_io(uint64_t qualification, uint64_t rax, struct exit_info *out);
/* "Exit Qualification for EPT Violations". */
void vmx_decode_ept(uint64_t qualification, uint64_t gpa, struct exit_info *out);

/*
 * "Exit Qualification for APIC-Access VM Exits": as a refused access to memory, for the decoder.
 * EXIT_OTHER: by a guest-physical address (its page tables lie there); no guest does that.
 */
void vmx_decode_apic_access(uint64_t qualification, struct exit_info *out);
/*
 * EXIT_APIC. "APIC-Write Emulation": write is true, addr the register's offset, which is written.
 * "EOI Virtualization": write is false, value the vector, whose EOI is done.
 */
void vmx_decode_apic(uint32_t reason, uint64_t qualification, struct exit_info *out);

/* "Exit Qualification for Control-Register Accesses"; only MOV can exit with our masks. */
enum vmx_cr_access { CR_READ, CR_WRITE, CR_OTHER };
struct vmx_cr {
	enum vmx_cr_access access;
	uint32_t number;
	uint32_t gpr; /* enum gpr */
};
struct vmx_cr vmx_decode_cr(uint64_t qualification);

/* May a guest load this value; false: #GP(0). Relations of PG, PE, LME are the CPU's to check. */
bool vmx_cr0_is_valid(uint64_t value);
bool vmx_cr4_is_valid(uint64_t value, uint64_t allowed);

/* RIP after an instruction in a code segment with these access rights: 64 or 32 bits. */
uint64_t vmx_next_rip(uint64_t rip, uint32_t bytes, uint32_t cs_access);

/* RFLAGS after an emulated instruction that left the arithmetic flags of `result`. */
uint64_t vmx_retired_rflags(uint64_t rflags, uint64_t result);

/* DR6 after a debug exception that the VM exit reported and did not deliver. */
uint64_t vmx_debug_dr6(uint64_t dr6, uint64_t qualification);

/*
 * Changes of bit `shift` of the TSC from now until the first that is not before the deadline,
 * which must lie in the future.
 */
static inline uint64_t vmx_timer_value(uint64_t now_tsc, uint64_t deadline_tsc, uint32_t shift)
{
	return ((deadline_tsc - 1) >> shift) + 1 - (now_tsc >> shift);
}

/* What to inject at the next entry if an exit came in the middle of delivering this; or 0. */
uint32_t vmx_reinjection(uint32_t idt_vectoring);
