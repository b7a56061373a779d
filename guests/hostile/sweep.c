/* SPDX-License-Identifier: Apache-2.0 */
/* guests/hostile/sweep.c - every MSR and every I/O port, over and over. */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "guests/hostile/modes.h"
#include "guests/hostile/probe.h"
#include "guests/rt/apic.h"
#include "guests/rt/cpu.h"

#define PORT_COUNT   65536u
#define STRING_BYTES 64u

struct tally {
	uint64_t tried, refused;
};

static void count(struct tally *t)
{
	t->tried++;
	t->refused += probe_vector != PROBE_NO_FAULT;
}

/* --- MSRs --- */

static const struct {
	uint32_t first, last;
} msr_ranges[] = {
	{ 0x00000000, 0x00001fff },
	{ 0xc0000000, 0xc0001fff },
	{ 0x40000000, 0x400000ff },
};

/* All of these have bits set that EFER reserves: we would not survive a valid one. */
static const uint64_t junk[] = {
	UINT64_MAX,
	UINT64_C(0xa5a5a5a5a5a5a5a5),
	UINT64_C(0xff),
};

static void probe_rdmsr(uint32_t msr)
{
	__asm__ volatile(PROBE_BEGIN "rdmsr" PROBE_END ::"c"(msr) : "rax", "rdx", "r11", "memory");
}

static void probe_wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile(PROBE_BEGIN "wrmsr" PROBE_END ::"c"(msr), "a"((uint32_t)value),
			 "d"((uint32_t)(value >> 32))
			 : "r11", "memory");
}

static void sweep_msr(uint32_t msr, struct tally *reads, struct tally *writes)
{
	probe_rdmsr(msr);
	count(reads);
	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
		probe_wrmsr(msr, junk[i]);
		count(writes);
	}
}

void mode_msr(void)
{
	for (bool is_first = true;; is_first = false) {
		struct tally reads = { 0 }, writes = { 0 };

		cpu_irq_off();
		for (size_t i = 0; i < sizeof(msr_ranges) / sizeof(msr_ranges[0]); i++)
			for (uint32_t msr = msr_ranges[i].first; msr <= msr_ranges[i].last; msr++)
				sweep_msr(msr, &reads, &writes);
		if (!is_first)
			continue;
		/* Our own APIC is full of junk now: end what it thinks is in service. */
		apic_init();
		apic_eoi();
		apic_timer_disarm();
		printf("@{\"hostile\":\"msr\",\"reads\":%lu,\"reads_refused\":%lu,\"writes\":%lu,"
		       "\"writes_refused\":%lu}\n",
		       reads.tried, reads.refused, writes.tried, writes.refused);
	}
}

/* --- ports --- */

static uint8_t string_buffer[STRING_BYTES];

static void probe_in(uint16_t port, uint32_t width, uint32_t *value)
{
	if (width == 1)
		__asm__ volatile(PROBE_BEGIN "inb %w1, %b0" PROBE_END
				 : "+a"(*value)
				 : "d"(port)
				 : "r11", "memory");
	else if (width == 2)
		__asm__ volatile(PROBE_BEGIN "inw %w1, %w0" PROBE_END
				 : "+a"(*value)
				 : "d"(port)
				 : "r11", "memory");
	else
		__asm__ volatile(PROBE_BEGIN "inl %w1, %0" PROBE_END
				 : "+a"(*value)
				 : "d"(port)
				 : "r11", "memory");
}

static void probe_out(uint16_t port, uint32_t width, uint32_t value)
{
	if (width == 1)
		__asm__ volatile(PROBE_BEGIN "outb %b0, %w1" PROBE_END ::"a"(value), "d"(port)
				 : "r11", "memory");
	else if (width == 2)
		__asm__ volatile(PROBE_BEGIN "outw %w0, %w1" PROBE_END ::"a"(value), "d"(port)
				 : "r11", "memory");
	else
		__asm__ volatile(PROBE_BEGIN "outl %0, %w1" PROBE_END ::"a"(value), "d"(port)
				 : "r11", "memory");
}

static void probe_string(uint16_t port)
{
	void *at = string_buffer;
	uint64_t n = STRING_BYTES;

	__asm__ volatile(PROBE_BEGIN "rep outsb" PROBE_END
			 : "+S"(at), "+c"(n)
			 : "d"(port)
			 : "r11", "memory");
	at = string_buffer;
	n = STRING_BYTES;
	__asm__ volatile(PROBE_BEGIN "rep insb" PROBE_END
			 : "+D"(at), "+c"(n)
			 : "d"(port)
			 : "r11", "memory");
}

/* A port that nobody owns reads as all ones; anything else is worth knowing. */
static void sweep_ports(uint32_t width, bool is_first)
{
	const uint32_t all_ones = UINT32_MAX >> (32 - 8 * width);
	struct tally in = { 0 }, out = { 0 };
	uint32_t answered = 0;

	for (uint32_t port = 0; port < PORT_COUNT; port++) {
		uint32_t value = 0;

		probe_in((uint16_t)port, width, &value);
		count(&in);
		answered += probe_vector == PROBE_NO_FAULT && value != all_ones;
		probe_out((uint16_t)port, width, UINT32_MAX);
		count(&out);
	}
	if (is_first)
		printf("@{\"hostile\":\"ports\",\"width\":%u,\"in\":%lu,\"in_refused\":%lu,"
		       "\"in_answered\":%u,\"out\":%lu,\"out_refused\":%lu}\n",
		       width, in.tried, in.refused, answered, out.tried, out.refused);
}

void mode_ports(void)
{
	for (bool is_first = true;; is_first = false) {
		for (uint32_t width = 1; width <= sizeof(uint32_t); width *= 2)
			sweep_ports(width, is_first);
		for (uint32_t port = 0; port < PORT_COUNT; port++)
			probe_string((uint16_t)port);
	}
}
