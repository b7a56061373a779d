/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/trap.c - interrupts and exceptions of the hypervisor itself.
 *
 * An exception here is our own bug or broken hardware: it is a panic that says what and where.
 * External interrupts go to irq_serve(). One IDT serves all cores: it is constant once built,
 * and what differs per core (stacks) is in the TSS.
 * Source   SDM Vol. 3A, "Interrupt and Exception Handling".
 */
#include "arch/machine.h"
#include "arch/x86/apic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/init.h"
#include "arch/x86/vlapic.h"
#include "core/lib/assert.h"
#include "core/lib/fmt.h"

#define TRAP_STUB_BYTES      8u /* trap.S: the same */
#define VECTOR_COUNT         256u
#define EXCEPTION_COUNT      32u

#define VECTOR_NMI           2u
#define VECTOR_DOUBLE_FAULT  8u
#define VECTOR_MACHINE_CHECK 18u

/* SDM Vol. 3A, "64-Bit Mode IDT Gate Descriptors": present, type 14 (interrupt gate). */
#define GATE_INTERRUPT UINT64_C(0x8e00)

#define CPUID1_EDX_MCE BIT32(7)

struct idt_gate {
	uint64_t lo, hi;
};

/* As trap.S and the processor push it. */
struct trap_frame {
	uint64_t r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
	uint64_t vector;
	uint64_t error;
	uint64_t rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct trap_frame) == 16 * 8, "trap.S keeps the stack aligned to 16");

extern const uint8_t trap_stubs[], trap_discard[];
extern const uint8_t cpu_idle_hlt[], cpu_idle_woken[];
void trap_handle(struct trap_frame *f); /* called by trap.S */

static struct idt_gate idt[VECTOR_COUNT] __attribute__((aligned(PAGE_BYTES)));
/* [I] the same, but that every vector an APIC can deliver is ended and forgotten */
static struct idt_gate discarding_idt[VECTOR_COUNT] __attribute__((aligned(PAGE_BYTES)));

static uint64_t vector_ist(uint32_t vector)
{
	switch (vector) {
	case VECTOR_NMI:
		return IST_NMI + 1;
	case VECTOR_DOUBLE_FAULT:
		return IST_DOUBLE_FAULT + 1;
	case VECTOR_MACHINE_CHECK:
		return IST_MACHINE_CHECK + 1;
	default:
		return 0;
	}
}

static struct idt_gate gate_to(const uint8_t *handler, uint64_t ist)
{
	const uint64_t to = (uint64_t)handler;

	return (struct idt_gate){ .lo = (to & 0xffff) | SEL_CODE << 16 | ist << 32 |
					GATE_INTERRUPT << 32 | (to >> 16 & 0xffff) << 48,
				  .hi = to >> 32 };
}

void trap_init(void)
{
	for (uint32_t v = 0; v < VECTOR_COUNT; v++) {
		idt[v] = gate_to(trap_stubs + v * TRAP_STUB_BYTES, vector_ist(v));
		discarding_idt[v] = v < IRQ_FIRST_VECTOR ? idt[v] : gate_to(trap_discard, 0);
	}
}

static void load_idt(const struct idt_gate *table)
{
	const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) idtr = { sizeof(idt) - 1, (uint64_t)table };

	__asm__ volatile("lidt %0" ::"m"(idtr) : "memory");
}

/*
 * A guest that had the local APIC may have left vectors 16 to 31 pending in it, which are those of
 * exceptions to the CPU, some of them with an error code on the stack. So they are taken through
 * a table of their own. (A machine check in these instructions would be lost.)
 */
void trap_discard_interrupts(void)
{
	load_idt(discarding_idt);
	__asm__ volatile("sti; nop; cli" ::: "memory");
	load_idt(idt);
}

void core_load_traps(void)
{
	load_idt(idt);
	if (cpu_cpuid(1, 0).edx & CPUID1_EDX_MCE)
		cpu_write_cr4(cpu_read_cr4() | CR4_MCE);
}

static NORETURN void panic_on(const struct trap_frame *f, uint32_t vector)
{
	static const char names[EXCEPTION_COUNT][4] = {
		"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "9",   "#TS",
		"#NP", "#SS", "#GP", "#PF", "15",  "#MF", "#AC", "#MC", "#XM", "#VE", "#CP",
		"22",  "23",  "24",  "25",  "26",  "27",  "#HV", "#VC", "#SX", "31",
	};
	char text[192];

	fmt_text(text, sizeof(text),
		 "exception %s (vector %u) on core %u: error 0x%llx, RIP 0x%llx, CR2 0x%llx, "
		 "RSP 0x%llx, RFLAGS 0x%llx",
		 names[vector], vector, percpu()->core, (unsigned long long)f->error,
		 (unsigned long long)f->rip, (unsigned long long)cpu_read_cr2(),
		 (unsigned long long)f->rsp, (unsigned long long)f->rflags);
	PANIC(text);
}

void trap_handle(struct trap_frame *f)
{
	const uint8_t vector = (uint8_t)f->vector;

	if (f->rip == (uint64_t)cpu_idle_hlt)
		f->rip = (uint64_t)cpu_idle_woken;
	if (vector >= EXCEPTION_COUNT)
		irq_serve(vector);
	else if (vector == VECTOR_NMI)
		nmi_serve();
	else
		panic_on(f, vector);
}
