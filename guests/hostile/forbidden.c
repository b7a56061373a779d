/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/hostile/forbidden.c - register values and instructions that must be refused.
 *
 * Source   SDM Vol. 3A, "Control Registers", "Extended Control Registers", "Debug Registers";
 *	    SDM Vol. 3C, "VMX Instruction Reference"; APM Vol. 2, "SVM Related MSRs" and
 *	    Vol. 3, "System Instruction Reference". This virtual machine has neither VMX nor SVM.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "guests/hostile/modes.h"
#include "guests/hostile/probe.h"
#include "guests/rt/cpu.h"

#define BIT(n)        (UINT64_C(1) << (n))

#define EFER_RESERVED BIT(1)
#define EFER_SVME     BIT(12)
#define CR4_RESERVED  BIT(15)
#define CR4_SMXE      BIT(14)
#define CR4_LA57      BIT(12)
#define CR4_PKS       BIT(24)
#define CR4_PCIDE     BIT(17)
#define CR3_PWT       BIT(3)
#define CR3_RESERVED  BIT(55) /* above every physical address size in use */

struct attempt {
	const char *what;
	void (*try)(uint64_t set, uint64_t clear);
	uint64_t set, clear; /* bits to change in the register's present value */
};

/* What is not refused is undone, so that the next attempt starts from a sane state. */
#define TRY_CONTROL_REGISTER(name) \
	static void try_##name(uint64_t set, uint64_t clear) \
	{ \
		uint64_t old; \
\
		__asm__ volatile("movq %%" #name ", %0" : "=r"(old)); \
		__asm__ volatile(PROBE_BEGIN \
				 "movq %0, %%" #name PROBE_END ::"r"((old | set) & ~clear) \
				 : "r11", "memory"); \
		if (probe_vector == PROBE_NO_FAULT) \
			__asm__ volatile("movq %0, %%" #name ::"r"(old) : "memory"); \
	}
TRY_CONTROL_REGISTER(cr0)
TRY_CONTROL_REGISTER(cr3)
TRY_CONTROL_REGISTER(cr4)
TRY_CONTROL_REGISTER(cr8)
TRY_CONTROL_REGISTER(dr7)

/* With anything in CR3 bits 11:0 these must not become PCIDs, whether or not they are offered. */
static void try_pcide(uint64_t set, uint64_t clear)
{
	uint64_t cr3;

	__asm__ volatile("movq %%cr3, %0" : "=r"(cr3));
	__asm__ volatile("movq %0, %%cr3" ::"r"(cr3 | CR3_PWT) : "memory");
	try_cr4(set, clear);
	__asm__ volatile("movq %0, %%cr3" ::"r"(cr3) : "memory");
}

static void try_efer(uint64_t set, uint64_t clear)
{
	uint64_t old = cpu_rdmsr(MSR_EFER), v = (old | set) & ~clear;

	__asm__ volatile(PROBE_BEGIN "wrmsr" PROBE_END ::"c"(MSR_EFER), "a"((uint32_t)v),
			 "d"((uint32_t)(v >> 32))
			 : "r11", "memory");
	if (probe_vector == PROBE_NO_FAULT)
		cpu_wrmsr(MSR_EFER, old);
}

/* #UD where XSAVE is not enabled, #GP for the value where it is. */
static void try_xcr0(uint64_t set, uint64_t clear)
{
	__asm__ volatile(PROBE_BEGIN "xsetbv" PROBE_END ::"c"(0), "a"((uint32_t)set),
			 "d"((uint32_t)(set >> 32))
			 : "r11", "memory");
}

static uint64_t scratch[512] __attribute__((aligned(PAGE_SIZE)));

#define TRY_INSN(name, insn) \
	static void try_##name(uint64_t set, uint64_t clear) \
	{ \
		__asm__ volatile(PROBE_BEGIN insn PROBE_END ::"a"(scratch), "c"(0), "d"(0) \
				 : "r11", "memory", "cc"); \
	}
TRY_INSN(vmxon, "vmxon (%%rax)")
TRY_INSN(vmlaunch, "vmlaunch")
TRY_INSN(vmptrld, "vmptrld (%%rax)")
TRY_INSN(vmread, "vmread %%rcx, %%rdx")
TRY_INSN(invept, "invept (%%rax), %%rcx")
TRY_INSN(vmrun, "vmrun")
TRY_INSN(vmload, "vmload")
TRY_INSN(vmsave, "vmsave")
TRY_INSN(clgi, "clgi")
TRY_INSN(stgi, "stgi")
TRY_INSN(invlpga, "invlpga")
TRY_INSN(skinit, "skinit")
TRY_INSN(getsec, ".byte 0x0f, 0x37")
TRY_INSN(rsm, "rsm")

/* Where one of these is not refused, the guest notices nothing and goes on. */
static const struct attempt harmless[] = {
	{ "CR0 bit 32", try_cr0, BIT(32), 0 },
	{ "CR0 bit 63", try_cr0, BIT(63), 0 },
	{ "CR0.NW without CD", try_cr0, CR0_NW, CR0_CD },
	{ "CR8 bit 4", try_cr8, BIT(4), 0 },
	{ "CR8 bit 63", try_cr8, BIT(63), 0 },
	{ "DR7 bit 32", try_dr7, BIT(32), 0 },
	{ "EFER reserved bit", try_efer, EFER_RESERVED, 0 },
	{ "EFER bit 63", try_efer, BIT(63), 0 },
	{ "EFER.SVME", try_efer, EFER_SVME, 0 },
	{ "XCR0 without x87", try_xcr0, BIT(1), 0 },
	{ "XCR0 all ones", try_xcr0, UINT64_MAX, 0 },
	{ "VMXON", try_vmxon, 0, 0 },
	{ "VMLAUNCH", try_vmlaunch, 0, 0 },
	{ "VMPTRLD", try_vmptrld, 0, 0 },
	{ "VMREAD", try_vmread, 0, 0 },
	{ "INVEPT", try_invept, 0, 0 },
	{ "VMRUN", try_vmrun, 0, 0 },
	{ "VMLOAD", try_vmload, 0, 0 },
	{ "VMSAVE", try_vmsave, 0, 0 },
	{ "CLGI", try_clgi, 0, 0 },
	{ "STGI", try_stgi, 0, 0 },
	{ "INVLPGA", try_invlpga, 0, 0 },
	{ "SKINIT", try_skinit, 0, 0 },
	{ "GETSEC", try_getsec, 0, 0 },
	{ "RSM", try_rsm, 0, 0 },
};

/* Where one of these is not refused, it is the guest's end. */
static const struct attempt deadly[] = {
	{ "CR4 reserved bit 15", try_cr4, CR4_RESERVED, 0 },
	{ "CR4 bit 63", try_cr4, BIT(63), 0 },
	{ "CR4.VMXE", try_cr4, CR4_VMXE, 0 },
	{ "CR4.SMXE", try_cr4, CR4_SMXE, 0 },
	{ "CR4.LA57", try_cr4, CR4_LA57, 0 },
	{ "CR4.PKS", try_cr4, CR4_PKS, 0 },
	{ "CR4.PCIDE with a PCID", try_pcide, CR4_PCIDE, 0 },
	{ "CR0.PG without PE", try_cr0, 0, CR0_PE },
	{ "CR0.PG off in 64-bit mode", try_cr0, 0, CR0_PG },
	{ "CR3 reserved bit", try_cr3, CR3_RESERVED, 0 },
	{ "CR4.PAE off in long mode", try_cr4, 0, CR4_PAE },
	{ "EFER.LME off while paging", try_efer, 0, EFER_LME },
};

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static void try_all(const char *name, const struct attempt *attempts, size_t count, bool is_first)
{
	size_t refused = 0;

	for (size_t i = 0; i < count; i++) {
		attempts[i].try(attempts[i].set, attempts[i].clear);
		if (probe_vector != PROBE_NO_FAULT)
			refused++;
		else if (is_first)
			printf("hostile: not refused: %s\n", attempts[i].what);
	}
	if (is_first)
		printf("@{\"hostile\":\"%s\",\"tried\":%lu,\"refused\":%lu}\n", name,
		       (unsigned long)count, (unsigned long)refused);
}

/* Legal: what is set reads back by every way to read it, and by no other's leave is it set. */
static void try_legal(bool is_first)
{
	uint64_t old, read, msw, after_lmsw;
	uint32_t kept = 0;

	__asm__ volatile("movq %%cr0, %0" : "=r"(old));
	__asm__ volatile("movq %0, %%cr0" ::"r"(old | CR0_CD) : "memory");
	__asm__ volatile("movq %%cr0, %0\n\tsmsw %1" : "=&r"(read), "=r"(msw));
	__asm__ volatile("lmsw %w0" ::"r"(old | CR0_TS | CR0_EM) : "memory");
	__asm__ volatile("movq %%cr0, %0\n\tclts" : "=r"(after_lmsw));
	__asm__ volatile("movq %0, %%cr0" ::"r"(old) : "memory");
	kept += read == (old | CR0_CD);
	kept += msw == read;
	kept += after_lmsw == (read | CR0_TS | CR0_EM);
	__asm__ volatile("movq %%cr0, %0" : "=r"(read));
	kept += read == old;
	if (is_first)
		printf("@{\"hostile\":\"cr_legal\",\"asked\":4,\"kept\":%u}\n", kept);
}

void mode_cr(void)
{
	for (bool is_first = true;; is_first = false) {
		try_legal(is_first);
		try_all("cr", harmless, COUNT_OF(harmless), is_first);
		try_all("cr_deadly", deadly, COUNT_OF(deadly), is_first);
	}
}
