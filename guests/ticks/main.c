/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/ticks/main.c - takes timer interrupts and interrupts to itself, sleeps in between, and ends
 * as it is told. For what a tick costs, and what is left of a guest's interrupts when it ends.
 *
 * Arguments
 *   ticks=N	  timer interrupts, 200 us apart (100); as many to itself. Every one must come, not
 *		  early, and nothing else
 *   modes=1	  first takes its APIC out of x2APIC mode and into it again
 *   adjust=1	  first moves its TSC while a deadline is armed, there and back (PC only)
 *   level=1	  first takes a level-triggered interrupt, which comes again until its cause is gone
 *		  (PC only)
 *   then=exit	  ends with status 0 if all was well (the default)
 *	  halt	  sleeps for ever, with interrupts on
 *	  spin	  loops for ever, with interrupts off
 *	  reset	  leaves every vector pending and the timer armed, and resets itself (PC only)
 * Output   One line: @{"ticks":n,"self":n,"level":n,"early":n,"strays":n}
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "guests/rt/apic.h"
#include "guests/rt/args.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/paging.h"
#include "guests/rt/ticks.h"

#define VECTOR_LEVEL     0x50u
#define LEVEL_COUNT      3u
#define IOAPIC_GPA       UINT64_C(0xfec00000)
#define IOAPIC_WINDOW    0x10u
#define IOAPIC_PIN_4     0x18u /* low half; COM1 */
#define IOAPIC_LEVEL     (1u << 15)
#define IOAPIC_MASKED    (1u << 16)
#define COM1_IER         0x3f9u
#define COM1_MCR         0x3fcu
#define MCR_OUT2         0x08u /* lets the interrupt out */
#define IER_EMPTY        0x02u /* as long as nothing is sent, the line is high */
#define LEVEL_US         2000u
#define TICK_US          200u
#define APIC_BASE_ENABLE (UINT64_C(1) << 11)
#define APIC_BASE_EXTD   (UINT64_C(1) << 10)
#define MSR_TSC_ADJUST   0x3bu
#define MSR_X2APIC_TPR   0x808u
#define MSR_SELF_IPI     0x83fu
#define FIRST_VECTOR     16u
#define RESET_PORT       0xcf9u
#define RESET_SYSTEM     0x06u
#define RESET_BEGIN      0x02u

static volatile uint64_t tick_count, self_count, level_count, early_count;
static uint64_t due_tsc, interval_tsc, wanted_count;

static void arm_next(void)
{
	due_tsc += interval_tsc;
	apic_timer_arm(due_tsc);
}

static struct trap_frame *on_tick(struct trap_frame *frame)
{
	early_count += cpu_rdtsc() < due_tsc;
	apic_eoi();
	if (++tick_count < wanted_count)
		arm_next();
	return frame;
}

static struct trap_frame *on_self(struct trap_frame *frame)
{
	self_count++;
	apic_eoi();
	return frame;
}

static struct trap_frame *on_level(struct trap_frame *frame)
{
	if (++level_count == LEVEL_COUNT)
		cpu_out8(COM1_IER, 0);
	apic_eoi();
	return frame;
}

static void set_pin_4(uint32_t low_half)
{
	const uint64_t ioapic = paging_window(IOAPIC_GPA, PAGING_DATA);

	*(volatile uint32_t *)ioapic = IOAPIC_PIN_4;
	*(volatile uint32_t *)(ioapic + IOAPIC_WINDOW) = low_half;
}

/* Then edges must end as before: the timer's and its own come after this. */
static void take_level(void)
{
	const uint64_t end = cpu_rdtsc() + ticks_from_us(LEVEL_US, guest_info()->tsc_hz);

	trap_set_handler(VECTOR_LEVEL, on_level);
	set_pin_4(IOAPIC_LEVEL | VECTOR_LEVEL);
	cpu_out8(COM1_MCR, MCR_OUT2);
	cpu_out8(COM1_IER, IER_EMPTY);
	while (cpu_rdtsc() < end)
		cpu_pause();
	set_pin_4(IOAPIC_MASKED);
}

static void take_ticks(uint64_t count)
{
	wanted_count = tick_count + count;
	due_tsc = cpu_rdtsc();
	cpu_irq_off();
	arm_next();
	while (tick_count < wanted_count)
		cpu_wait_irq();
	cpu_irq_on();
}

static void take_own(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		apic_send_self(VECTOR_SELF);
		while (self_count <= i)
			cpu_pause();
	}
}

static void change_modes(void)
{
	const uint64_t base = cpu_rdmsr(MSR_APIC_BASE) & ~(APIC_BASE_EXTD | APIC_BASE_ENABLE);

	cpu_irq_off();
	apic_send_self(VECTOR_SELF); /* forgotten with the APIC that it waits in */
	cpu_wrmsr(MSR_APIC_BASE, base);
	cpu_wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
	apic_init();
	cpu_irq_on();
}

/* A deadline is a time of the guest's TSC: it comes as much earlier or later as that is moved. */
static void move_tsc(void)
{
	cpu_irq_off();
	wanted_count = tick_count + 1;
	due_tsc = cpu_rdtsc() + 2 * interval_tsc;
	apic_timer_arm(due_tsc);
	cpu_wrmsr(MSR_TSC_ADJUST, interval_tsc);
	while (tick_count < wanted_count)
		cpu_wait_irq();
	wanted_count++;
	due_tsc = cpu_rdtsc();
	apic_timer_arm(due_tsc);
	cpu_wrmsr(MSR_TSC_ADJUST, 0); /* it has gone off, or does so now */
	while (tick_count < wanted_count)
		cpu_wait_irq();
	cpu_irq_on();
	early_count = 0; /* of the last one, whose time was moved behind it */
}

static void leave_a_mess(void)
{
	cpu_irq_off();
	cpu_wrmsr(MSR_X2APIC_TPR, 0xff);
	for (uint32_t vector = FIRST_VECTOR; vector < 256; vector++)
		cpu_wrmsr(MSR_SELF_IPI, vector);
	apic_timer_arm(cpu_rdtsc() + interval_tsc);
	cpu_out8(RESET_PORT, RESET_BEGIN);
	cpu_out8(RESET_PORT, RESET_SYSTEM);
}

static bool report(uint64_t count)
{
	printf("@{\"ticks\":%lu,\"self\":%lu,\"level\":%lu,\"early\":%lu,\"strays\":%lu}\n",
	       tick_count, self_count, level_count, early_count, trap_stray_count());
	return self_count == count && early_count == 0 && trap_stray_count() == 0;
}

int main(void)
{
	const char *args = guest_info()->args;
	const uint64_t count = args_number(args, "ticks", 100);
	bool is_well;

	interval_tsc = ticks_from_us(TICK_US, guest_info()->tsc_hz);
	apic_timer_own(on_tick);
	trap_set_handler(VECTOR_SELF, on_self);
	if (args_is(args, "modes", "1"))
		change_modes();
	if (args_is(args, "adjust", "1"))
		move_tsc();
	if (args_is(args, "level", "1"))
		take_level();
	take_ticks(count);
	take_own(count);
	is_well = report(count);
	fflush(stdout);
	if (args_is(args, "then", "reset"))
		leave_a_mess();
	if (args_is(args, "then", "spin"))
		cpu_irq_off();
	while (args_is(args, "then", "halt"))
		__asm__ volatile("hlt" ::: "memory");
	while (!args_is(args, "then", "exit") && args_find(args, "then", (char[8]){ 0 }, 8))
		cpu_pause();
	return is_well ? EXIT_SUCCESS : EXIT_FAILURE;
}
