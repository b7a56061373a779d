/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AMD-V: interrupts, NMIs, ExtINTs, exceptions and steps between exits and entries.
 *
 * A model CPU runs a guest of random instructions on the VMCB, by APM Vol. 2, "Event Injection",
 * "Virtual Interrupts" and "Interrupt Shadows", and counts what it delivers. It knows what was
 * posted; every event must arrive once, in a state that can take it, and none may stay away.
 */
#include <stdlib.h>
#include <string.h>
#include "arch/x86/svm/svm.h"
#include "tests/test.h"

#define TF         BIT64(8)
#define IF         BIT64(9)
#define PE         BIT64(0)
#define BS         BIT64(14)
#define X2APIC_EOI 0x80bu
#define FRAMES     64u
#define ENTRIES    300000u

static struct vcpu v;
static struct svm_vcpu s;
static struct vmcb vmcb;
static uint8_t page[4096] __attribute__((aligned(4096)));

/* ---- What the model knows ---- */

enum insn { NOP, STI, CLI, IRET, CR8, EOI, CPUID, HLT, FAULT, INSN_COUNT };
enum frame_kind { INTERRUPT, EXTINT, NMI, EXCEPTION };

static struct {
	enum insn insn; /* at RIP; the same until it is done */
	bool shadow;
	bool nmi_blocked;
	uint32_t depth;
	struct frame {
		enum frame_kind kind;
		uint64_t rip, rflags;
	} frames[FRAMES];
	bool irr[256], isr[256];
	uint32_t nmi_posted;
	bool extint_posted;
	bool forgets_shadow; /* as QEMU's VMRUN does */
	bool is_calm;        /* only what ends handlers and opens the guest */
	bool must_exit;
	uint32_t delivered[4]; /* by enum frame_kind */
} cpu;

static uint32_t random_below(uint32_t n)
{
	return (uint32_t)rand() % n;
}

static int highest(const bool *set)
{
	for (int i = 255; i >= 0; i--)
		if (set[i])
			return i;
	return -1;
}

uint8_t vcpu_extint_take(struct vcpu *to)
{
	to->extint_pending = false;
	return 0x20;
}

static void choose_insn(void)
{
	const struct frame *const f = cpu.depth ? &cpu.frames[cpu.depth - 1] : NULL;
	const bool has_service = highest(cpu.isr) >= 0;

	if (!cpu.is_calm && cpu.depth < FRAMES - 8) {
		cpu.insn = random_below(INSN_COUNT);
		if (cpu.insn == IRET && !f)
			cpu.insn = NOP;
		return;
	}
	if (f)
		cpu.insn =
			f->kind == INTERRUPT && has_service ? (random_below(2) ? EOI : IRET) : IRET;
	else
		cpu.insn = has_service ? EOI : random_below(2) ? CR8 : STI;
}

static void next_insn(void)
{
	vmcb.rip += 4;
	choose_insn();
}

/* ---- The model CPU ---- */

static void leave(uint64_t code)
{
	vmcb.exit_code = code;
	vmcb.exit_int_info = 0;
	vmcb.interrupt_shadow = cpu.shadow;
	vmcb.event_injection = 0;
}

static void push(enum frame_kind kind)
{
	CHECK(cpu.depth < FRAMES);
	/* No handler may see a TF that its guest never set. */
	CHECK(!(vmcb.rflags & TF));
	cpu.frames[cpu.depth++] = (struct frame){ kind, vmcb.rip, vmcb.rflags };
	vmcb.rflags &= ~(IF | TF);
	vmcb.rip = 0x1000 + 0x10000 * (uint64_t)cpu.depth;
	cpu.shadow = false;
	cpu.delivered[kind]++;
	choose_insn();
}

static void take_interrupt(uint8_t vector)
{
	const int in_service = highest(cpu.isr);

	CHECK(cpu.irr[vector] && vector == highest(cpu.irr));
	CHECK(vector >> 4 > (int)(vmcb.vintr & 0xf));
	CHECK(in_service < 0 || vector >> 4 > in_service >> 4);
	cpu.irr[vector] = false;
	cpu.isr[vector] = true;
	push(INTERRUPT);
}

