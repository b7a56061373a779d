/* SPDX-License-Identifier: Apache-2.0 */
/* SDM Vol. 3A, "Task and Processor Priorities", "APIC Timer"; "Masking Maskable Interrupts". */
#include "guests/machine/machine.h"
#include "guests/rt/apic.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/trap.h"

#define LOW                      0x41u
#define MID                      0x51u
#define HIGH                     0x61u

#define MSR_X2APIC_TPR           0x808u
#define MSR_X2APIC_LVT_TIMER     0x832u
#define MSR_X2APIC_INITIAL_COUNT 0x838u
#define MSR_X2APIC_CURRENT_COUNT 0x839u
#define MSR_X2APIC_DIVIDE        0x83eu
#define LVT_PERIODIC             (1u << 17)
#define LVT_DEADLINE             (2u << 17)
#define DIVIDE_BY_1              0xbu

static char order[16]; /* who ran, in order */
static volatile uint32_t order_count;
static volatile uint64_t seen_rip;

static uint64_t read_cr8(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr8, %0" : "=r"(v)::"memory");
	return v;
}

static void write_cr8(uint64_t v)
{
	__asm__ volatile("mov %0, %%cr8" ::"r"(v) : "memory");
}

static void note(char who)
{
	if (order_count < sizeof(order))
		order[order_count++] = who;
}

static bool order_is(const char *text)
{
	uint32_t n = 0;

	for (; text[n]; n++)
		if (n >= order_count || order[n] != text[n])
			return false;
	return n == order_count;
}

static struct trap_frame *on_low(struct trap_frame *frame)
{
	note('l');
	seen_rip = frame->rip;
	apic_eoi();
	return frame;
}

/* Interrupted by what is higher, not by what is lower, until its EOI. */
static struct trap_frame *on_mid(struct trap_frame *frame)
{
	note('m');
	apic_send_self(LOW);
	apic_send_self(HIGH);
	cpu_irq_on();
	note('.');
	cpu_irq_off();
	note('M');
	apic_eoi();
	return frame;
}

static struct trap_frame *on_high(struct trap_frame *frame)
{
	note('h');
	apic_eoi();
	return frame;
}

static void priorities(void)
{
	order_count = 0;
	cpu_irq_off();
	apic_send_self(LOW);
	apic_send_self(HIGH);
	check(order_count == 0, "no interrupt while IF = 0");
	cpu_irq_on();
	__asm__ volatile("nop");
	check(order_is("hl"), "the higher vector comes first");
	order_count = 0;
	apic_send_self(MID);
	check(order_is("mh.Ml"), "a handler gives way to higher vectors only, until its EOI");
}

static void task_priority(void)
{
	order_count = 0;
	write_cr8(7);
	check(read_cr8() == 7, "CR8 reads back");
	check(cpu_rdmsr(MSR_X2APIC_TPR) == 0x70, "CR8 is TPR bits 7:4");
	apic_send_self(HIGH);
	check(order_count == 0, "CR8 holds a vector back");
	write_cr8(0);
	check(order_is("h"), "and lowering it lets the vector in");
	cpu_wrmsr(MSR_X2APIC_TPR, 0x95);
	check(read_cr8() == 9, "TPR bits 7:4 are CR8");
	apic_send_self(HIGH);
	check(order_is("h"), "TPR holds a vector back");
	cpu_wrmsr(MSR_X2APIC_TPR, 0);
	check(order_is("hh"), "and lowering it lets the vector in");
}

/* STI holds interrupts back for one instruction, also if that one exits. */
static void shadows(void)
{
	uint64_t after_nop, after_cpuid;

	order_count = 0;
	cpu_irq_off();
	apic_send_self(LOW);
	__asm__ volatile("lea 1f(%%rip), %0\n\tsti\n\tnop\n1:\tnop\n\tcli"
			 : "=r"(after_nop)::"memory");
	check(order_is("l") && seen_rip == after_nop, "STI holds back for one instruction");
	order_count = 0;
	apic_send_self(LOW);
	__asm__ volatile("lea 1f(%%rip), %%rsi\n\txor %%eax, %%eax\n\tsti\n\tcpuid\n1:\tnop\n\tcli"
			 : "=S"(after_cpuid)::"rax", "rbx", "rcx", "rdx", "memory");
	check(order_is("l") && seen_rip == after_cpuid, "the shadow of STI ends after CPUID");
	order_count = 0;
	apic_send_self(LOW);
	cpu_wait_irq();
	check(order_is("l"), "HLT ends at once where an interrupt waits");
	cpu_irq_on();
}

