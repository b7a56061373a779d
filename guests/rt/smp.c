/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "guests/rt/apic.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/paging.h"
#include "guests/rt/smp.h"
#include "guests/rt/smp_entry.h"
#include "guests/rt/ticks.h"

#define TRAMPOLINE_PAGE   8u /* free in every loader's map: guests/abi.h */
#define STACK_BYTES       12288u
#define FAULT_STACK_BYTES 4096u

/* "MP Initialization Protocol Algorithm for MP Systems": 10 ms after INIT, 200 us after SIPI. */
#define AFTER_INIT_US     10000u
#define AFTER_START_UP_US 200u
#define PATIENCE_US       1000000u
#define GLANCE_US         1000u /* it looks again so often: rarely enough for neighbours not to notice */

struct cpu_stacks {
	uint8_t guard[PAGE_SIZE];
	uint8_t stack[STACK_BYTES];
	uint8_t fault_stack[FAULT_STACK_BYTES];
} __attribute__((aligned(PAGE_SIZE)));

static struct cpu_stacks stacks[CPUS_MAX - 1];

uint32_t smp_page_table;
uint64_t smp_stack_top;

/* The one that is being started: written by CPU 0, read by it. */
static uint32_t starting_cpu;
static void (*starting_main)(void);
static uint32_t has_started; /* atomic */

uint32_t smp_cpu_count(void)
{
	const uint32_t count = guest_info()->vcpu_count;

	return count < 1 ? 1 : count > CPUS_MAX ? CPUS_MAX : count;
}

void smp_entered(void)
{
	void (*const main)(void) = starting_main;
	const uint32_t cpu = starting_cpu;
	struct cpu_stacks *const s = &stacks[cpu - 1];

	trap_init_cpu(cpu, s->fault_stack + sizeof(s->fault_stack));
	apic_init();
	__atomic_store_n(&has_started, 1, __ATOMIC_RELEASE);
	cpu_irq_on();
	main();
	for (;;)
		__asm__ volatile("sti; hlt" ::: "memory");
}

static bool is_up(void)
{
	return __atomic_load_n(&has_started, __ATOMIC_ACQUIRE);
}

/* Asleep, as the other one may wait for the same core. Ends early once it is up. */
static void wait_us(uint64_t us)
{
	const uint64_t hz = guest_info()->tsc_hz;
	const uint64_t end = cpu_rdtsc() + ticks_from_us(us, hz);

	while (!is_up() && cpu_rdtsc() < end)
		apic_pause(cpu_rdtsc() + ticks_from_us(us < GLANCE_US ? us : GLANCE_US, hz));
}

bool smp_start(uint32_t cpu, void (*main)(void))
{
	struct cpu_stacks *const s = &stacks[cpu - 1];

	starting_cpu = cpu;
	starting_main = main;
	has_started = 0;
	smp_page_table = (uint32_t)cpu_read_cr3();
	smp_stack_top = (uint64_t)(s->stack + sizeof(s->stack));
	paging_guard(s->guard);
	memcpy((void *)(uint64_t)(TRAMPOLINE_PAGE * PAGE_SIZE), smp_trampoline,
	       (size_t)(smp_trampoline_end - smp_trampoline));
	apic_send_init(cpu);
	wait_us(AFTER_INIT_US);
	apic_send_start_up(cpu, TRAMPOLINE_PAGE);
	wait_us(AFTER_START_UP_US);
	if (!is_up())
		apic_send_start_up(cpu, TRAMPOLINE_PAGE);
	wait_us(PATIENCE_US);
	return is_up();
}
