/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/smp/main.c - are several virtual CPUs one machine? Seen from inside.
 *
 * Model    CPU 0 starts all others, twice: the second INIT takes them out of whatever they do. On
 *	    each, x2APIC ID and CPUID must name it as guests/abi.h says. Then a token goes
 *	    round all CPUs by fixed IPIs, broadcasts reach all but the sender, and memory that
 *	    was written before an IPI is there when it arrives.
 *	    storm=N: instead, all others send CPU 0 IPIs at random moments, while it exits to the
 *	    hypervisor all the time, until N have arrived (several may become one).
 * Output   One line: @{"smp":"done","cpus":n,"started":n - 1,"rounds":r,"broadcasts":b,"wrong":w}
 *	    or @{"smp":"storm","arrived":n,"wrong":w}
 *	    Exit status 0 if all have started, everything arrived and nothing was wrong.
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
#include "guests/rt/ticks.h"

#define X2APIC_ID           0x802u
#define X2APIC_ICR          0x830u
#define ICR_ALL_BUT_SELF    (UINT32_C(3) << 18)
#define CPUID_APIC_ID_SHIFT 24
#define CPUID_TOPOLOGY      0xbu
#define VECTOR_TOKEN        0x41u
#define VECTOR_ALL          0x42u
#define VECTOR_STORM        0x43u
#define ROUNDS              200u
#define BROADCASTS          200u
#define PATIENCE_US         2000000u
#define GLANCE_US           1000u
#define STORM_US            3000000u

static uint32_t cpu_count;
static uint32_t arrived_count[CPUS_MAX]; /* atomic: broadcasts seen by each */
static uint32_t wrong_count;             /* atomic */
static uint32_t round_count;             /* atomic: written by CPU 0's handler */
static volatile uint32_t token;          /* of who has it: what it must find */

static void check(bool is_right)
{
	if (!is_right)
		__atomic_add_fetch(&wrong_count, 1, __ATOMIC_RELAXED);
}

static void check_identity(void)
{
	const uint32_t cpu = cpu_index();

	check(cpu_rdmsr(X2APIC_ID) == cpu);
	check(cpu_cpuid(1).ebx >> CPUID_APIC_ID_SHIFT == cpu);
	if (cpu_cpuid(0).eax >= CPUID_TOPOLOGY)
		check(cpu_cpuid(CPUID_TOPOLOGY).edx == cpu);
}

/* Who sends has counted the token up before: the receiver finds its own number of steps. */
static void pass_token(void)
{
	token++;
	apic_send((cpu_index() + 1) % cpu_count, VECTOR_TOKEN);
}

static struct trap_frame *on_token(struct trap_frame *frame)
{
	const uint32_t cpu = cpu_index();

	check(token % cpu_count == cpu);
	apic_eoi();
	if (cpu != 0)
		pass_token();
	else if (__atomic_add_fetch(&round_count, 1, __ATOMIC_RELEASE) < ROUNDS)
		pass_token();
	return frame;
}

static struct trap_frame *on_broadcast(struct trap_frame *frame)
{
	__atomic_add_fetch(&arrived_count[cpu_index()], 1, __ATOMIC_RELEASE);
	apic_eoi();
	return frame;
}

static void check_and_wait(void)
{
	check_identity();
	for (;;)
		__asm__ volatile("hlt" ::: "memory");
}

static bool have_arrived(uint32_t broadcasts)
{
	for (uint32_t cpu = 1; cpu < cpu_count; cpu++)
		if (__atomic_load_n(&arrived_count[cpu], __ATOMIC_ACQUIRE) < broadcasts)
			return false;
	return true;
}

/* Asleep most of the time: the others may need this core. */
static bool wait_until(bool (*is_true)(uint32_t), uint32_t argument)
{
	const uint64_t hz = guest_info()->tsc_hz;
	const uint64_t end = cpu_rdtsc() + ticks_from_us(PATIENCE_US, hz);

	while (!is_true(argument) && cpu_rdtsc() < end)
		apic_pause(cpu_rdtsc() + ticks_from_us(GLANCE_US, hz));
	return is_true(argument);
}

