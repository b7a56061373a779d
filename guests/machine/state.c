/* SPDX-License-Identifier: Apache-2.0 */
/* Registers keep their values across exits, and system registers read as they were written. */
#include "guests/machine/machine.h"
#include "guests/rt/cpu.h"

#define MSR_TSC_AUX        0xc0000103u
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define MSR_FS_BASE        0xc0000100u
#define MSR_STAR           0xc0000081u
#define MSR_LSTAR          0xc0000082u
#define MSR_FMASK          0xc0000084u
#define MSR_SYSENTER_EIP   0x176u
#define MSR_PAT            0x277u
#define CPUID1_XSAVE       (1u << 26)
#define CPUID1_OSXSAVE     (1u << 27)
#define CPUIDX_RDTSCP      (1u << 27)
#define CR4_OSXSAVE        (1u << 18)

static void general_registers(void)
{
	static uint64_t in[16], out[16];

	for (uint32_t i = 0; i < 16; i++)
		in[i] = 0x1111111111111111u * i + 0x0123456789abcdefu;
	__asm__ volatile("push %%rbp\n\t"
			 "mov 0(%0), %%rbp\n\tmov 8(%0), %%r8\n\tmov 16(%0), %%r9\n\t"
			 "mov 24(%0), %%r10\n\tmov 32(%0), %%r11\n\tmov 40(%0), %%r12\n\t"
			 "mov 48(%0), %%r13\n\tmov 56(%0), %%r14\n\tmov 64(%0), %%r15\n\t"
			 "xor %%eax, %%eax\n\tcpuid\n\t"
			 "mov $0x802, %%ecx\n\trdmsr\n\t"
			 "mov %%rbp, 0(%1)\n\tmov %%r8, 8(%1)\n\tmov %%r9, 16(%1)\n\t"
			 "mov %%r10, 24(%1)\n\tmov %%r11, 32(%1)\n\tmov %%r12, 40(%1)\n\t"
			 "mov %%r13, 48(%1)\n\tmov %%r14, 56(%1)\n\tmov %%r15, 64(%1)\n\t"
			 "pop %%rbp"
			 :
			 : "S"(in), "D"(out)
			 : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13",
			   "r14", "r15", "cc", "memory");
	for (uint32_t i = 0; i < 9; i++)
		check(in[i] == out[i], "a general register across CPUID and RDMSR");
}

static void vector_registers(void)
{
	static const uint64_t in[2] = { 0xfedcba9876543210u, 0x0011223344556677u };
	uint64_t out[2];

	__asm__ volatile("movdqu %1, %%xmm7\n\txor %%eax, %%eax\n\tcpuid\n\tmovdqu %%xmm7, %0"
			 : "=m"(out)
			 : "m"(in)
			 : "rax", "rbx", "rcx", "rdx", "xmm7", "memory");
	check(out[0] == in[0] && out[1] == in[1], "a vector register across CPUID");
}

static void msr_keeps(uint32_t msr, uint64_t value, const char *what)
{
	const uint64_t before = cpu_rdmsr(msr);

	cpu_wrmsr(msr, value);
	(void)cpu_cpuid(0);
	check(cpu_rdmsr(msr) == value, what);
	cpu_wrmsr(msr, before);
	check(cpu_rdmsr(msr) == before, what);
}

static uint32_t rdtscp_aux(void)
{
	uint32_t aux;

	__asm__ volatile("rdtscp" : "=c"(aux)::"rax", "rdx");
	return aux;
}

static void msrs(void)
{
	msr_keeps(MSR_FS_BASE, 0x12345000, "FS.base");
	msr_keeps(MSR_KERNEL_GS_BASE, 0xffff800012345000u, "KERNEL_GS_BASE");
	msr_keeps(MSR_STAR, 0x0018001000000000u, "STAR");
	msr_keeps(MSR_LSTAR, 0xffffffff81000000u, "LSTAR");
	msr_keeps(MSR_FMASK, 0x47700, "FMASK");
	msr_keeps(MSR_SYSENTER_EIP, 0xffffffff82000000u, "SYSENTER_EIP");
	msr_keeps(MSR_PAT, 0x0407050600070106u, "PAT");
	if (!(cpu_cpuid(0x80000001u).edx & CPUIDX_RDTSCP))
		return;
	cpu_wrmsr(MSR_TSC_AUX, 0x1234567);
	(void)cpu_cpuid(0);
	check(rdtscp_aux() == 0x1234567, "RDTSCP reads TSC_AUX");
}

static void xsave(void)
{
	uint64_t cr4;
	uint32_t lo, hi;

	if (!(cpu_cpuid(1).ecx & CPUID1_XSAVE))
		return;
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	__asm__ volatile("mov %0, %%cr4" ::"r"(cr4 & ~(uint64_t)CR4_OSXSAVE) : "memory");
	check(!(cpu_cpuid(1).ecx & CPUID1_OSXSAVE), "CPUID shows OSXSAVE off");
	__asm__ volatile("mov %0, %%cr4" ::"r"(cr4 | CR4_OSXSAVE) : "memory");
	check(cpu_cpuid(1).ecx & CPUID1_OSXSAVE, "CPUID shows OSXSAVE on");
	__asm__ volatile("xsetbv" ::"a"(3), "d"(0), "c"(0));
	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	check(lo == 3 && hi == 0, "XCR0 reads as it was set");
	__asm__ volatile("mov %0, %%cr4" ::"r"(cr4) : "memory");
}

static void clock_is_monotonic(void)
{
	uint64_t last = cpu_rdtsc();

	for (uint32_t i = 0; i < 1000; i++) {
		const uint64_t by_msr = cpu_rdmsr(0x10);
		const uint64_t by_insn = cpu_rdtsc();

		check(by_msr >= last && by_insn >= by_msr, "RDTSC and RDMSR tell one time");
		last = by_insn;
	}
}

void check_state(void)
{
	general_registers();
	vector_registers();
	msrs();
	xsave();
	clock_is_monotonic();
}
