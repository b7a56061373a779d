/* SPDX-License-Identifier: Apache-2.0 */
/* arch/x86/cpu.h - single instructions as functions, and the architectural bits they use. */
#pragma once
#include "core/lib/base.h"

struct cpuid_regs {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_regs cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

/* RDMSR and RDTSC clear the upper halves of RAX and RDX: 64-bit variables save two moves. */
static inline uint64_t cpu_rdmsr(uint32_t msr)
{
	uint64_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
	return hi << 32 | lo;
}

static inline void cpu_wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

static inline uint64_t cpu_rdtsc(void)
{
	uint64_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi)::"memory");
	return hi << 32 | lo;
}

static inline uint64_t cpu_xgetbv(uint32_t xcr)
{
	uint32_t lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(xcr));
	return (uint64_t)hi << 32 | lo;
}

static inline void cpu_xsetbv(uint32_t xcr, uint64_t value)
{
	__asm__ volatile("xsetbv" ::"c"(xcr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static inline uint8_t cpu_in8(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline uint16_t cpu_in16(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline uint32_t cpu_in32(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port) : "memory");
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

#define CPU_CONTROL_REGISTER(name) \
	static inline uint64_t cpu_read_##name(void) \
	{ \
		uint64_t v; \
\
		__asm__ volatile("mov %%" #name ", %0" : "=r"(v)::"memory"); \
		return v; \
	} \
	static inline void cpu_write_##name(uint64_t v) \
	{ \
		__asm__ volatile("mov %0, %%" #name ::"r"(v) : "memory"); \
	}
CPU_CONTROL_REGISTER(cr0)
CPU_CONTROL_REGISTER(cr2)
CPU_CONTROL_REGISTER(cr3)
CPU_CONTROL_REGISTER(cr4)
CPU_CONTROL_REGISTER(dr0)
CPU_CONTROL_REGISTER(dr1)
CPU_CONTROL_REGISTER(dr2)
CPU_CONTROL_REGISTER(dr3)
CPU_CONTROL_REGISTER(dr6)
CPU_CONTROL_REGISTER(dr7)
#undef CPU_CONTROL_REGISTER

/* SDM Vol. 3A, "Control Registers". */
#define CR0_PE         BIT64(0)
#define CR0_MP         BIT64(1)
#define CR0_EM         BIT64(2)
#define CR0_TS         BIT64(3)
#define CR0_ET         BIT64(4)
#define CR0_NE         BIT64(5)
#define CR0_WP         BIT64(16)
#define CR0_NW         BIT64(29)
#define CR0_CD         BIT64(30)
#define CR0_PG         BIT64(31)
#define CR4_VME        BIT64(0)
#define CR4_PVI        BIT64(1)
#define CR4_TSD        BIT64(2)
#define CR4_DE         BIT64(3)
#define CR4_PSE        BIT64(4)
#define CR4_PAE        BIT64(5)
#define CR4_MCE        BIT64(6)
#define CR4_PGE        BIT64(7)
#define CR4_PCE        BIT64(8)
#define CR4_OSFXSR     BIT64(9)
#define CR4_OSXMMEXCPT BIT64(10)
#define CR4_UMIP       BIT64(11)
#define CR4_VMXE       BIT64(13)
#define CR4_FSGSBASE   BIT64(16)
#define CR4_PCIDE      BIT64(17)
#define CR4_OSXSAVE    BIT64(18)
#define CR4_SMEP       BIT64(20)
#define CR4_SMAP       BIT64(21)
#define CR4_PKE        BIT64(22)

/* SDM Vol. 1, "Extended Control Registers (Including XCR0)". */
#define XCR0_X87  BIT64(0)
#define XCR0_SSE  BIT64(1)
#define XCR0_PKRU BIT64(9)

/* SDM Vol. 3B, "Debug Registers": their values after reset, and DR7's general detect. */
#define DR6_FIXED1 UINT64_C(0xffff0ff0)
#define DR7_FIXED1 UINT64_C(0x400)
#define DR7_GD     BIT64(13)

/* SDM Vol. 3A, "RFLAGS Register" (Vol. 1) and "System Flags". */
#define RFLAGS_FIXED1 BIT64(1)
#define RFLAGS_TF     BIT64(8)
#define RFLAGS_IF     BIT64(9)

/* SDM Vol. 4, "Architectural MSRs". */
#define MSR_TSC             0x010u
#define MSR_APIC_BASE       0x01bu
#define MSR_FEATURE_CONTROL 0x03au
#define MSR_TSC_ADJUST      0x03bu
#define MSR_SPEC_CTRL       0x048u
#define MSR_PRED_CMD        0x049u
#define MSR_SYSENTER_CS     0x174u
#define MSR_SYSENTER_ESP    0x175u
#define MSR_SYSENTER_EIP    0x176u
#define MSR_MISC_ENABLE     0x1a0u
#define MSR_PAT             0x277u
#define MSR_TSC_DEADLINE    0x6e0u
#define MSR_X2APIC_FIRST    0x800u
#define MSR_X2APIC_LAST     0x8ffu
#define MSR_EFER            0xc0000080u
#define MSR_STAR            0xc0000081u
#define MSR_LSTAR           0xc0000082u
#define MSR_CSTAR           0xc0000083u
#define MSR_FMASK           0xc0000084u
#define MSR_FS_BASE         0xc0000100u
#define MSR_GS_BASE         0xc0000101u
#define MSR_KERNEL_GS_BASE  0xc0000102u
#define MSR_TSC_AUX         0xc0000103u

/* SDM Vol. 3A, "Memory Type Setting of PAT Entries Following a Power-up or Reset". */
#define PAT_RESET UINT64_C(0x0007040600070406)

#define EFER_SCE  BIT64(0)
#define EFER_LME  BIT64(8)
#define EFER_LMA  BIT64(10)
#define EFER_NXE  BIT64(11)
#define EFER_SVME BIT64(12)