void check_interrupts(void)
{
	trap_set_handler(LOW, on_low);
	trap_set_handler(MID, on_mid);
	trap_set_handler(HIGH, on_high);
	priorities();
	task_priority();
	shadows();
}

static volatile uint32_t tick_count;
static volatile uint64_t tick_tsc;

static struct trap_frame *on_tick(struct trap_frame *frame)
{
	tick_tsc = cpu_rdtsc();
	tick_count++;
	apic_eoi();
	return frame;
}

/* 5 ms: much longer than an exit, also where the clock is the emulator's wall clock. */
#define TIMER_PER_SECOND 200u

static uint32_t interval;

static void wait_ticks(uint32_t n, uint64_t until_tsc)
{
	while (tick_count < n && cpu_rdtsc() < until_tsc)
		;
}

static void one_shot(void)
{
	uint64_t start;

	tick_count = 0;
	cpu_wrmsr(MSR_X2APIC_LVT_TIMER, HIGH);
	cpu_wrmsr(MSR_X2APIC_DIVIDE, DIVIDE_BY_1);
	start = cpu_rdtsc();
	cpu_wrmsr(MSR_X2APIC_INITIAL_COUNT, interval);
	check(cpu_rdmsr(MSR_X2APIC_CURRENT_COUNT) <= interval &&
		      cpu_rdmsr(MSR_X2APIC_CURRENT_COUNT) > 0,
	      "the count runs");
	wait_ticks(1, start + 10 * interval);
	check(tick_count == 1 && tick_tsc - start >= interval, "one shot, not early");
	wait_ticks(2, start + 20 * interval);
	check(tick_count == 1, "one shot, once");
	check(cpu_rdmsr(MSR_X2APIC_CURRENT_COUNT) == 0, "and the count stays 0");
}

static void periodic(void)
{
	uint64_t start;

	tick_count = 0;
	cpu_wrmsr(MSR_X2APIC_LVT_TIMER, LVT_PERIODIC | HIGH);
	start = cpu_rdtsc();
	cpu_wrmsr(MSR_X2APIC_INITIAL_COUNT, interval);
	wait_ticks(5, start + 50 * interval);
	check(tick_count == 5 && tick_tsc - start >= 5 * interval, "periodic, not early");
	cpu_wrmsr(MSR_X2APIC_INITIAL_COUNT, 0);
	tick_count = 0;
	wait_ticks(1, cpu_rdtsc() + 5 * interval);
	check(tick_count == 0, "an initial count of 0 stops it");
}

static void deadline(void)
{
	uint64_t at;

	tick_count = 0;
	cpu_wrmsr(MSR_X2APIC_LVT_TIMER, LVT_DEADLINE | HIGH);
	__asm__ volatile("mfence" ::: "memory"); /* "TSC-Deadline Mode": orders the two writes */
	at = cpu_rdtsc() + interval;
	cpu_wrmsr(MSR_TSC_DEADLINE, at);
	check(cpu_rdmsr(MSR_TSC_DEADLINE) == at, "the deadline reads back");
	wait_ticks(1, at + 10 * interval);
	check(tick_count == 1 && tick_tsc >= at, "a deadline, not early");
	check(cpu_rdmsr(MSR_TSC_DEADLINE) == 0, "and is 0 afterwards");
	cpu_wrmsr(MSR_TSC_DEADLINE, 1);
	check(tick_count == 2, "a deadline in the past fires at once");
	cpu_wrmsr(MSR_TSC_DEADLINE, cpu_rdtsc() + interval);
	cpu_wrmsr(MSR_TSC_DEADLINE, 0);
	wait_ticks(3, cpu_rdtsc() + 5 * interval);
	check(tick_count == 2, "writing 0 disarms");
}

void check_timer(void)
{
	trap_set_handler(HIGH, on_tick);
	interval = (uint32_t)(guest_info()->tsc_hz / TIMER_PER_SECOND);
	one_shot();
	periodic();
	deadline();
}
