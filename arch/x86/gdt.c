/* SPDX-License-Identifier: Apache-2.0 */
/* arch/x86/gdt.c - per-core data, GDT, TSS and the stacks of the exceptions that need one. */
#include "arch/mem.h"
#include "arch/x86/cpu.h"
#include "arch/x86/init.h"
#include "arch/x86/paging.h"

/* SDM Vol. 3A, "Segment Descriptors". Accessed bits are set: the CPU need not write them. */
#define DESCRIPTOR_CODE64 UINT64_C(0x00af9b000000ffff)
#define DESCRIPTOR_DATA   UINT64_C(0x00cf93000000ffff)
/* SDM Vol. 3A, "TSS Descriptor in 64-bit mode": present, type 9 (available 64-bit TSS). */
#define DESCRIPTOR_TSS UINT64_C(0x0000890000000000)

/* Each holds a panic: its text, the log line, and the console below them. */
#define IST_STACK_PAGES 2u
#define STACK_PAGES     4u
#define GUARD_PAGES     1u

static struct percpu cores[MAX_CORES];

struct percpu *percpu_of(core_id_t core)
{
	return &cores[core];
}

/* From low to high: guard, IST stacks, guard, main stack. What overflows last is stopped. */
enum err core_take_stacks(struct percpu *p)
{
	const bool is_boot_core = p == cores;
	const uint32_t pages = GUARD_PAGES + IST_COUNT * IST_STACK_PAGES +
			       (is_boot_core ? 0 : GUARD_PAGES + STACK_PAGES);
	uint8_t *at = arch_mem_take_pages(pages);

	if (at == NULL || paging_guard(at) != OK)
		return ERR_NOMEM;
	at += GUARD_PAGES * PAGE_BYTES;
	for (uint32_t i = 0; i < IST_COUNT; i++) {
		at += IST_STACK_PAGES * PAGE_BYTES;
		p->tss.ist[i] = (uint64_t)at;
	}
	if (is_boot_core)
		return OK;
	p->stack_top = (uint64_t)(at + (GUARD_PAGES + STACK_PAGES) * PAGE_BYTES);
	return paging_guard(at);
}

static void fill_gdt(struct percpu *p)
{
	const uint64_t base = (uint64_t)&p->tss;
	const uint64_t limit = sizeof(p->tss) - 1;

	p->gdt[0] = 0;
	p->gdt[SEL_CODE / 8] = DESCRIPTOR_CODE64;
	p->gdt[SEL_DATA / 8] = DESCRIPTOR_DATA;
	p->gdt[SEL_TSS / 8] =
		DESCRIPTOR_TSS | limit | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
	p->gdt[SEL_TSS / 8 + 1] = base >> 32;
	p->tss.iomap_base = sizeof(p->tss); /* no I/O permission map */
}

void core_load_descriptors(struct percpu *p)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) gdtr = { sizeof(p->gdt) - 1, (uint64_t)p->gdt };

	p->self = p;
	p->core = (core_id_t)(p - cores);
	p->timer_tsc = TSC_NEVER;
	fill_gdt(p);
	__asm__ volatile("lgdt %0\n\t"
			 "pushq %1\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\n\t"
			 "movl %2, %%ds\n\t"
			 "movl %2, %%es\n\t"
			 "movl %2, %%ss\n\t"
			 "movl %3, %%fs\n\t"
			 "movl %3, %%gs\n\t"
			 "ltr %w4"
			 :
			 : "m"(gdtr), "i"(SEL_CODE), "r"(SEL_DATA), "r"(0), "r"(SEL_TSS)
			 : "rax", "memory");
	/* Loading a null selector into GS may clear its base: the base comes last. */
	cpu_wrmsr(MSR_GS_BASE, (uint64_t)p);
}
