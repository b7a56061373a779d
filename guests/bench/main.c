/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/bench/main.c - what exits and interrupts cost, measured from inside a guest.
 *
 * Model    A sample is a difference of two TSC readings, raw: what reading the clock adds is
 *	    printed with it as "empty" (a sample of nothing) and not subtracted. A ".series"
 *	    sample is BURST operations in a row, divided by BURST, with no loop around them.
 *	    Interrupt samples end at the first instruction of the C handler; what the entry
 *	    stub itself adds is "guest.trap_entry".
 * Units    TSC ticks. In the rigs one instruction is one tick, so "insn" unless unit= says
 *	    otherwise. Emulated instructions are not cycles of any hardware.
 *
 *	guest.empty	    two clock readings with nothing between
 *	guest.rdtsc.series  one RDTSC
 *	guest.trap_entry    INT n until the handler's first instruction: no exit in it
 *	exit.cpuid	    XOR EAX, CPUID: an exit each
 *	exit.hypercall	    MOV EAX, VMCALL or VMMCALL with GUEST_CALL_NULL
 *	exit.timer_arm	    WRMSR to the timer, for a time far away
 *	timer.interrupt	    from the deadline until the handler, the guest spinning
 *	timer.halted	    from the deadline until the handler, the guest in HLT
 *	timer.gap	    the longest time in which the guest, spinning, did not run its loop while
 *			    a deadline passed: all that the interrupt takes from it, handler and
 *			    end-of-interrupt too. A hypervisor may make timer.interrupt short by
 *			    coming early and waiting for the deadline; here that shows
 *	ipi.self	    WRMSR SELF IPI until the handler, interrupts on
 *	ipi.self_halt	    WRMSR SELF IPI with interrupts off, STI, HLT, handler, EOI, and back
 *
 *	with pc=yes, where there is a PC (guests/bench/pc.c):
 *	exit.pio	    IN from counter 0 of the timer chip, low byte
 *	exit.pio.pic	    IN of the interrupt controller's mask: the simplest register there is
 *	exit.mmio	    a 32-bit MOV from the I/O APIC's window
 *
 *	with two CPUs (guests/bench/ipi.c), all by CPU 0's clock:
 *	ipi.vcpu	    WRMSR ICR until CPU 0 sees what the handler on CPU 1 writes; both spin
 *	ipi.vcpu_halted	    the same with CPU 1 in HLT
 *	ipi.vcpu_round	    WRMSR ICR, HLT; CPU 1 wakes from HLT, answers by an IPI; until CPU 0's
 *			    handler: two IPIs, two wake-ups
 *
 * Arguments  unit=ticks, pc=yes, and of two CPUs smp=shared if they have one core between them:
 *	    then the rows that spin are left out. rows=ipi: only those of two CPUs;
 *	    rows=pc: only those and the PC's.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "guests/bench/bench.h"
#include "guests/bench/sample.h"
#include "guests/rt/apic.h"
#include "guests/rt/args.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/smp.h"
#include "guests/rt/stats.h"

#define SAMPLES    1000u
#define WARM_UP    10u
#define TIMER_LEAD 20000u /* ticks from arming to the deadline: more than arming takes */
#define FAR_AWAY_S 3600u

static volatile uint64_t handler_tsc; /* when the last interrupt was taken; 0: not yet */

static struct trap_frame *on_interrupt(struct trap_frame *frame)
{
	handler_tsc = cpu_rdtsc();
	apic_eoi();
	return frame;
}

static struct trap_frame *on_trap(struct trap_frame *frame)
{
	handler_tsc = cpu_rdtsc();
	return frame;
}

static uint64_t sample_trap_entry(void)
{
	uint64_t start = cpu_rdtsc();

	__asm__ volatile("int %0" ::"i"(VECTOR_YIELD) : "memory");
	return handler_tsc - start;
}

static uint64_t sample_timer_arm(void)
{
	uint64_t far_away = cpu_rdtsc() + FAR_AWAY_S * guest_info()->tsc_hz;
	uint64_t start = cpu_rdtsc();

	apic_timer_arm(far_away);
	return cpu_rdtsc() - start;
}

static uint64_t sample_timer_interrupt(void)
{
	uint64_t deadline = cpu_rdtsc() + TIMER_LEAD;

	handler_tsc = 0;
	apic_timer_arm(deadline);
	while (!handler_tsc)
		;
	return handler_tsc - deadline;
}

