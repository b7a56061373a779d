/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vmx/initial.h - the registers in which a virtual CPU begins, as VMCS words.
 *
 * Model    What struct vcpu_entry leaves open is as after INIT. CR0 and CR4 come twice: what
 *	    runs, with the bits that VT-x or we insist on, and what the guest reads (the shadow).
 * Source   SDM Vol. 3A, "Processor State After Reset" (the table of states following power-up,
 *	    reset or INIT); Vol. 3B, "Virtual-8086 Mode" for segments of real mode; Vol. 3C,
 *	    "Checks on the Guest State Area"; Multiboot 0.6.96, "Machine state"; Linux,
 *	    "64-bit Boot Protocol".
 * Sharing  Pure.
 */
#pragma once
#include "arch/vcpu.h"
#include "arch/x86/vmx/controls.h"

struct vmx_segment {
	uint64_t base;
	uint32_t limit, access;
	uint16_t selector;
};

struct vmx_initial {
	/* ES, CS, SS, DS, FS, GS, LDTR, TR: the order of the VMCS */
	struct vmx_segment segments[8];
	uint64_t gdt, rip, rsp;
	uint64_t cr0, cr0_shadow, cr3, cr4, cr4_shadow, efer;
	uint32_t gdt_limit, idt_limit;
	bool is_ia32e;
};

/* `cr0_shadow`: as it stands, for INIT leaves CD and NW alone. Not for VCPU_WAITS. */
void vmx_initial_state(const struct vcpu_entry *entry, const struct vmx_controls *controls,
		       uint64_t cr0_shadow, struct vmx_initial *out);
