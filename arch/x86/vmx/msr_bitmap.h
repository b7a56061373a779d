/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vmx/msr_bitmap.h - which MSRs a guest reads and writes without a VM exit.
 *
 * Model    Everything exits but what the CPU switches (VMCS), what we switch when another vCPU
 *	    is loaded, and, where hardware virtualizes the x2APIC, reads of registers that are
 *	    words of the virtual-APIC page, and writes to TPR, EOI and SELF IPI.
 * Source   SDM Vol. 3C, "MSR-Bitmap Address", "Virtualizing MSR-Based APIC Accesses".
 * Sharing  Pure.
 */
#pragma once
#include "core/lib/base.h"

enum vmx_msr_bitmap { VMX_MSRS_PLAIN, VMX_MSRS_X2APIC, VMX_MSR_BITMAP_COUNT };

/* `bitmap`: PAGE_BYTES of it. */
void vmx_msr_bitmap_build(uint8_t *bitmap, enum vmx_msr_bitmap kind);
