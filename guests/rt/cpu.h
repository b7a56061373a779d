/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/rt/cpu.h - single instructions as functions, and the architectural bits they use.
 *
 * Source   SDM Vol. 3A, "Control Registers"; Vol. 4, "Architectural MSRs". CR0, CR4 and EFER
 *	    bits are written without suffix, because crt0.S uses them too.
 */
#pragma once

#define CR0_PE           0x00000001
#define CR0_MP           0x00000002
#define CR0_EM           0x00000004
#define CR0_TS           0x00000008
#define CR0_ET           0x00000010
#define CR0_NE           0x00000020
#define CR0_WP           0x00010000
#define CR0_NW           0x20000000
#define CR0_CD           0x40000000
#define CR0_PG           0x80000000
#define CR4_PAE          0x00000020
#define CR4_OSFXSR       0x00000200
#define CR4_OSXMMEXCPT   0x00000400
#define CR4_VMXE         0x00002000

#define MSR_APIC_BASE    0x0000001b
#define MSR_TSC_DEADLINE 0x000006e0
#define MSR_EFER         0xc0000080
#define EFER_LME         0x00000100
#define EFER_NXE         0x00000800

/* Paging-structure entries: SDM Vol. 3A, "4-Level Paging". */
#define PTE_P           0x001
#define PTE_RW          0x002
#define PTE_UNCACHED    0x018 /* PCD and PWT: UC by the PAT as it is after a reset */
#define PTE_PS          0x080
#define PAGE_SIZE       0x1000
#define LARGE_PAGE_SIZE 0x200000

/* Selectors of the table in crt0.S. Each CPU has a TSS of its own, two entries long. */
#define SELECTOR_CODE   0x08
#define SELECTOR_DATA   0x10
#define SELECTOR_CODE32 0x18 /* for CPUs on their way up: smp_entry.S */
#define SELECTOR_TSS    0x20 /* of CPU 0 */
#define TSS_STRIDE      0x10

#define CPUS_MAX        16

#ifndef __ASSEMBLER__
#include <stdint.h>

#define PTE_NX    (UINT64_C(1) << 63)
#define RFLAGS_IF (UINT64_C(1) << 9)

struct cpuid_regs {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_regs cpu_cpuid(uint32_t leaf)
{
	struct cpuid_regs r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(0));
	return r;
}

static inline uint64_t cpu_rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
	return (uint64_t)hi << 32 | lo;
}

static inline void cpu_wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

static inline uint8_t cpu_in8(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline void cpu_out8(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port) : "memory");
}

static inline void cpu_out16(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(port) : "memory");
}

static inline void cpu_out32(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port) : "memory");
}

/* Which CPU this is: its task register says so, without an exit. */
static inline uint32_t cpu_index(void)
{
	uint16_t tr;

	__asm__("str %0" : "=r"(tr));
	return (tr - SELECTOR_TSS) / (uint32_t)TSS_STRIDE;
}

static inline void cpu_pause(void)
{
	__asm__ volatile("pause" ::: "memory");
}

static inline uint64_t cpu_rdtsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi)::"memory");
	return (uint64_t)hi << 32 | lo;
}

static inline void cpu_irq_off(void)
{
	__asm__ volatile("cli" ::: "memory");
}

static inline void cpu_irq_on(void)
{
	__asm__ volatile("sti" ::: "memory");
}

/*
 * Called with interrupts off; returns with interrupts off after at least one was taken. STI
 * holds interrupts back for one instruction, so none can slip in between and be slept through.
 */
static inline void cpu_wait_irq(void)
{
	__asm__ volatile("sti; hlt; cli" ::: "memory");
}

static inline uint64_t cpu_read_rflags(void)
{
	uint64_t v;

	__asm__ volatile("pushfq; popq %0" : "=r"(v)::"memory");
	return v;
}

static inline uint64_t cpu_read_cr2(void)
{
	uint64_t v;

	__asm__ volatile("movq %%cr2, %0" : "=r"(v)::"memory");
	return v;
}

static inline uint64_t cpu_read_cr3(void)
{
	uint64_t v;

	__asm__ volatile("movq %%cr3, %0" : "=r"(v)::"memory");
	return v;
}

static inline void cpu_load_cr3(uint64_t v)
{
	__asm__ volatile("movq %0, %%cr3" ::"r"(v) : "memory");
}

static inline void cpu_invlpg(uint64_t va)
{
	__asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}
#endif