/* False: an exit on the way. */
static bool inject(void)
{
	const uint64_t event = vmcb.event_injection;

	if (!(event & BIT64(31)))
		return true;
	if (random_below(8) == 0) { /* the stack is not there, say */
		leave(0x400);
		vmcb.exit_int_info = event;
		return false;
	}
	vmcb.event_injection = 0;
	switch (event >> 8 & 7) {
	case 0:
		CHECK((vmcb.rflags & IF) && !cpu.shadow && cpu.extint_posted);
		CHECK((event & 0xff) == 0x20);
		CHECK(cpu.must_exit); /* QEMU could deliver it once more */
		cpu.extint_posted = false;
		push(EXTINT);
		return true;
	case 2:
		CHECK(!cpu.nmi_blocked && !cpu.shadow && cpu.nmi_posted > 0);
		cpu.nmi_blocked = true;
		cpu.nmi_posted--;
		push(NMI);
		return true;
	case 3:
		CHECK((event & 0xff) == 13 && (event & BIT64(11)) && event >> 32 == 0x50);
		CHECK(cpu.insn == FAULT);
		push(EXCEPTION);
		return true;
	default:
		CHECK(0);
		return true;
	}
}

static bool takes_virtual_interrupt(void)
{
	return (vmcb.vintr & BIT32(8)) && (vmcb.rflags & IF) && !cpu.shadow &&
	       ((vmcb.vintr & BIT32(20)) || (vmcb.vintr >> 16 & 0xf) > (vmcb.vintr & 0xf));
}

/* True: exit. */
static bool execute(void)
{
	const bool had_tf = vmcb.rflags & TF;
	const struct frame *f;

	switch (cpu.insn) {
	case STI:
		cpu.shadow = !(vmcb.rflags & IF);
		vmcb.rflags |= IF;
		next_insn();
		goto trap;
	case CLI:
		vmcb.rflags &= ~IF;
		break;
	case IRET:
		if (vmcb.intercept & BIT32(20)) {
			leave(0x74);
			return true;
		}
		f = &cpu.frames[--cpu.depth];
		vmcb.rip = f->rip;
		vmcb.rflags = f->rflags;
		cpu.nmi_blocked = false;
		cpu.shadow = false;
		choose_insn();
		goto trap;
	case CR8:
		if (vmcb.intercept_cr & BIT32(16 + 8)) {
			leave(0x18);
			return true;
		}
		CHECK(!(vmcb.vintr & BIT32(8))); /* would end QEMU */
		vmcb.vintr = (vmcb.vintr & ~0xfu) | (cpu.is_calm ? 0 : random_below(16));
		break;
	case EOI:
		leave(0x7c);
		return true;
	case CPUID:
		leave(0x72);
		return true;
	case HLT:
		leave(0x78);
		return true;
	case FAULT:
		if (vmcb.intercept_exceptions & BIT32(13)) {
			vmcb.exit_info1 = 0x50;
			leave(0x40 + 13);
			return true;
		}
		push(EXCEPTION);
		return false;
	default:
		break;
	}
	cpu.shadow = false;
	next_insn();
trap:
	if (!had_tf)
		return false;
	CHECK(vmcb.intercept_exceptions & BIT32(1));
	vmcb.dr6 |= BS;
	leave(0x41);
	return true;
}

static void vmrun(void)
{
	cpu.shadow = vmcb.interrupt_shadow & 1;
	if (cpu.forgets_shadow)
		cpu.shadow = false;
	if (!inject())
		return;
	for (;;) {
		if (cpu.must_exit || random_below(6) == 0) {
			cpu.must_exit = false;
			leave(0x60);
			return;
		}
		if (takes_virtual_interrupt()) {
			if (vmcb.intercept & BIT32(4)) {
				leave(0x64);
				return;
			}
			vmcb.vintr &= ~BIT32(8);
			take_interrupt((uint8_t)vmcb.vintr_vector);
			continue;
		}
		if (execute())
			return;
	}
}

/* ---- The shell around the code under test, as run.c and vcpu.c are ---- */

static void post_something(void)
{
	const uint8_t vector = (uint8_t)(0x30 + random_below(0xd0));

	switch (random_below(12)) {
	case 0:
		cpu.nmi_posted += !v.nmi_pending;
		v.nmi_pending = true;
		break;
	case 1:
		if (cpu.extint_posted)
			break;
		cpu.extint_posted = v.extint_pending = true;
		break;
	case 2:
	case 3:
		vlapic_post(&v.lapic, vector);
		cpu.irr[vector] = true;
		break;
	default:
		return;
	}
	v.lapic.changed = true;
}

static void end_of_interrupt(void)
{
	const int vector = highest(cpu.isr);
	struct vlapic_effect effect;

	CHECK(vlapic_write_msr(&v.lapic, X2APIC_EOI, 0, 0, &effect) == OK);
	if (vector >= 0)
		cpu.isr[vector] = false;
}

static void skip(uint32_t bytes)
{
	CHECK(bytes == 4);
	v.skip_bytes = bytes;
	svm_skip_insn(&v);
	choose_insn();
}

