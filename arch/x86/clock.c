/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/clock.c - the TSC's frequency, found at boot against a timer of known frequency.
 *
 * Reference: ACPI PM timer, else HPET, else PIT channel 2 (which every PC has, so that a machine
 * whose firmware gives no tables has a clock too). Two windows of 40 ms must agree; the result
 * is the roundest number within the bounds that both leave (calibrate.h). With the PM timer
 * these are about +-8 ppm, so rounding moves the frequency by no more than that.
 * What CPUID 15H and 16H say is compared, never used: emulators say what they like.
 * Source   ACPI, "Power Management Timer"; IA-PC HPET Specification; Intel 8254 data sheet.
 */
#include "arch/clock.h"
#include "arch/mem.h"
#include "arch/mp.h"
#include "arch/x86/apic.h"
#include "arch/x86/calibrate.h"
#include "arch/x86/cmos.h"
#include "arch/x86/cpu.h"
#include "arch/x86/init.h"

#define WINDOW_MS          40u      /* the PIT goes round after 54.9 ms */
#define READING_TRIES      16u      /* the tightest of these counts */
#define STUCK_READS        1000000u /* a clock that shows the same so often does not run */
#define MEASURE_TRIES      4u       /* an SMI may spoil a window: two in a row must agree */

#define PM_TIMER_HZ        3579545u

#define HPET_BYTES         1024u
#define HPET_CAPABILITIES  0x000                /* r  64 "General Capabilities and ID Register" */
#define HPET_PERIOD_MAX    UINT32_C(0x05f5e100) /* 100 ns, in 10^-15 s */
#define HPET_CONFIGURATION 0x010                /* rw 64 "General Configuration Register" */
#define HPET_ENABLE        BIT64(0)
#define HPET_MAIN_COUNTER  0x0f0 /* rw 64 "Main Counter Value Register" */
#define FEMTOSECONDS       UINT64_C(1000000000000000)

#define PIT_HZ             1193182u
#define PIT_CHANNEL_2      0x42u
#define PIT_CONTROL        0x43u
#define PIT_RATE_2         0xb4u /* channel 2, low then high byte, mode 2 */
#define PIT_LATCH_2        0x80u
#define PORT_B             0x61u /* bit 0: gate of channel 2; bit 1: speaker */
#define PORT_B_GATE        0x01u
#define PORT_B_SPEAKER     0x02u

struct reference {
	const char *name;
	uint64_t hz;
	uint32_t mask;
	uint32_t (*read)(void);
};

static uint64_t tsc_hz;
static uint64_t wall_s, wall_tsc; /* [I] time of day when the clock was set up; 0: not known */
static struct reference used;
static volatile uint8_t *hpet;

uint64_t arch_clock_now_tsc(void)
{
	return cpu_rdtsc();
}

uint64_t arch_clock_unix_time_s(void)
{
	return wall_s ? wall_s + (cpu_rdtsc() - wall_tsc) / tsc_hz : 0;
}

uint64_t arch_clock_tsc_hz(void)
{
	return tsc_hz;
}

uint64_t arch_clock_resolution_tsc(void)
{
	return apic_timer_resolution_tsc();
}

const char *clock_reference_name(void)
{
	return used.name;
}

/* Interrupts are off here, so nothing is missed between arming and cpu_idle(). */
void arch_clock_idle(uint64_t until_tsc)
{
	if (percpu()->lent)
		vcpu_take_apic_back();
	if (until_tsc == TSC_NEVER)
		apic_timer_disarm();
	else
		apic_timer_arm(until_tsc); /* one in the past wakes us at once */
	cpu_idle();
}

void clock_wait_until(uint64_t tsc)
{
	while (cpu_rdtsc() < tsc)
		arch_mp_relax();
}

void clock_wait_ns(uint64_t ns)
{
	clock_wait_until(cpu_rdtsc() + mul_div(ns, tsc_hz, SEC(1)) + 1);
}

static uint32_t read_pm_timer(void)
{
	return cpu_in32(acpi_facts()->pm_timer_port);
}

static uint32_t read_hpet(void)
{
	return *(volatile uint32_t *)(hpet + HPET_MAIN_COUNTER);
}

/* It counts down from FFFFH; seen from there, upwards. */
static uint32_t read_pit(void)
{
	uint32_t count;

	cpu_out8(PIT_CONTROL, PIT_LATCH_2);
	count = cpu_in8(PIT_CHANNEL_2);
	count |= (uint32_t)cpu_in8(PIT_CHANNEL_2) << 8;
	return ~count & 0xffff;
}

static bool find_pm_timer(struct reference *r)
{
	const struct acpi_info *acpi = acpi_facts();

	*r = (struct reference){ "ACPI PM timer", PM_TIMER_HZ, acpi->pm_timer_mask, read_pm_timer };
	return acpi->pm_timer_port != 0;
}

