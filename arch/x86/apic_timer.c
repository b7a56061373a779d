/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/apic_timer.c - the local APIC timer as an absolute one-shot timer.
 *
 * TSC-deadline mode where CPUID offers it. Otherwise one-shot counts at a rate measured against
 * the TSC; what 32 bits do not hold is armed as far as they go, and who wakes early looks at
 * the clock and arms again.
 * That rate is measured in xAPIC mode, before x2APIC mode is entered: there, the current count
 * is memory, and read at no great cost. (Its MSR ends QEMU under -icount, and is never read.)
 * Source   SDM Vol. 3A, "APIC Timer", "TSC-Deadline Mode".
 */
#include "arch/clock.h"
#include "arch/mp.h"
#include "arch/x86/apic.h"
#include "arch/x86/apic_regs.h"
#include "arch/x86/calibrate.h"
#include "arch/x86/init.h"
#include "core/lib/assert.h"

#define CPUID1_ECX_TSC_DEADLINE BIT32(24)

#define WINDOW_PER_SEC          100u /* 10 ms */
#define READING_TRIES           16u  /* the tightest of these counts */

#define LATENESS_SAMPLES        32u
#define LATENESS_ROUNDS         16u
#define LATENESS_PER_SEC        20000u /* deadlines of some 50 us */
#define LATENESS_STEP           37u    /* so that they fall differently into a coarser granule */

static bool has_deadline;
static uint64_t counts_per_tick; /* 32.32 fixed point; one-shot mode only */
static uint64_t resolution_tsc;

const char *apic_timer_name(void)
{
	return has_deadline ? "TSC-deadline" : "one-shot";
}

uint64_t apic_timer_resolution_tsc(void)
{
	return resolution_tsc;
}

void apic_timer_arm(uint64_t at_tsc)
{
	struct percpu *p = percpu();
	uint64_t now;

	if (p->timer_tsc == at_tsc)
		return;
	p->timer_tsc = at_tsc;
	if (has_deadline) {
		cpu_wrmsr(MSR_TSC_DEADLINE, at_tsc != 0 ? at_tsc : 1); /* 0 would disarm */
		return;
	}
	now = cpu_rdtsc();
	apic_write(X2APIC_INITIAL_COUNT,
		   at_tsc > now ? timer_count_for(at_tsc - now, counts_per_tick) : 1);
}

void apic_timer_disarm(void)
{
	struct percpu *p = percpu();

	if (p->timer_tsc == TSC_NEVER)
		return;
	p->timer_tsc = TSC_NEVER;
	if (has_deadline)
		cpu_wrmsr(MSR_TSC_DEADLINE, 0);
	else
		apic_write(X2APIC_INITIAL_COUNT, 0);
}

void core_enable_timer(void)
{
	apic_write(X2APIC_DIVIDE_CONFIG, DIVIDE_BY_1);
	apic_write(X2APIC_LVT_TIMER, VECTOR_TIMER | (has_deadline ? LVT_TIMER_DEADLINE : 0));
	/* In xAPIC mode, orders this store before a later WRMSR to IA32_TSC_DEADLINE. */
	__asm__ volatile("mfence" ::: "memory");
}

/* It counts down; seen from 2^32 - 1, upwards. */
static struct clock_reading take_reading(void)
{
	struct clock_reading best = { 0, 0, UINT64_MAX };

	for (uint32_t i = 0; i < READING_TRIES; i++) {
		struct clock_reading now;

		now.before_tsc = cpu_rdtsc();
		now.count = ~apic_read(X2APIC_CURRENT_COUNT);
		now.after_tsc = cpu_rdtsc();
		if (now.after_tsc - now.before_tsc < best.after_tsc - best.before_tsc)
			best = now;
	}
	return best;
}

static enum err measure_rate(void)
{
	struct clock_reading first, last;
	struct clock_bounds hz;

