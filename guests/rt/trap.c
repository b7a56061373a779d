/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stddef.h>
#include "guests/rt/apic.h"
#include "guests/rt/call.h"
#include "guests/rt/console.h"
#include "guests/rt/cpu.h"
#include "guests/rt/trap.h"

_Static_assert(sizeof(struct trap_frame) % 16 == 0, "FXSAVE needs 16-byte alignment");
_Static_assert(offsetof(struct trap_frame, r15) == FXSAVE_BYTES, "order of trap_entry.S");

#define VECTOR_COUNT   256u
#define VECTOR_NMI     2u
#define VECTOR_DOUBLE  8u
#define GATE_INTERRUPT (UINT64_C(0x8e) << 40) /* present, ring 0, 64-bit interrupt gate */
#define GATE_IST1      (UINT64_C(1) << 32)
#define TSS_AVAILABLE  (UINT64_C(0x89) << 40) /* present, ring 0, 64-bit TSS */
#define TSS_IST1_WORD  9u                     /* 32-bit words: SDM Vol. 3A, "64-Bit TSS Format" */
#define TSS_IOMAP_WORD 25u
#define TSS_WORDS      26u
#define FXSAVE_FCW     0u
#define FXSAVE_MXCSR   24u
#define FCW_RESET      0x037fu /* as after FNINIT and at reset: all exceptions masked */
#define MXCSR_RESET    0x1f80u
#define STATUS_FAULT   128u

struct gate {
	uint64_t lo, hi;
};

struct table_register {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

extern uint64_t rt_gdt[]; /* crt0.S */

static struct gate idt[VECTOR_COUNT] __attribute__((aligned(16)));
static trap_fn *handlers[VECTOR_COUNT];
static uint32_t tss[CPUS_MAX][TSS_WORDS] __attribute__((aligned(8)));
static uint8_t fault_stack[16384] __attribute__((aligned(16))); /* of CPU 0 */
static uint64_t stray_count;                                    /* atomic */

_Static_assert(sizeof(tss[0]) % 8 == 0, "every TSS is aligned");

/* Offset bits 15:0, 31:16 and 63:32 of a gate or descriptor are scattered over it. */
static struct gate gate_for(uint64_t entry, uint64_t ist)
{
	return (struct gate){
		(entry & 0xffff) | (uint64_t)SELECTOR_CODE << 16 | ist | GATE_INTERRUPT |
			(entry >> 16 & 0xffff) << 48,
		entry >> 32,
	};
}

/* Again after an INIT: LTR refuses a TSS that is marked busy, so the descriptor is new. */
static void load_tss(uint32_t cpu, const void *stack_top)
{
	const uint32_t selector = SELECTOR_TSS + cpu * TSS_STRIDE;
	const uint64_t base = (uint64_t)tss[cpu];
	const uint64_t top = (uint64_t)stack_top;
	const uint64_t limit = sizeof(tss[cpu]) - 1;

	tss[cpu][TSS_IST1_WORD] = (uint32_t)top;
	tss[cpu][TSS_IST1_WORD + 1] = (uint32_t)(top >> 32);
	tss[cpu][TSS_IOMAP_WORD] = (uint32_t)(limit + 1) << 16; /* beyond the limit: no I/O map */
	rt_gdt[selector / 8] =
		limit | (base & 0xffffff) << 16 | TSS_AVAILABLE | (base >> 24 & 0xff) << 56;
	rt_gdt[selector / 8 + 1] = base >> 32;
	__asm__ volatile("ltr %w0" ::"r"(selector) : "memory");
}

void trap_init_cpu(uint32_t cpu, const void *fault_stack_top)
{
	struct table_register idtr = { sizeof(idt) - 1, (uint64_t)idt };

	load_tss(cpu, fault_stack_top);
	__asm__ volatile("lidt %0" ::"m"(idtr));
}

void trap_init(void)
{
	for (uint32_t v = 0; v < VECTOR_COUNT; v++)
		idt[v] = gate_for((uint64_t)trap_stubs + v * TRAP_STUB_BYTES,
				  v == VECTOR_NMI || v == VECTOR_DOUBLE ? GATE_IST1 : 0);
	trap_init_cpu(0, fault_stack + sizeof(fault_stack));
}

void trap_set_handler(uint8_t vector, trap_fn *handler)
{
	handlers[vector] = handler;
}

uint64_t trap_stray_count(void)
{
	return __atomic_load_n(&stray_count, __ATOMIC_RELAXED);
}

static __attribute__((noreturn)) void report_fault(const struct trap_frame *f)
{
	char line[160];
	int n = snprintf(line, sizeof(line),
			 "guest fault #%lu at rip 0x%lx, error 0x%lx, cr2 0x%lx, rsp 0x%lx\n",
			 f->vector, f->rip, f->error, cpu_read_cr2(), f->rsp);

	trap_set_handler(VECTOR_TIMER, NULL); /* whoever had it must not run any more */
	console_write(line, n > 0 ? (size_t)n : 0);
	guest_exit(STATUS_FAULT + f->vector);
}

struct trap_frame *trap_dispatch(struct trap_frame *frame)
{
	uint8_t vector = (uint8_t)frame->vector;

	if (handlers[vector])
		return handlers[vector](frame);
	if (vector < VECTOR_EXCEPTIONS)
		report_fault(frame);
	if (vector != VECTOR_TIMER)
		__atomic_add_fetch(&stray_count, 1, __ATOMIC_RELAXED);
	if (vector != VECTOR_SPURIOUS) /* sets no bit in ISR: SDM Vol. 3A, "Spurious Interrupt" */
		apic_eoi();
	return frame;
}

struct trap_frame *trap_new_context(void *stack_top, void (*entry)(void))
{
	uint64_t top = ((uint64_t)stack_top & ~UINT64_C(15)) - 16;
	struct trap_frame *f = (struct trap_frame *)top - 1;

	*f = (struct trap_frame){ 0 };
	*(uint16_t *)(void *)&f->fxsave[FXSAVE_FCW] = FCW_RESET;
	*(uint32_t *)(void *)&f->fxsave[FXSAVE_MXCSR] = MXCSR_RESET;
	f->rip = (uint64_t)entry;
	f->cs = SELECTOR_CODE;
	f->ss = SELECTOR_DATA;
	f->rflags = RFLAGS_IF | 2; /* bit 1 is always set */
	f->rsp = top + 8;          /* as if called: the return address, 0, is never used */
	return f;
}
