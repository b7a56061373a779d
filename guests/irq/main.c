/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/irq/main.c - are interrupts between virtual CPUs delivered, each once, and how soon?
 *
 * Model    CPU 0 sends fixed IPIs to CPU 1, or to itself, and waits until each was seen: first n of
 *	    them one by one, then n in bursts of BURST vectors. It numbers them by vector, in
 *	    memory that both share; the handler compares and counts. A vector is not sent again
 *	    before it was seen, so that none may be merged: sent and seen must agree.
 *	    One that is not seen within PATIENCE_US is lost; after LOST_MAX of these it gives up.
 * Units    TSC ticks from the WRMSR that sends to the first instruction of the C handler: the guest's
 *	    own entry stub is in it (bench.elf, "guest.trap_entry"). Of those sent one by one.
 * Arguments  n=N, to=self, wait=halt: CPU 1 waits in HLT and not in a loop of computation, and those
 *	    sent one by one are sent when it is back there: SETTLE_TICKS after the last was seen;
 *	    smp=shared: both share a core, CPU 0 waits in HLT, and CPU 1 answers by an IPI
 * Output   One line: @{"irq":"done","sent":s,"lost":l,"wrong":w,"min":..,"p50":..,"p99":..,"max":..}
 *	    Exit status 0 if none was lost and none came unsent.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "guests/rt/apic.h"
#include "guests/rt/args.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/smp.h"
#include "guests/rt/stats.h"
#include "guests/rt/ticks.h"
#include "guests/rt/work.h"

#define BURST         8u
#define VECTOR_FIRST  0x41u
#define VECTOR_ANSWER 0x60u
#define PATIENCE_US   500000u
#define GLANCE_US     20000u
#define LOST_MAX      5u
#define SETTLE_TICKS  5000u /* more than a handler, an HLT and its exit take */

/* A cache line each, by vector. Written by the sender before it sends, and by the handler. */
static struct slot {
	volatile uint64_t sent_tsc;
	volatile uint64_t sent;
	volatile uint64_t seen_tsc;
	volatile uint64_t seen;
} __attribute__((aligned(64))) slots[BURST];

static volatile uint64_t wrong_count;
static volatile bool answers;
static bool settles;
static uint64_t patience_tsc, glance_tsc;
static uint32_t receiver;

static struct trap_frame *on_irq(struct trap_frame *frame)
{
	const uint64_t now = cpu_rdtsc();
	struct slot *const s = &slots[frame->vector - VECTOR_FIRST];

	s->seen_tsc = now;
	wrong_count += s->seen + 1 != s->sent;
	s->seen++;
	apic_eoi();
	if (answers)
		apic_send(0, VECTOR_ANSWER);
	return frame;
}

/* That it came is all: CPU 0 looks at the slot. */
static struct trap_frame *on_answer(struct trap_frame *frame)
{
	apic_eoi();
	return frame;
}

static void wait_in_a_loop(void)
{
	for (;;)
		work_loops(UINT64_MAX);
}

static void wait_in_hlt(void)
{
	for (;;)
		__asm__ volatile("sti; hlt" ::: "memory");
}

static void send(uint32_t i)
{
	struct slot *const s = &slots[i];

	s->sent++;
	s->sent_tsc = cpu_rdtsc();
	if (receiver == 0)
		apic_send_self((uint8_t)(VECTOR_FIRST + i));
	else
		apic_send(receiver, (uint8_t)(VECTOR_FIRST + i));
}

/* Interrupts are off: the answer ends the HLT, whenever it comes. */
static void sleep_until_answered(const struct slot *s, uint64_t end)
{
	cpu_irq_off();
	while (s->seen != s->sent && cpu_rdtsc() < end) {
		apic_timer_arm(cpu_rdtsc() + glance_tsc);
		cpu_wait_irq();
	}
	cpu_irq_on();
}

/* False: it is lost. The next one with this vector counts from where this one was seen. */
static bool was_seen(uint32_t i)
{
	struct slot *const s = &slots[i];
	const uint64_t end = s->sent_tsc + patience_tsc;

	if (answers)
		sleep_until_answered(s, end);
	while (s->seen != s->sent && cpu_rdtsc() < end)
		;
	if (s->seen == s->sent)
		return true;
	s->sent = s->seen;
	return false;
}

static void settle(uint64_t since)
{
	while (cpu_rdtsc() - since < SETTLE_TICKS)
		;
}

static uint64_t send_singly(uint64_t n, uint64_t *ticks)
{
	uint64_t lost = 0;

	for (uint64_t k = 0; k < n && lost < LOST_MAX; k++) {
		const uint32_t i = k % BURST;

		if (settles)
			settle(slots[(k + BURST - 1) % BURST].seen_tsc);
		send(i);
		lost += !was_seen(i);
		ticks[k] = slots[i].seen_tsc - slots[i].sent_tsc;
	}
	return lost;
}

static uint64_t send_in_bursts(uint64_t n)
{
	uint64_t lost = 0;

	for (uint64_t k = 0; k < n && lost < LOST_MAX; k += BURST) {
		for (uint32_t i = 0; i < BURST; i++)
			send(i);
		for (uint32_t i = 0; i < BURST; i++)
			lost += !was_seen(i);
	}
	return lost;
}

static bool prepare(const char *args)
{
	const uint64_t hz = guest_info()->tsc_hz;

	patience_tsc = ticks_from_us(PATIENCE_US, hz);
	glance_tsc = ticks_from_us(GLANCE_US, hz);
	for (uint32_t i = 0; i < BURST; i++)
		trap_set_handler((uint8_t)(VECTOR_FIRST + i), on_irq);
	trap_set_handler(VECTOR_ANSWER, on_answer);
	if (args_is(args, "to", "self"))
		return true;
	receiver = 1;
	answers = args_is(args, "smp", "shared");
	settles = args_is(args, "wait", "halt") && !answers;
	return smp_cpu_count() > 1 &&
	       smp_start(1, settles || answers ? wait_in_hlt : wait_in_a_loop);
}

int main(void)
{
	const char *args = guest_info()->args;
	const uint64_t n = args_number(args, "n", 0) / BURST * BURST;
	uint64_t *const ticks = n ? calloc(n, sizeof(*ticks)) : NULL;
	uint64_t lost;

	if (!ticks || !prepare(args)) {
		printf("no n=, no memory for it, or CPU 1 does not start\n");
		return EXIT_FAILURE;
	}
	lost = send_singly(n, ticks);
	lost += send_in_bursts(n);
	stats_sort(ticks, n);
	printf("@{\"irq\":\"done\",\"sent\":%lu,\"lost\":%lu,\"wrong\":%lu,\"min\":%lu,\"p50\":%lu,"
	       "\"p99\":%lu,\"max\":%lu}\n",
	       2 * n, lost, wrong_count + trap_stray_count(), ticks[0],
	       stats_percentile(ticks, n, 50), stats_percentile(ticks, n, 99), ticks[n - 1]);
	return lost || wrong_count || trap_stray_count() ? EXIT_FAILURE : EXIT_SUCCESS;
}