static void handle_exit(void)
{
	const uint32_t code = (uint32_t)vmcb.exit_code;

	if (code != 0x72)
		svm_note_interrupts(&v, &vmcb);
	if (vmcb.exit_int_info & BIT64(31))
		svm_event_was_interrupted(&v);
	switch (code) {
	case 0x60:
		v.lapic.changed |= cpu.shadow;
		return;
	case 0x72:
	case 0x78:
		skip(4);
		return;
	case 0x7c:
		end_of_interrupt();
		skip(4);
		return;
	case 0x400:
		return;
	default:
		CHECK(svm_event_exit(&v, code));
	}
}

static void enter_once(void)
{
	if (v.lapic.changed)
		cpu.must_exit = svm_show_events(&v);
	vmrun();
	handle_exit();
}

static void begin(void)
{
	memset(&v, 0, sizeof(v));
	memset(&s, 0, sizeof(s));
	memset(&vmcb, 0, sizeof(vmcb));
	memset(&cpu, 0, sizeof(cpu));
	v.control = &vmcb;
	v.backend = &s;
	vlapic_init(&v.lapic, page, 0, VLAPIC_X2APIC);
	svm_reset_events(&v);
	vmcb.cr0 = PE;
	vmcb.rflags = 2;
	vmcb.rip = 0x1000;
	vmcb.dr6 = 0xffff0ff0;
}

static void enable_apic(void)
{
	struct vlapic_effect effect;

	CHECK(vlapic_write_msr(&v.lapic, 0x80f, 0x1ff, 0, &effect) == OK);
}

static void random_guest(bool forgets_shadow)
{
	begin();
	enable_apic();
	cpu.forgets_shadow = forgets_shadow;
	for (uint32_t i = 0; i < ENTRIES && !test_failed; i++) {
		if (vmcb.exit_code != 0x72) /* what was taken is noted: as in core/run.c */
			post_something();
		enter_once();
	}
	cpu.is_calm = true;
	for (uint32_t i = 0; i < 20000; i++)
		enter_once();
	CHECK(highest(cpu.irr) < 0 && cpu.nmi_posted == 0 && !cpu.extint_posted);
	for (uint32_t i = 0; i < ARRAY_SIZE(cpu.delivered); i++)
		CHECK(cpu.delivered[i] > ENTRIES / 200);
	CHECK(!(vmcb.rflags & TF) || s.is_stepping);
	CHECK(vmcb.dr6 == 0xffff0ff0);
}

static void every_event_arrives_once_where_it_may(void)
{
	random_guest(false);
}

static void so_it_does_on_a_cpu_that_forgets_the_shadow(void)
{
	random_guest(true);
}

/* SDM Vol. 3B, "Single-Step Exception Condition": also where the instruction was emulated. */
static void a_guest_that_steps_itself_steps_over_what_is_emulated(void)
{
	for (uint32_t emulated = 0; emulated < 2; emulated++) {
		begin();
		vmcb.rflags |= TF;
		vmcb.interrupt_shadow = 1;
		v.skip_bytes = 4;
		if (emulated)
			svm_retire(&v, 4, 0);
		else
			svm_skip_insn(&v);
		CHECK(vmcb.rip == 0x1004 && vmcb.interrupt_shadow == 0 && (vmcb.rflags & TF));
		CHECK((uint32_t)vmcb.event_injection == (BIT32(31) | 3u << 8 | 1));
		CHECK(vmcb.dr6 & BS);
	}
}

/* The step's #DB is not the guest's, unless it traced itself, or its own breakpoint matched. */
static void a_step_is_invisible(void)
{
	for (uint32_t own = 0; own < 4; own++) {
		const bool traces = own & 1, matches = own & 2;

		begin();
		vmcb.rflags |= traces ? TF : 0;
		vmcb.dr6 |= 2; /* from long ago */
		vmcb.dr7 = 0x401;
		CHECK(svm_event_exit(&v, 0x18) && !svm_show_events(&v));
		CHECK((vmcb.rflags & TF) && s.is_stepping);
		vmcb.rip += 4;
		vmcb.dr6 |= BS | (matches ? 1 : 0);
		CHECK(svm_event_exit(&v, 0x41));
		CHECK(!!(vmcb.rflags & TF) == traces);
		CHECK(!!(vmcb.dr6 & BS) == traces && !!(vmcb.dr6 & 1) == matches);
		CHECK(vmcb.dr6 & 2);
		CHECK(!!(vmcb.event_injection & BIT64(31)) == (own != 0));
	}
}

