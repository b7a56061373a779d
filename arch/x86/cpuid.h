/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/cpuid.h - what a guest learns from CPUID.
 *
 * Model    A table names every leaf a guest may see and what becomes of each register: passed
 *	    with a mask, constant, or zero. A leaf that is not in the table reads as zero. The
 *	    table is applied once, at boot, to the host's values; a guest's CPUID is then a
 *	    look-up. Leaves 1, 4, 7, 0BH, 0DH, 1FH depend on sub-leaf or vCPU and are finished
 *	    per call, and so are AMD's 80000001H and 80000008H.
 *	    A partition's vCPUs are the cores of one package, one thread each; APIC IDs count
 *	    from 0. docs/cpu-policy.md has the table in words.
 *	    40000000H  EAX = highest hypervisor leaf, EBX:ECX:EDX = CPUID_HV_SIGNATURE
 *	    40000001H  EAX = CPUID_HV_INTERFACE
 *	    40000010H  EAX = TSC and APIC timer clock, kHz
 *	    40000100H  EAX = 40000101H, EBX:ECX:EDX = CPUID_KVM_SIGNATURE
 *	    40000101H  EAX = features, EDX = hints of the interface that Linux knows
 * Source   SDM Vol. 2A, "CPUID-CPU Identification". APM Vol. 3, "Obtaining Processor
 *	    Information Via the CPUID Instruction". Linux, "KVM CPUID bits".
 * Sharing  cpuid_init() on the boot core; constant afterwards.
 */
#pragma once
#include "arch/x86/backend.h"
#include "arch/x86/cpu.h"

#define CPUID_HV_SIGNATURE  "BulkheadBHV1" /* 12 characters */
#define CPUID_HV_INTERFACE  1u
#define CPUID_KVM_SIGNATURE "KVMKVMKVM\0\0" /* 12 bytes with the NUL that ends it */

/* Reads the host's CPUID: cpu_cpuid() in the image, recorded values in tests. */
typedef struct cpuid_regs cpuid_read_fn(uint32_t leaf, uint32_t subleaf);

/*
 * `xcr0_offered`: state components guests may enable, see cpuid_xcr0_offered().
 * `tsc_hz`: the guest's TSC and APIC timer frequency.
 */
void cpuid_init(cpuid_read_fn *read, uint64_t xcr0_offered, uint64_t tsc_hz);

/* What the host has of the state components that the hypervisor switches: x87, SSE, AVX, AVX-512.
 */
uint64_t cpuid_xcr0_offered(cpuid_read_fn *read);

/* CPUID with the vCPU's RAX and RCX; writes RAX, RBX, RCX, RDX. */
void cpuid_emulate(struct vcpu *v, const struct backend *b);

/* Guest facts that MSR emulation shares with CPUID, so that both say the same. */
uint64_t cpuid_efer_bits(void);            /* EFER bits a guest may set, LMA excluded */
uint64_t cpuid_cr4_bits(void);             /* CR4 bits a guest may set */
uint64_t cpuid_guest_xcr0(void);           /* XCR0 bits a guest may set */
bool cpuid_is_intel(void);                 /* otherwise it is as AMD's manual says */
bool cpuid_has_arch_capabilities(void);    /* IA32_ARCH_CAPABILITIES is offered */
bool cpuid_has_ibpb(void);                 /* so is IA32_PRED_CMD */
uint32_t cpuid_physical_bits(void);        /* of a physical address: 36 to 48 */
bool cpuid_is_canonical(uint64_t address); /* for the host's linear-address width */
