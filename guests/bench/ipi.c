/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/bench/ipi.c - interrupts between virtual CPUs.
 *
 * Model    CPU 1 waits in HLT or spins, as told. Its handler counts, and answers by an IPI where
 *	    CPU 0 waits for one in HLT. Before each sample CPU 0 sleeps for SETTLE_TICKS, so that
 *	    CPU 1 is back where it waits, also if it needs the same core to get there.
 */
#include "guests/bench/bench.h"
#include "guests/rt/apic.h"
#include "guests/rt/cpu.h"
#include "guests/rt/smp.h"

#define SETTLE_TICKS  100000u
#define VECTOR_ASK    0x41u
#define VECTOR_ANSWER 0x42u

enum waiting { WAIT_HALTED, WAIT_SPINNING };

static volatile enum waiting waiting;
static volatile bool answers_by_ipi;
static volatile uint64_t asked_count;  /* by CPU 1's handler */
static volatile uint64_t answered_tsc; /* by CPU 0's; 0: not yet */

static struct trap_frame *on_ask(struct trap_frame *frame)
{
	asked_count++;
	if (answers_by_ipi)
		apic_send(0, VECTOR_ANSWER);
	apic_eoi();
	return frame;
}

static struct trap_frame *on_answer(struct trap_frame *frame)
{
	answered_tsc = cpu_rdtsc();
	apic_eoi();
	return frame;
}

/* What CPU 1 runs: interrupts are let in at HLT, or anywhere while it spins. */
static void wait_for_questions(void)
{
	for (;;) {
		while (waiting == WAIT_SPINNING)
			;
		cpu_irq_off();
		if (waiting == WAIT_HALTED)
			cpu_wait_irq();
		cpu_irq_on();
	}
}

static void settle(void)
{
	const uint64_t end = cpu_rdtsc() + SETTLE_TICKS;

	cpu_irq_off();
	while (cpu_rdtsc() < end) {
		apic_timer_arm(end);
		cpu_wait_irq();
	}
	cpu_irq_on();
}

static uint64_t sample_seen(void)
{
	uint64_t before, start;

	settle();
	before = asked_count;
	start = cpu_rdtsc();
	apic_send(1, VECTOR_ASK);
	while (asked_count == before)
		;
	return cpu_rdtsc() - start;
}

static uint64_t sample_round(void)
{
	uint64_t start;

	settle();
	answered_tsc = 0;
	cpu_irq_off();
	start = cpu_rdtsc();
	apic_send(1, VECTOR_ASK);
	while (!answered_tsc)
		cpu_wait_irq();
	cpu_irq_on();
	return answered_tsc - start;
}

bool ipi_rows(bool is_core_shared)
{
	trap_set_handler(VECTOR_ASK, on_ask);
	trap_set_handler(VECTOR_ANSWER, on_answer);
	waiting = WAIT_HALTED;
	if (!smp_start(1, wait_for_questions))
		return false;
	answers_by_ipi = true;
	bench_line("ipi.vcpu_round", sample_round, 1);
	answers_by_ipi = false;
	if (is_core_shared)
		return true;
	bench_line("ipi.vcpu_halted", sample_seen, 1);
	waiting = WAIT_SPINNING;
	apic_send(1, VECTOR_ASK); /* out of its HLT */
	bench_line("ipi.vcpu", sample_seen, 1);
	waiting = WAIT_HALTED;
	return true;
}