	ASSERT(!apic_is_x2apic());
	apic_write(X2APIC_LVT_TIMER, LVT_MASKED);
	apic_write(X2APIC_INITIAL_COUNT, UINT32_MAX);
	first = take_reading();
	clock_wait_ns(SEC(1) / WINDOW_PER_SEC);
	last = take_reading();
	apic_write(X2APIC_INITIAL_COUNT, 0);
	hz = clock_bounds_of_timer(&first, &last, arch_clock_tsc_hz());
	if (hz.hi_hz == 0)
		return ERR_UNSUPPORTED;
	counts_per_tick = mul_div(clock_bounds_round(hz), BIT64(32), arch_clock_tsc_hz());
	return counts_per_tick != 0 ? OK : ERR_UNSUPPORTED;
}

/* Waits for the timer's interrupt without taking it. False: a second went by without. */
static bool wait_pending(uint64_t start_tsc)
{
	while (!apic_vector_bit(X2APIC_IRR, VECTOR_TIMER)) {
		if (cpu_rdtsc() - start_tsc > arch_clock_tsc_hz())
			return false;
	}
	return true;
}

/* Takes what is pending: irq_serve() acknowledges it. */
static void take_pending(void)
{
	__asm__ volatile("sti; nop; cli" ::: "memory");
}

static void sort_in(uint64_t *sorted, uint32_t count, uint64_t value)
{
	while (count > 0 && sorted[count - 1] > value) {
		sorted[count] = sorted[count - 1];
		count--;
	}
	sorted[count] = value;
}

/*
 * A timer of granule g is late by c to c + g, evenly. The smallest reading is c and the lower
 * quartile c + g/4, which gives g; long delays (an SMI, a busy host of an emulator), which are
 * no granularity, lie above and do not count. 0: it does not fire.
 */
static uint64_t measure_lateness(void)
{
	uint64_t late[LATENESS_SAMPLES];

	for (uint32_t i = 0; i < LATENESS_SAMPLES; i++) {
		const uint64_t now = cpu_rdtsc();
		const uint64_t at =
			now + arch_clock_tsc_hz() / LATENESS_PER_SEC + i * LATENESS_STEP;
		uint64_t seen;

		apic_timer_arm(at);
		if (!wait_pending(now))
			return 0;
		seen = cpu_rdtsc();
		take_pending();
		sort_in(late, i, seen > at ? seen - at : 0);
	}
	return max_u64(late[0] + 4 * (late[LATENESS_SAMPLES / 4] - late[0]), 1);
}

/*
 * A round of samples can fall into one long delay: a coarse result is looked at again, and the finest
 * counts, for delays only add. Never below one count of the timer.
 */
enum err apic_timer_check(const char **missing)
{
	const uint64_t fine_tsc = arch_clock_tsc_hz() / LATENESS_PER_SEC;

	resolution_tsc = UINT64_MAX;
	for (uint32_t i = 0; i < LATENESS_ROUNDS && resolution_tsc > fine_tsc; i++) {
		const uint64_t found = measure_lateness();

		if (found == 0) {
			*missing = "a local APIC timer that fires when it is armed";
			return ERR_UNSUPPORTED;
		}
		resolution_tsc = min_u64(resolution_tsc, found);
	}
	if (!has_deadline)
		resolution_tsc = max_u64(resolution_tsc, (BIT64(32) / counts_per_tick) + 1);
	return OK;
}

bool apic_timer_has_deadline(void)
{
	return (cpu_cpuid(1, 0).ecx & CPUID1_ECX_TSC_DEADLINE) != 0;
}

enum err apic_timer_init(const char **missing)
{
	apic_write(X2APIC_DIVIDE_CONFIG, DIVIDE_BY_1);
	has_deadline = apic_timer_has_deadline();
	if (!has_deadline && measure_rate() != OK) {
		*missing = "a local APIC timer that counts";
		return ERR_UNSUPPORTED;
	}
	apic_enter_final_mode();
	core_enable_timer();
	return OK;
}
