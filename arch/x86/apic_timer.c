/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/apic_timer.c - the local APIC timer as an absolute one-shot timer.
 *
 * TSC-deadline mode where CPUID offers it. Otherwise one-shot counts at a rate measured against
 * the TSC; what 32 bits do not hold is armed as far as they go, and who wakes early looks at
 * the clock and arms again.
 * The current-count register is never read: an interrupt that becomes pending in IRR says the
 * same, in both APIC modes (and reading that MSR ends QEMU under -icount).
 * Source   SDM Vol. 3A, "APIC Timer", "TSC-Deadline Mode".
 */
#include "arch/clock.h"
#include "arch/mp.h"
#include "arch/x86/apic.h"
#include "arch/x86/apic_regs.h"
#include "arch/x86/calibrate.h"
#include "arch/x86/init.h"

#define CPUID1_ECX_TSC_DEADLINE BIT32(24)

#define FIRST_COUNT    (UINT32_C(1) << 12)
#define LAST_COUNT     (UINT32_C(1) << 30)
#define WINDOW_PER_SEC 100u /* the long count takes at least 10 ms */
#define COUNT_TRIES    4u   /* delays only add: the shortest is the truest */

#define LATENESS_SAMPLES 32u
#define LATENESS_PER_SEC 20000u /* deadlines of some 50 us */
#define LATENESS_STEP	 37u	/* so that they fall differently into a coarser granule */

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

/* The last reading of the TSC without, and the first with the interrupt pending. */
struct pending {
	uint64_t not_yet_tsc;
	uint64_t seen_tsc;
};

/* Waits for the timer's interrupt without taking it. False: a second went by without. */
static bool wait_pending(uint64_t start_tsc, struct pending *p)
{
	p->seen_tsc = start_tsc;
	do {
		p->not_yet_tsc = p->seen_tsc;
		if (p->not_yet_tsc - start_tsc > arch_clock_tsc_hz())
			return false;
		p->seen_tsc = cpu_rdtsc();
	} while (!apic_vector_bit(X2APIC_IRR, VECTOR_TIMER));
	p->seen_tsc = cpu_rdtsc();
	return true;
}

/* Takes what is pending: irq_serve() acknowledges it. */
static void take_pending(void)
{
	__asm__ volatile("sti; nop; cli" ::: "memory");
}

/* How long `count` takes: within [shortest, shortest + doubt]. False: it never fired. */
static bool time_of_count(uint32_t count, uint64_t *shortest, uint64_t *doubt)
{
	*shortest = UINT64_MAX;
	for (uint32_t i = 0; i < COUNT_TRIES; i++) {
		const uint64_t start = cpu_rdtsc();
		struct pending p;

		apic_write(X2APIC_INITIAL_COUNT, count);
		if (!wait_pending(start, &p))
			return false;
		take_pending();
		if (p.not_yet_tsc - start < *shortest) {
			*shortest = p.not_yet_tsc - start;
			*doubt = p.seen_tsc - p.not_yet_tsc;
		}
	}
	return true;
}

/* The slope between a short and a long count: what arming costs cancels out. */
static enum err measure_rate(void)
{
	uint64_t base_tsc, base_doubt, long_tsc, long_doubt;
	struct clock_bounds hz;
	uint32_t count = FIRST_COUNT;

	if (!time_of_count(count, &base_tsc, &base_doubt))
		return ERR_UNSUPPORTED;
	do {
		count *= 2;
		if (!time_of_count(count, &long_tsc, &long_doubt))
			return ERR_UNSUPPORTED;
	} while (long_tsc < arch_clock_tsc_hz() / WINDOW_PER_SEC && count < LAST_COUNT);
	if (long_tsc <= base_tsc)
		return ERR_UNSUPPORTED;
	hz = clock_bounds_of_timer(count - FIRST_COUNT, long_tsc - base_tsc,
				   base_doubt + long_doubt, arch_clock_tsc_hz());
	if (hz.hi_hz == 0)
		return ERR_UNSUPPORTED;
	counts_per_tick = mul_div(clock_bounds_round(hz), BIT64(32), arch_clock_tsc_hz());
	return counts_per_tick != 0 ? OK : ERR_UNSUPPORTED;
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
 * no granularity, lie above and do not count. Never below one count of the timer.
 */
static enum err measure_resolution(void)
{
	uint64_t late[LATENESS_SAMPLES];

	for (uint32_t i = 0; i < LATENESS_SAMPLES; i++) {
		const uint64_t now = cpu_rdtsc();
		const uint64_t at = now + arch_clock_tsc_hz() / LATENESS_PER_SEC + i * LATENESS_STEP;
		struct pending p;

		apic_timer_arm(at);
		if (!wait_pending(now, &p))
			return ERR_UNSUPPORTED;
		take_pending();
		sort_in(late, i, p.seen_tsc > at ? p.seen_tsc - at : 0);
	}
	resolution_tsc = late[0] + 4 * (late[LATENESS_SAMPLES / 4] - late[0]);
	if (!has_deadline)
		resolution_tsc = max_u64(resolution_tsc, (BIT64(32) / counts_per_tick) + 1);
	resolution_tsc = max_u64(resolution_tsc, 1);
	return OK;
}

enum err apic_timer_init(const char **missing)
{
	*missing = "a local APIC timer that fires when it is armed";
	core_enable_timer(); /* one-shot mode */
	if ((cpu_cpuid(1, 0).ecx & CPUID1_ECX_TSC_DEADLINE) != 0) {
		has_deadline = true;
		core_enable_timer();
	} else if (measure_rate() != OK) {
		return ERR_UNSUPPORTED;
	}
	return measure_resolution();
}