static bool have_gone_round(uint32_t rounds)
{
	return __atomic_load_n(&round_count, __ATOMIC_ACQUIRE) >= rounds;
}

static uint32_t start_all(void)
{
	uint32_t started = 0;

	for (uint32_t cpu = 1; cpu < cpu_count; cpu++)
		started += smp_start(cpu, check_and_wait);
	return started;
}

static uint32_t broadcast(void)
{
	uint32_t n = 0;

	while (n < BROADCASTS) {
		__asm__ volatile("mfence; lfence" ::: "memory");
		cpu_wrmsr(X2APIC_ICR, ICR_ALL_BUT_SELF | VECTOR_ALL);
		if (!wait_until(have_arrived, ++n))
			break;
	}
	check(arrived_count[0] == 0);
	return n;
}

/* ---- Storm ---- */

static struct trap_frame *on_storm(struct trap_frame *frame)
{
	__atomic_add_fetch(&arrived_count[0], 1, __ATOMIC_RELAXED);
	apic_eoi();
	return frame;
}

/* A multiplier of a full period modulo 2^32, and its upper bits. */
static uint32_t next_pause(uint32_t *random)
{
	*random = *random * 1664525u + 1013904223u;
	return *random >> 25;
}

static void send_for_ever(void)
{
	uint32_t random = cpu_index();

	for (;;) {
		for (uint32_t n = next_pause(&random); n; n--)
			__asm__ volatile("");
		apic_send(0, VECTOR_STORM);
	}
}

/* Exits that change nothing, and ones that make the next entry look at everything. */
static int weather_storm(uint32_t wanted)
{
	const uint64_t end = cpu_rdtsc() + ticks_from_us(STORM_US, guest_info()->tsc_hz);
	uint32_t random = 0, arrived = 0;

	trap_set_handler(VECTOR_STORM, on_storm);
	for (uint32_t cpu = 1; cpu < cpu_count; cpu++)
		check(smp_start(cpu, send_for_ever));
	while (arrived < wanted && cpu_rdtsc() < end) {
		if (next_pause(&random) & 1)
			apic_timer_arm(cpu_rdtsc() + next_pause(&random));
		else
			(void)cpu_cpuid(1);
		arrived = __atomic_load_n(&arrived_count[0], __ATOMIC_RELAXED);
	}
	wrong_count += (uint32_t)trap_stray_count();
	printf("@{\"smp\":\"storm\",\"arrived\":%u,\"wrong\":%u}\n", (unsigned)arrived,
	       (unsigned)wrong_count);
	return arrived >= wanted && wrong_count == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(void)
{
	const uint32_t storm = (uint32_t)args_number(guest_info()->args, "storm", 0);
	uint32_t started, broadcasts;
	bool is_well;

	cpu_count = smp_cpu_count();
	if (storm)
		return weather_storm(storm);
	trap_set_handler(VECTOR_TOKEN, on_token);
	trap_set_handler(VECTOR_ALL, on_broadcast);
	check_identity();
	started = start_all();
	if (started == cpu_count - 1)
		started = start_all();
	pass_token();
	is_well = wait_until(have_gone_round, ROUNDS);
	broadcasts = broadcast();
	is_well = is_well && started == cpu_count - 1 && broadcasts == BROADCASTS &&
		  have_arrived(BROADCASTS) && wrong_count == 0;
	printf("@{\"smp\":\"done\",\"cpus\":%u,\"started\":%u,\"rounds\":%u,\"broadcasts\":%u,"
	       "\"wrong\":%u}\n",
	       (unsigned)cpu_count, (unsigned)started, (unsigned)round_count, (unsigned)broadcasts,
	       (unsigned)wrong_count);
	return is_well ? EXIT_SUCCESS : EXIT_FAILURE;
}
