/* SPDX-License-Identifier: Apache-2.0 */
/* guests/hostile/flood.c - more calls, text, interrupts and exceptions than anyone wants. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "guests/hostile/modes.h"
#include "guests/hostile/probe.h"
#include "guests/rt/apic.h"
#include "guests/rt/args.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"

#define DEFAULT_SEED 1u
#define TINY_TICKS   16u /* mask: deadlines up to so far ahead */
#define HOLE_START   UINT64_C(0xa0000)
#define HOLE_END     UINT64_C(0x100000)
#define LAPIC_GPA    UINT64_C(0xfee00000)
#define NUMBERS_NEAR 16u /* call numbers that come up often */

/* 16550: "Line Status Register". */
#define UART_LSR      5u
#define UART_LSR_THRE 0x20u

/* SDM Vol. 3A, "APIC Timer". */
#define X2APIC_LVT_TIMER     0x832u
#define LVT_PERIODIC         (1u << 17)
#define X2APIC_INITIAL_COUNT 0x838u

/* xorshift64: Marsaglia 2003, "Xorshift RNGs". */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/*
 * A buffer that a careless check lets through: over an edge, wrapping around, or too long.
 * None is valid, but for a random one now and then: text is mode=console's business.
 */
static void console_write_hostile(uint64_t *seed)
{
	uint64_t r = next_random(seed);
	const uint64_t ram = guest_info()->ram_bytes;
	const uint64_t addresses[] = {
		ram - 1,
		ram,
		HOLE_START - 1,
		HOLE_START,
		HOLE_END - 1,
		UINT64_MAX,
		UINT64_MAX - GUEST_WRITE_MAX + 1,
		UINT64_C(1) << 63,
		UINT64_C(1) << 32,
		LAPIC_GPA,
		r,
	};
	const uint64_t lengths[] = {
		GUEST_WRITE_MAX,
		GUEST_WRITE_MAX + 1,
		UINT64_MAX,
		UINT64_C(1) << 32,
		2,
		r >> 3,
		-addresses[r % (sizeof(addresses) / sizeof(addresses[0]))],
	};

	guest_call(GUEST_CALL_CONSOLE_WRITE,
		   addresses[r % (sizeof(addresses) / sizeof(addresses[0]))],
		   lengths[(r >> 32) % (sizeof(lengths) / sizeof(lengths[0]))]);
}

void mode_calls(void)
{
	uint64_t seed = args_number(guest_info()->args, "seed", DEFAULT_SEED) | 1;

	for (;;) {
		uint64_t number = next_random(&seed);

		if (number & 1)
			number = (number >> 1) % NUMBERS_NEAR;
		if (number == GUEST_CALL_EXIT)
			continue; /* would be over too soon */
		if (number == GUEST_CALL_CONSOLE_WRITE)
			console_write_hostile(&seed);
		else
			guest_call4(number, next_random(&seed), next_random(&seed),
				    next_random(&seed), next_random(&seed));
	}
}

void mode_console(void)
{
	static const char text[] = "hostile: this line is printed without end\n";

	for (;;)
		guest_call(GUEST_CALL_CONSOLE_WRITE, (uint64_t)text, sizeof(text) - 1);
}

static void spin(uint64_t ticks)
{
	const uint64_t until = cpu_rdtsc() + ticks;

	while (cpu_rdtsc() < until)
		cpu_pause();
}

/* All of it, by calls or, in a PC, by its UART. */
static void print(const char *text, size_t bytes)
{
	const uint64_t uart = args_number(guest_info()->args, "uart", 0);

	if (!uart) {
		fwrite(text, 1, bytes, stdout);
		fflush(stdout);
		return;
	}
	/* Between looks, which are exits too, the time of some bytes. */
	for (size_t i = 0; i < bytes; i++) {
		while (!(cpu_in8((uint16_t)(uart + UART_LSR)) & UART_LSR_THRE))
			spin(guest_info()->tsc_hz / 2000);
		cpu_out8((uint16_t)uart, (uint8_t)text[i]);
	}
}