static uint64_t sample_timer_gap(void)
{
	uint64_t gap = 0, last, now;
	bool is_over = false;

	handler_tsc = 0;
	apic_timer_arm(cpu_rdtsc() + TIMER_LEAD);
	last = cpu_rdtsc();
	while (!is_over) {
		is_over = handler_tsc; /* looked at first: the last gap counts */
		now = cpu_rdtsc();
		gap = now - last > gap ? now - last : gap;
		last = now;
	}
	return gap;
}

static uint64_t sample_timer_halted(void)
{
	uint64_t deadline = cpu_rdtsc() + TIMER_LEAD;

	handler_tsc = 0;
	cpu_irq_off();
	apic_timer_arm(deadline);
	while (!handler_tsc)
		cpu_wait_irq();
	cpu_irq_on();
	return handler_tsc - deadline;
}

static uint64_t sample_ipi(void)
{
	uint64_t start;

	handler_tsc = 0;
	start = cpu_rdtsc();
	apic_send_self(VECTOR_SELF);
	while (!handler_tsc)
		;
	return handler_tsc - start;
}

static uint64_t sample_ipi_halt(void)
{
	uint64_t start;

	cpu_irq_off();
	start = cpu_rdtsc();
	apic_send_self(VECTOR_SELF);
	cpu_wait_irq();
	start = cpu_rdtsc() - start;
	cpu_irq_on();
	return start;
}

void bench_line(const char *name, uint64_t (*sample)(void), uint64_t divisor)
{
	static uint64_t values[SAMPLES];
	char unit[16];
	uint64_t empty = UINT64_MAX;

	if (!args_find(guest_info()->args, "unit", unit, sizeof(unit)))
		snprintf(unit, sizeof(unit), "insn");
	apic_timer_own(on_interrupt);
	for (uint32_t i = 0; i < WARM_UP; i++) {
		uint64_t e = sample_empty();

		empty = e < empty ? e : empty;
		sample();
	}
	for (uint32_t i = 0; i < SAMPLES; i++)
		values[i] = sample();
	apic_timer_disarm();
	apic_timer_own(NULL); /* printing may sleep */
	stats_sort(values, SAMPLES);
	printf("@{\"bench\":\"%s\",\"unit\":\"%s\",\"min\":%lu,\"p50\":%lu,\"p99\":%lu,"
	       "\"max\":%lu,\"n\":%u,\"empty\":%lu}\n",
	       name, unit, values[0] / divisor, stats_percentile(values, SAMPLES, 50) / divisor,
	       stats_percentile(values, SAMPLES, 99) / divisor, values[SAMPLES - 1] / divisor,
	       SAMPLES, empty / divisor);
}

static void base_rows(void)
{
	const bool use_vmmcall = guest_info()->use_vmmcall;

	trap_set_handler(VECTOR_YIELD, on_trap);
	trap_set_handler(VECTOR_SELF, on_interrupt);
	bench_line("guest.empty", sample_empty, 1);
	bench_line("guest.rdtsc.series", sample_rdtsc_series, SAMPLE_BURST);
	bench_line("guest.trap_entry", sample_trap_entry, 1);
	bench_line("exit.cpuid", sample_cpuid, 1);
	bench_line("exit.cpuid.series", sample_cpuid_series, SAMPLE_BURST);
	bench_line("exit.hypercall", use_vmmcall ? sample_vmmcall : sample_vmcall, 1);
	bench_line("exit.hypercall.series",
		   use_vmmcall ? sample_vmmcall_series : sample_vmcall_series, SAMPLE_BURST);
	bench_line("exit.timer_arm", sample_timer_arm, 1);
	bench_line("timer.interrupt", sample_timer_interrupt, 1);
	bench_line("timer.gap", sample_timer_gap, 1);
	bench_line("timer.halted", sample_timer_halted, 1);
	bench_line("ipi.self", sample_ipi, 1);
	bench_line("ipi.self_halt", sample_ipi_halt, 1);
}

int main(void)
{
	const char *args = guest_info()->args;

	const bool has_pc = args_is(args, "pc", "yes");
	const bool is_ipi_only = args_is(args, "rows", "ipi");

	if (has_pc)
		pc_prepare();
	if (!is_ipi_only && !args_is(args, "rows", "pc"))
		base_rows();
	if (!is_ipi_only && has_pc)
		pc_rows();
	if (smp_cpu_count() > 1 && !ipi_rows(args_is(args, "smp", "shared"))) {
		printf("CPU 1 does not start\n");
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
