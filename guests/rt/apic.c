/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdbool.h>
#include "guests/rt/apic.h"
#include "guests/rt/cpu.h"

#define APIC_BASE_ENABLE         (UINT64_C(1) << 11)
#define APIC_BASE_EXTD           (UINT64_C(1) << 10) /* x2APIC mode */
#define CPUID_FEATURES           1u
#define CPUID_1_ECX_TSC_DEADLINE (UINT32_C(1) << 24)

#define X2APIC_TPR               0x808u
#define X2APIC_EOI               0x80bu
#define X2APIC_SVR               0x80fu
#define SVR_ENABLE               0x100u
#define X2APIC_LVT_TIMER         0x832u
#define LVT_ONE_SHOT             0u
#define LVT_TSC_DEADLINE         (2u << 17)
#define X2APIC_INITIAL_COUNT     0x838u
#define X2APIC_DIVIDE_CONFIG     0x83eu
#define DIVIDE_BY_1              0xbu
#define X2APIC_ICR               0x830u
#define ICR_INIT                 0x4500u /* level: assert, as both are sent */
#define ICR_START_UP             0x4600u
#define ICR_FIXED                0x4000u
#define X2APIC_SELF_IPI          0x83fu

static bool has_tsc_deadline;
static bool timer_is_owned;

void apic_init(void)
{
	uint64_t base = cpu_rdmsr(MSR_APIC_BASE);

	if (!(base & APIC_BASE_EXTD)) {
		/* SDM Vol. 3A, "x2APIC States": only from xAPIC mode, enabled. */
		cpu_wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
		cpu_wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE | APIC_BASE_EXTD);
	}
	has_tsc_deadline = cpu_cpuid(CPUID_FEATURES).ecx & CPUID_1_ECX_TSC_DEADLINE;
	cpu_wrmsr(X2APIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
	cpu_wrmsr(X2APIC_TPR, 0);
	cpu_wrmsr(X2APIC_DIVIDE_CONFIG, DIVIDE_BY_1);
	cpu_wrmsr(X2APIC_LVT_TIMER,
		  VECTOR_TIMER | (has_tsc_deadline ? LVT_TSC_DEADLINE : LVT_ONE_SHOT));
	/* Orders the mode before any WRMSR to the deadline: SDM Vol. 3A, "TSC-Deadline Mode". */
	__asm__ volatile("mfence; lfence" ::: "memory");
}

void apic_eoi(void)
{
	cpu_wrmsr(X2APIC_EOI, 0);
}

void apic_send_self(uint8_t vector)
{
	cpu_wrmsr(X2APIC_SELF_IPI, vector);
}

/* The write may overtake stores before it: SDM Vol. 3A, "MSR Access in x2APIC Mode". */
static void write_icr(uint32_t cpu, uint32_t command)
{
	__asm__ volatile("mfence; lfence" ::: "memory");
	cpu_wrmsr(X2APIC_ICR, (uint64_t)cpu << 32 | command);
}

void apic_send(uint32_t cpu, uint8_t vector)
{
	write_icr(cpu, ICR_FIXED | vector);
}

void apic_send_init(uint32_t cpu)
{
	write_icr(cpu, ICR_INIT);
}

void apic_send_start_up(uint32_t cpu, uint8_t page)
{
	write_icr(cpu, ICR_START_UP | page);
}

static uint32_t one_shot_count(uint64_t at_tsc)
{
	uint64_t now = cpu_rdtsc();

	if (at_tsc <= now)
		return 1; /* 0 would stop the timer */
	return at_tsc - now < UINT32_MAX ? (uint32_t)(at_tsc - now) : UINT32_MAX;
}

void apic_timer_arm(uint64_t at_tsc)
{
	if (has_tsc_deadline)
		cpu_wrmsr(MSR_TSC_DEADLINE, at_tsc ? at_tsc : 1); /* 0 would disarm */
	else
		cpu_wrmsr(X2APIC_INITIAL_COUNT, one_shot_count(at_tsc));
}

void apic_timer_disarm(void)
{
	if (has_tsc_deadline)
		cpu_wrmsr(MSR_TSC_DEADLINE, 0);
	else
		cpu_wrmsr(X2APIC_INITIAL_COUNT, 0);
}

void apic_timer_own(trap_fn *handler)
{
	trap_set_handler(VECTOR_TIMER, handler);
	timer_is_owned = handler != NULL;
}

void apic_pause(uint64_t at_tsc)
{
	uint64_t flags = cpu_read_rflags();

	cpu_irq_off();
	if (!timer_is_owned)
		apic_timer_arm(at_tsc);
	cpu_wait_irq();
	if (flags & RFLAGS_IF)
		cpu_irq_on();
}