static void faults_have_error_codes_in_protected_mode_only(void)
{
	for (uint32_t protected = 0; protected < 2; protected ++) {
		const uint64_t has_code = protected ? BIT64(11) : 0;

		begin();
		vmcb.cr0 = protected;
		svm_inject_page_fault(&v, 0x123456789000, 6);
		CHECK(vmcb.cr2 == 0x123456789000);
		CHECK(vmcb.event_injection ==
		      (BIT64(31) | has_code | 3 << 8 | 14 | (protected ? 6ull << 32 : 0)));
		svm_inject(&v, VCPU_FAULT_GP);
		CHECK(vmcb.event_injection == (BIT64(31) | has_code | 3 << 8 | 13));
		svm_inject(&v, VCPU_FAULT_UD);
		CHECK(vmcb.event_injection == (BIT64(31) | 3 << 8 | 6));
	}
}

/* RF ends with the instruction; outside 64-bit code RIP has 32 bits. */
static void an_emulated_instruction_changes_arithmetic_flags_only(void)
{
	for (uint32_t bit = 0; bit < 32; bit++) {
		const uint64_t arithmetic = 0x8d5 & BIT64(bit), kept = ~0x108d5ull & BIT64(bit);

		begin();
		vmcb.rflags = kept & ~TF;
		svm_retire(&v, 3, BIT64(bit));
		CHECK(vmcb.rflags == ((kept & ~TF) | arithmetic));
	}
	begin();
	vmcb.rip = 0xfffffffe;
	svm_retire(&v, 3, 0);
	CHECK(vmcb.rip == 1);
	vmcb.rip = 0xfffffffe;
	vmcb.efer = BIT64(10);
	vmcb.cs.attributes = 1 << 9;
	svm_retire(&v, 3, 0);
	CHECK(vmcb.rip == 0x100000001);
}

/* "EXITINTINFO". */
static void interrupted_events_come_again(void)
{
	static const struct {
		uint32_t event;
		bool again;
	} events[] = {
		{ 3 << 8 | 14 | 1 << 11, true }, { 2 << 8 | 2, true },   { 3 << 8 | 3, false },
		{ 3 << 8 | 4, false },           { 4 << 8 | 80, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		begin();
		vmcb.exit_int_info = BIT64(31) | events[i].event | 7ull << 32;
		svm_event_was_interrupted(&v);
		CHECK(vmcb.event_injection == (events[i].again ? vmcb.exit_int_info : 0));
	}
	/* An interrupt that was taken goes back; QEMU calls it an exception, and did not take it. */
	begin();
	enable_apic();
	vlapic_post(&v.lapic, 0x61);
	CHECK(!svm_show_events(&v) && (vmcb.vintr & BIT32(8)) && vmcb.vintr_vector == 0x61);
	vmcb.exit_int_info = BIT64(31) | 3 << 8 | 0x61;
	svm_note_interrupts(&v, &vmcb);
	svm_event_was_interrupted(&v);
	CHECK(vlapic_pending(&v.lapic) == 0x61 && vmcb.event_injection == 0);
	vmcb.vintr &= ~BIT32(8);
	vmcb.exit_int_info = BIT64(31) | 0x61;
	svm_note_interrupts(&v, &vmcb);
	CHECK(vlapic_pending(&v.lapic) == -1);
	svm_event_was_interrupted(&v);
	CHECK(vlapic_pending(&v.lapic) == 0x61 && vmcb.event_injection == 0);
}

/* A write to CR8 may let it through at once. */
static void an_interrupt_below_tpr_waits_for_cr8(void)
{
	for (uint32_t cr8 = 0; cr8 < 16; cr8++) {
		begin();
		enable_apic();
		vlapic_set_cr8(&v.lapic, cr8);
		CHECK(!svm_show_events(&v));
		CHECK((vmcb.vintr & 0xf) == cr8 && vmcb.intercept_cr == 0);
		vlapic_post(&v.lapic, 0x61);
		CHECK(!svm_show_events(&v));
		CHECK(vmcb.intercept_cr == BIT32(16 + 8));
		CHECK(!!(vmcb.vintr & BIT32(8)) == (cr8 < 6));
	}
}

/* With CR0.NE clear a PC would report it by IRQ 13, which nobody here connects. */
static void an_fpu_error_is_an_exception_whatever_cr0_says(void)
{
	begin();
	CHECK(svm_event_exit(&v, 0x7e));
	CHECK(vmcb.event_injection == (BIT64(31) | 3u << 8 | 16));
}

int main(void)
{
	srand(11);
	RUN(every_event_arrives_once_where_it_may);
	RUN(so_it_does_on_a_cpu_that_forgets_the_shadow);
	RUN(an_interrupt_below_tpr_waits_for_cr8);
	RUN(a_guest_that_steps_itself_steps_over_what_is_emulated);
	RUN(a_step_is_invisible);
	RUN(faults_have_error_codes_in_protected_mode_only);
	RUN(an_emulated_instruction_changes_arithmetic_flags_only);
	RUN(interrupted_events_come_again);
	RUN(an_fpu_error_is_an_exception_whatever_cr0_says);
	return test_failed;
}
