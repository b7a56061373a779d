/* SPDX-License-Identifier: Apache-2.0 */
/* guests/hostile/memory.c - one touch of memory that is not ours. The touch must be the end. */
#include <stddef.h>
#include <stdio.h>
#include "guests/hostile/modes.h"
#include "guests/hostile/probe.h"
#include "guests/rt/args.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/paging.h"

#define HOLE_GPA           UINT64_C(0xb8000) /* where a PC has its text screen */
#define FOUR_GIB           (UINT64_C(1) << 32)
#define LAPIC_GPA          UINT64_C(0xfee00000)
#define CPUID_MAX_EXTENDED 0x80000000u
#define CPUID_ADDRESS_SIZE 0x80000008u /* EAX 7:0: physical address bits */
#define LEAST_PHYS_BITS    36u

/* The last page that an address can name. */
static uint64_t highest_page(void)
{
	uint64_t bits = LEAST_PHYS_BITS;

	if (cpu_cpuid(CPUID_MAX_EXTENDED).eax >= CPUID_ADDRESS_SIZE)
		bits = cpu_cpuid(CPUID_ADDRESS_SIZE).eax & 0xff;
	return (UINT64_C(1) << bits) - PAGE_SIZE;
}

static uint64_t target(const char *args)
{
	if (args_is(args, "at", "hole"))
		return HOLE_GPA;
	if (args_is(args, "at", "4g"))
		return FOUR_GIB;
	if (args_is(args, "at", "lapic"))
		return LAPIC_GPA;
	if (args_is(args, "at", "high"))
		return highest_page();
	return guest_info()->ram_bytes;
}

static void touch(const char *args, uint64_t gpa)
{
	uint64_t value = UINT64_C(0x6861686168616861);
	uint64_t va = paging_window(gpa, args_is(args, "op", "exec") ? PAGING_CODE : PAGING_DATA);

	if (args_is(args, "op", "exec"))
		__asm__ volatile(PROBE_BEGIN "jmp *%0" PROBE_END ::"r"(va) : "r11", "memory");
	else if (args_is(args, "op", "read"))
		__asm__ volatile(PROBE_BEGIN "movq (%1), %0" PROBE_END
				 : "+r"(value)
				 : "r"(va)
				 : "r11", "memory");
	else
		__asm__ volatile(PROBE_BEGIN "movq %0, (%1)" PROBE_END ::"r"(value), "r"(va)
				 : "r11", "memory");
}

void mode_memory(void)
{
	const char *args = guest_info()->args;
	uint64_t gpa = target(args);

	printf("hostile: touching 0x%lx\n", gpa);
	touch(args, gpa);
	printf("@{\"hostile\":\"memory\",\"survived\":true,\"gpa\":%lu,\"fault\":%d}\n", gpa,
	       (int)probe_vector);
	guest_exit(1);
}
