/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vmx/msr_bitmap.h - which MSRs a guest reads and writes without a VM exit.
 *
 * Model    Everything exits but what the CPU switches (VMCS), what we switch when another vCPU
 *	    is loaded, and, where hardware virtualizes the x2APIC, reads of registers that are
 *	    words of the virtual-APIC page, and writes to TPR, EOI and SELF IPI.
 *	    A guest that has its core's APIC (direct.h) reads and writes the same three, and reads
 *	    PPR, ISR and IRR; what depends on its state is opened and closed by the second function.
 * Source   SDM Vol. 3C, "MSR-Bitmap Address", "Virtualizing MSR-Based APIC Accesses".
 * Sharing  Pure.
 */
#pragma once
#include "core/lib/base.h"

enum vmx_msr_bitmap { VMX_MSRS_PLAIN, VMX_MSRS_X2APIC, VMX_MSRS_LENT, VMX_MSR_BITMAP_COUNT };
enum vmx_msr_access { VMX_MSR_READS, VMX_MSR_WRITES };
enum vmx_msr_answer { VMX_MSR_EXITS, VMX_MSR_IS_FREE };

/* `bitmap`: PAGE_BYTES of it. */
void vmx_msr_bitmap_build(uint8_t *bitmap, enum vmx_msr_bitmap kind);
void vmx_msr_bitmap_choose(uint8_t *bitmap, uint32_t msr, enum vmx_msr_access access,
			   enum vmx_msr_answer answer);
