/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions that this virtual machine does not have or refuses, and the traps it reflects. */
#include "guests/machine/machine.h"
#include "guests/rt/cpu.h"
#include "guests/rt/trap.h"

#define DB          1u
#define UD          6u
#define GP          13u
#define NONE        0xffffu

#define RFLAGS_TF   "0x100"
#define DR6_B0      1u
#define DR6_BS      (1u << 14)
#define DR7_WATCH_0 0xd0401u /* L0, R/W0 = 01 (writes), LEN0 = 11 (4 bytes), bit 10 */
#define DR7_OFF     0x400u

uint64_t fault_resume_rip;
static volatile uint32_t fault_vector = NONE;
static volatile uint64_t fault_error;

static struct trap_frame *on_fault(struct trap_frame *frame)
{
	fault_vector = (uint32_t)frame->vector;
	fault_error = frame->error;
	frame->rip = fault_resume_rip;
	return frame;
}

/* The vector that `insn` raises, or NONE. It may change RAX, RBX, RCX, RDX. */
#define FAULT(insn, a, c, d) \
	({ \
		uint64_t rax = (a), rcx = (c), rdx = (d); \
		fault_vector = NONE; \
		__asm__ volatile("lea 1f(%%rip), %%r11\n\t" \
				 "mov %%r11, fault_resume_rip(%%rip)\n\t" insn "\n1:" \
				 : "+a"(rax), "+c"(rcx), "+d"(rdx) \
				 : \
				 : "rbx", "r11", "rdi", "cc", "memory"); \
		(uint32_t) fault_vector; \
	})

static void missing_instructions(void)
{
	check(FAULT("ud2", 0, 0, 0) == UD, "UD2");
	check(FAULT("vmrun %%rax", 0, 0, 0) == UD, "VMRUN is #UD");
	check(FAULT("vmload %%rax", 0, 0, 0) == UD, "VMLOAD is #UD");
	check(FAULT("vmsave %%rax", 0, 0, 0) == UD, "VMSAVE is #UD");
	check(FAULT("stgi", 0, 0, 0) == UD, "STGI is #UD");
	check(FAULT("clgi", 0, 0, 0) == UD, "CLGI is #UD");
	check(FAULT("skinit %%eax", 0, 0, 0) == UD, "SKINIT is #UD");
	check(FAULT("invlpga %%rax, %%ecx", 0, 0, 0) == UD, "INVLPGA is #UD");
	check(FAULT("monitor", 0x1000, 0, 0) == UD, "MONITOR is #UD");
	check(FAULT("mwait", 0, 0, 0) == UD, "MWAIT is #UD");
	check(FAULT("vmxoff", 0, 0, 0) == UD, "VMXOFF is #UD");
}

static void refused_values(void)
{
	check(FAULT("rdmsr", 0, 0xc0010114, 0) == GP, "RDMSR of VM_CR is #GP");
	check(FAULT("rdmsr", 0, 0x3a, 0) == GP, "RDMSR of IA32_FEATURE_CONTROL is #GP");
	check(FAULT("rdmsr", 0, 0x12345678, 0) == GP, "RDMSR of nothing is #GP");
	check(fault_error == 0, "with error code 0");
	check(FAULT("wrmsr", 0x1901, 0xc0000080, 0) == GP, "EFER.SVME is reserved");
	check(FAULT("wrmsr", 0x801, 0xc0000080, 0) == GP, "EFER.LME stays while paging is on");
	check(FAULT("wrmsr", 2, 0x277, 0) == GP, "PAT type 2 is reserved");
	check(FAULT("wrmsr", 0xfee00900, 0x1b, 0) == GP, "x2APIC mode cannot be left");
	check(FAULT("wrmsr", 0, 0x802, 0) == GP, "the APIC ID is read only");
	check(FAULT("rdpmc", 0, 0, 0) == GP, "RDPMC is #GP");
	check(FAULT("lea -16(%%rsp), %%rdi\n\tinsb", 0, 0, 0x70) == GP, "INS is #GP");
	if (is_qemu_tcg())
		return;
	check(FAULT("wrmsr", 0, 0xc0000100, 0x8000) == GP, "FS.base must be canonical");
	check(FAULT("mov %%rax, %%cr8", 16, 0, 0) == GP, "CR8 has four bits");
}

static void allowed(void)
{
	uint32_t port;

	check(FAULT("wbinvd", 0, 0, 0) == NONE, "WBINVD goes on");
	__asm__ volatile("inl $0x70, %0" : "=a"(port)::"memory");
	check(port == 0xffffffff, "a port that is nobody's floats high");
}

void check_faults(void)
{
	trap_set_handler(UD, on_fault);
	trap_set_handler(GP, on_fault);
	missing_instructions();
	refused_values();
	allowed();
	trap_set_handler(UD, (trap_fn *)0);
	trap_set_handler(GP, (trap_fn *)0);
}

/* ---- Traps ---- */

#define STEP_MAX 16u

static volatile uint64_t step_rip[STEP_MAX];
static volatile uint32_t step_count;
static volatile uint64_t step_dr6;

static struct trap_frame *on_debug(struct trap_frame *frame)
{
	uint64_t dr6;

	__asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
	step_dr6 |= dr6;
	if (step_count < STEP_MAX)
		step_rip[step_count] = frame->rip;
	step_count++;
	__asm__ volatile("mov %0, %%dr6" ::"r"((uint64_t)0xffff0ff0));
	return frame;
}

static bool stepped_to(uint64_t rip)
{
	for (uint32_t i = 0; i < step_count && i < STEP_MAX; i++)
		if (step_rip[i] == rip)
			return true;
	return false;
}

/* "Single-Step Exception Condition": after each instruction, those that exit included. */
static void single_steps(void)
{
	uint64_t after_cpuid, after_rdmsr;

	step_count = 0;
	step_dr6 = 0;
	__asm__ volatile("lea 1f(%%rip), %%rsi\n\t"
			 "lea 2f(%%rip), %%rdi\n\t"
			 "pushfq\n\torq $" RFLAGS_TF ", (%%rsp)\n\tpopfq\n\t"
			 "xor %%eax, %%eax\n\t"
			 "cpuid\n1:\t"
			 "mov $0x802, %%ecx\n\t"
			 "rdmsr\n2:\t"
			 "pushfq\n\tandq $~" RFLAGS_TF ", (%%rsp)\n\tpopfq\n\tnop"
			 : "=S"(after_cpuid), "=D"(after_rdmsr)
			 :
			 : "rax", "rbx", "rcx", "rdx", "cc", "memory");
	check(stepped_to(after_cpuid), "a step ends after CPUID");
	check(stepped_to(after_rdmsr), "a step ends after RDMSR");
	check(step_dr6 & DR6_BS, "DR6.BS says that it was a step");
	check(step_count == 7, "one step per instruction");
}

static void watchpoints(void)
{
	static volatile uint32_t watched;

	step_count = 0;
	step_dr6 = 0;
	__asm__ volatile("mov %0, %%dr0\n\tmov %1, %%dr7" ::"r"(&watched),
			 "r"((uint64_t)DR7_WATCH_0)
			 : "memory");
	(void)cpu_cpuid(0);
	watched = 1;
	__asm__ volatile("mov %0, %%dr7" ::"r"((uint64_t)DR7_OFF) : "memory");
	check(step_count == 1 && (step_dr6 & DR6_B0), "a watchpoint traps once");
	watched = 2;
	check(step_count == 1, "and not when it is off");
}

void check_traps(void)
{
	trap_set_handler(DB, on_debug);
	single_steps();
	watchpoints();
	trap_set_handler(DB, (trap_fn *)0);
}