void mode_line(void)
{
	static char text[3][GUEST_WRITE_MAX];
	const uint64_t pause = guest_info()->tsc_hz / 4;

	memset(text[0], 'x', sizeof(text[0]) - 1);
	text[0][sizeof(text[0]) - 1] = '\n';
	memset(text[1], '\n', sizeof(text[1]));
	memset(text[2], '"', sizeof(text[2]) - 1);
	memcpy(text[2], "@{", 2);
	text[2][sizeof(text[2]) - 1] = '\n';
	for (uint32_t i = 0;; i++) {
		spin(pause);
		print(text[i % 3], sizeof(text[0]));
	}
}

/* A new budget has begun when it was away for a while. */
void mode_overrun(void)
{
	static char text[GUEST_WRITE_MAX];
	const uint64_t us = guest_info()->tsc_hz / 1000000;
	const uint64_t budget = us * args_number(guest_info()->args, "budget_us", 1000);
	const uint64_t margin = us * args_number(guest_info()->args, "margin_us", 20);
	uint64_t begin = cpu_rdtsc(), last = begin, taken = 0;

	memset(text, '"', sizeof(text) - 1);
	memcpy(text, "@{", 2);
	text[sizeof(text) - 1] = '\n';
	for (;;) {
		const uint64_t now = cpu_rdtsc();

		if (now - last > budget / 4) {
			begin = now;
			taken = guest_call(GUEST_CALL_CONSOLE_WRITE, (uint64_t)text, sizeof(text));
		}
		last = cpu_rdtsc();
		if (taken == 0 || taken > sizeof(text) || last - begin < budget - margin)
			continue;
		guest_call(GUEST_CALL_CONSOLE_WRITE, (uint64_t)text + taken, sizeof(text) - taken);
		taken = 0;
	}
}

static struct trap_frame *on_timer(struct trap_frame *frame)
{
	static uint64_t seed = DEFAULT_SEED;
	uint64_t r = next_random(&seed);
	uint64_t now = cpu_rdtsc();

	apic_eoi();
	apic_timer_arm(r & TINY_TICKS ? now + r % TINY_TICKS : now - r % TINY_TICKS);
	return frame;
}

void mode_timer(void)
{
	apic_timer_own(on_timer);
	apic_timer_arm(cpu_rdtsc());
	for (;;)
		__asm__ volatile("pause");
}

/* "Periodic Mode" with a period of one tick: the next one is over before anything can run. */
void mode_tick(void)
{
	cpu_wrmsr(X2APIC_LVT_TIMER, VECTOR_TIMER | LVT_PERIODIC);
	cpu_wrmsr(X2APIC_INITIAL_COUNT, 1);
	for (;;)
		__asm__ volatile("pause");
}

/* #DE, #UD, #GP, #PF, #BP and #SS in turn. */
void mode_fault(void)
{
	const uint64_t not_canonical = UINT64_C(1) << 62;

	for (;;) {
		__asm__ volatile(PROBE_BEGIN "xorl %%ecx, %%ecx\n\tdivl %%ecx" PROBE_END ::
					 : "rax", "rcx", "rdx", "r11", "memory", "cc");
		__asm__ volatile(PROBE_BEGIN "ud2" PROBE_END ::: "r11", "memory");
		__asm__ volatile(PROBE_BEGIN "movq (%0), %%rax" PROBE_END ::"r"(not_canonical)
				 : "rax", "r11", "memory");
		__asm__ volatile(PROBE_BEGIN "movq 0, %%rax" PROBE_END ::: "rax", "r11", "memory");
		__asm__ volatile(PROBE_BEGIN "int3" PROBE_END ::: "r11", "memory");
		__asm__ volatile(PROBE_BEGIN
				 "pushq %%rbp\n\tmovq %0, %%rbp\n\tmovq (%%rbp), %%rax" PROBE_END
				 "\n\tpopq %%rbp" ::"r"(not_canonical)
				 : "rax", "r11", "memory");
	}
}