static bool find_hpet(struct reference *r)
{
	const uint64_t base = acpi_facts()->hpet_base;
	uint64_t period;

	if (base == 0)
		return false;
	hpet = arch_mem_map_device((hpa_t){ base }, HPET_BYTES);
	if (hpet == NULL)
		return false;
	period = *(volatile uint64_t *)(hpet + HPET_CAPABILITIES) >> 32;
	if (period == 0 || period > HPET_PERIOD_MAX) {
		remark("HPET: a period of %llu fs is impossible: not used",
		       (unsigned long long)period);
		return false;
	}
	*(volatile uint64_t *)(hpet + HPET_CONFIGURATION) |= HPET_ENABLE;
	*r = (struct reference){ "HPET", (FEMTOSECONDS + period / 2) / period, UINT32_MAX,
				 read_hpet };
	return true;
}

/* Mode 2 with a full count: the 65536 counts of a round are all alike. */
static bool find_pit(struct reference *r)
{
	uint8_t port_b = cpu_in8(PORT_B);

	port_b = (uint8_t)((port_b | PORT_B_GATE) & ~PORT_B_SPEAKER);
	cpu_out8(PORT_B, port_b);
	cpu_out8(PIT_CONTROL, PIT_RATE_2);
	cpu_out8(PIT_CHANNEL_2, 0);
	cpu_out8(PIT_CHANNEL_2, 0);
	*r = (struct reference){ "PIT", PIT_HZ, 0xffff, read_pit };
	return true;
}

static struct clock_reading take_reading(const struct reference *r)
{
	struct clock_reading best = { 0, 0, UINT64_MAX };

	for (uint32_t i = 0; i < READING_TRIES; i++) {
		struct clock_reading now;

		now.before_tsc = cpu_rdtsc();
		now.count = r->read() & r->mask;
		now.after_tsc = cpu_rdtsc();
		if (now.after_tsc - now.before_tsc < best.after_tsc - best.before_tsc)
			best = now;
	}
	return best;
}

/* One window. hi_hz = 0: the reference does not run. */
static struct clock_bounds measure(const struct reference *r)
{
	const struct clock_reading first = take_reading(r);
	const uint32_t counts = (uint32_t)(r->hz * WINDOW_MS / 1000);
	struct clock_reading last;
	uint32_t seen = first.count, same = 0;

	while (((seen - first.count) & r->mask) < counts) {
		const uint32_t count = r->read() & r->mask;

		same = count == seen ? same + 1 : 0;
		if (same > STUCK_READS)
			return (struct clock_bounds){ 0, 0 };
		seen = count;
	}
	last = take_reading(r);
	return clock_bounds_from(&first, &last, r->mask, r->hz);
}

static enum err measure_twice(const struct reference *r)
{
	struct clock_bounds before = measure(r);

	for (uint32_t i = 1; i < MEASURE_TRIES && before.hi_hz != 0; i++) {
		const struct clock_bounds now = measure(r);

		if (now.hi_hz == 0)
			break;
		if (clock_bounds_differ_ppm(before, now) <= CALIBRATE_LIMIT_PPM) {
			used = *r;
			tsc_hz = clock_bounds_round(clock_bounds_merge(before, now));
			return OK;
		}
		before = now;
	}
	remark("%s: it stands still, or the TSC does not keep pace with it", r->name);
	return ERR_UNSUPPORTED;
}

/* SDM Vol. 2A, "CPUID": leaf 15H, TSC and core crystal clock; leaf 16H, base frequency in MHz. */
static void compare_with_cpuid(void)
{
	const uint32_t last_leaf = cpu_cpuid(0, 0).eax;
	uint64_t claimed = 0;

	if (last_leaf >= 0x15) {
		const struct cpuid_regs r = cpu_cpuid(0x15, 0);

		if (r.eax != 0 && r.ecx != 0)
			claimed = mul_div(r.ecx, r.ebx, r.eax);
	}
	if (claimed == 0 && last_leaf >= 0x16)
		claimed = (uint64_t)(cpu_cpuid(0x16, 0).eax & 0xffff) * 1000000;
	if (claimed != 0 && (claimed > tsc_hz + tsc_hz / 100 || claimed < tsc_hz - tsc_hz / 100))
		remark("CPUID claims a TSC of %llu kHz; measured are %llu kHz, and used",
		       (unsigned long long)(claimed / 1000), (unsigned long long)(tsc_hz / 1000));
}

enum err clock_init(const char **missing)
{
	static bool (*const finders[])(struct reference *) = { find_pm_timer, find_hpet, find_pit };

	for (uint32_t i = 0; i < ARRAY_SIZE(finders); i++) {
		struct reference r;

		if (!finders[i](&r) || measure_twice(&r) != OK)
			continue;
		compare_with_cpuid();
		wall_s = cmos_read_unix_time_s();
		wall_tsc = cpu_rdtsc();
		return OK;
	}
	*missing = "a TSC that two measurements against PM timer, HPET or PIT agree upon "
		   "within 500 ppm";
	return ERR_UNSUPPORTED;
}
