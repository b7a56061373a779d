/* SPDX-License-Identifier: Apache-2.0 */
/* arch/x86/svm/run.c - into the guest, out of it, and what it finds there: see svm.h. */
#include "arch/mp.h"
#include "arch/x86/apic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/percpu.h"
#include "arch/x86/svm/decode.h"
#include "arch/x86/svm/svm.h"
#include "core/lib/assert.h"

#ifndef GUESTS_KEEP_R12_TO_R15
#error "the image must be compiled with -ffixed-r12 to -ffixed-r15: see run()"
#endif

#define GPR_AT(n) ((n)*8)

_Static_assert(offsetof(struct vcpu, gpr) == 0, "the stub finds registers at the start");
_Static_assert(sizeof(((struct vcpu *)0)->gpr[0]) == GPR_AT(1), "the stub has the offsets");

/*
 * All registers are the guest's at VMRUN but RAX and RSP, which the VMCB holds; it leaves all
 * of them behind. R12 to R15 are so all the time (Makefile: no code of ours uses them) until
 * another vCPU is loaded. The stack keeps what C needs afterwards. GIF is 0 and IF is 1 on
 * return.
 */
struct after_run {
	struct vcpu *v;
	struct exit_info *out;
};

static inline struct after_run run(struct vcpu *v, struct exit_info *out)
{
	uint64_t guest = v->control_hpa.v;

	__asm__ volatile(
		"push %[out]\n\t"
		"push %%rdi\n\t"
		"clgi\n\t"
		"sti\n\t"
		"vmload %%rax\n\t"
		"mov %c[rcx](%%rdi), %%rcx\n\t"
		"mov %c[rdx](%%rdi), %%rdx\n\t"
		"mov %c[rbx](%%rdi), %%rbx\n\t"
		"mov %c[rbp](%%rdi), %%rbp\n\t"
		"mov %c[rsi](%%rdi), %%rsi\n\t"
		"mov %c[r8](%%rdi), %%r8\n\t"
		"mov %c[r9](%%rdi), %%r9\n\t"
		"mov %c[r10](%%rdi), %%r10\n\t"
		"mov %c[r11](%%rdi), %%r11\n\t"
		"mov %c[rdi](%%rdi), %%rdi\n\t"
		"vmrun %%rax\n\t"
		"vmsave %%rax\n\t" /* RAX is as before VMRUN */
		"pop %%rax\n\t"
		"mov %%rdi, %c[rdi](%%rax)\n\t"
		"mov %%rax, %%rdi\n\t"
		"mov %c[host](%%rdi), %%rax\n\t"
		"vmload %%rax\n\t"
		"mov %%rcx, %c[rcx](%%rdi)\n\t"
		"mov %%rdx, %c[rdx](%%rdi)\n\t"
		"mov %%rbx, %c[rbx](%%rdi)\n\t"
		"mov %%rbp, %c[rbp](%%rdi)\n\t"
		"mov %%rsi, %c[rsi](%%rdi)\n\t"
		"mov %%r8, %c[r8](%%rdi)\n\t"
		"mov %%r9, %c[r9](%%rdi)\n\t"
		"mov %%r10, %c[r10](%%rdi)\n\t"
		"mov %%r11, %c[r11](%%rdi)\n\t"
		"pop %[out]"
		: "+a"(guest), "+D"(v), [out] "+c"(out)
		: [host] "i"(offsetof(struct vcpu, host_hpa)), [rcx] "i"(GPR_AT(GPR_RCX)),
		  [rdx] "i"(GPR_AT(GPR_RDX)), [rbx] "i"(GPR_AT(GPR_RBX)),
		  [rbp] "i"(GPR_AT(GPR_RBP)), [rsi] "i"(GPR_AT(GPR_RSI)),
		  [rdi] "i"(GPR_AT(GPR_RDI)), [r8] "i"(GPR_AT(GPR_R8)), [r9] "i"(GPR_AT(GPR_R9)),
		  [r10] "i"(GPR_AT(GPR_R10)), [r11] "i"(GPR_AT(GPR_R11))
		: "rbx", "rdx", "rsi", "rbp", "r8", "r9", "r10", "r11", "cc", "memory");
	return (struct after_run){ v, out };
}

/* ---- Exits that concern the host ---- */

/* GIF = 0, IF = 1 before; GIF = 1, IF = 0 after. */
static inline void take_interrupts(void)
{
	__asm__ volatile("stgi\n\tnop\n\tcli" ::: "memory", "cc");
}

static inline void take_none(void)
{
	__asm__ volatile("cli\n\tstgi" ::: "memory", "cc");
}

/*
 * A kick says that the core is wanted, whatever else has arrived with it. A timer that went off
 * for an earlier deadline, while the guest asked for another one, concerns the guest alone: the
 * core has nothing to look at, and the guest pays for it.
 */
static enum exit_kind interrupt_kind(uint64_t deadline_tsc, uint64_t exit_tsc)
{
	struct percpu *const p = percpu();

	if (p->is_kicked) {
		p->is_kicked = false;
		return EXIT_IRQ;
	}
	return exit_tsc >= deadline_tsc ? EXIT_DEADLINE : EXIT_CONTROL;
}

/* ---- The path of every exit ---- */

static inline bool is_armed_for(uint64_t deadline_tsc)
{
	bool is_equal;

	__asm__ volatile("cmp %%gs:%c2, %1"
			 : "=@cce"(is_equal)
			 : "r"(deadline_tsc), "i"(offsetof(struct percpu, timer_tsc))
			 : "memory");
	return is_equal;
}

static __attribute__((noinline)) void show_changes(struct vcpu *v)
{
	if (svm_show_events(v))
		arch_mp_kick(percpu()->core); /* ends the entry at once, its event delivered */
}

static bool prepare(struct vcpu *v, uint64_t deadline_tsc, struct exit_info *out)
{
	const uint64_t now = cpu_rdtsc();

	if (now >= deadline_tsc) {
		/* A timer that expires now must not find in IRR what the guest has taken. */
		svm_note_interrupts(v, v->control);
		out->kind = EXIT_DEADLINE;
		out->entry_tsc = out->exit_tsc = now;
		return false;
	}
	if (deadline_tsc == TSC_NEVER)
		apic_timer_disarm();
	else
		apic_timer_arm(deadline_tsc);
	if (v->lapic.changed)
		show_changes(v);
	return true;
}

static inline bool has_news(const struct vcpu *v, const struct vmcb *vmcb)
{
	const struct svm_vcpu *const s = v->backend;

	return s->vintr != vmcb->vintr || (vmcb->exit_int_info & EVENT_VALID);
}

static void take_news(struct vcpu *v, const struct vmcb *vmcb)
{
	svm_note_interrupts(v, vmcb);
	if (vmcb->exit_int_info & EVENT_VALID)
		svm_event_was_interrupted(v);
}

/*
 * The timer is armed for the deadline until its interrupt is taken.
 * VMRUN in QEMU forgets an interrupt shadow, so that svm_show_events() must see to it.
 */
static __attribute__((noinline)) void finish_interrupt(struct vcpu *v, const struct vmcb *vmcb,
						       struct exit_info *out)
{
	const uint64_t deadline_tsc = percpu()->timer_tsc;

	take_interrupts();
	if (has_news(v, vmcb))
		take_news(v, vmcb);
	v->lapic.changed |= (vmcb->interrupt_shadow & INTERRUPT_SHADOW) != 0;
	out->kind = interrupt_kind(deadline_tsc, out->exit_tsc);
}

/* Exits that the guest's instructions do not cause, and those that events asked for. */
static __attribute__((noinline)) void finish_other(struct vcpu *v, const struct vmcb *vmcb,
						   struct exit_info *out)
{
	const uint32_t code = (uint32_t)vmcb->exit_code;

	switch (code) {
	case VMEXIT_NMI: /* taken at STGI, when GIF was set */
	case VMEXIT_SMI:
	case VMEXIT_INIT:
		out->kind = EXIT_IRQ;
		return;
	case VMEXIT_EXCEPTION + VECTOR_MC:
		__asm__ volatile("int %0" ::"i"(VECTOR_MC)); /* the machine's, not the guest's */
		svm_decode(v, vmcb, out);
		return;
	default:
		out->kind = EXIT_CONTROL;
		if (!svm_event_exit(v, code) && !svm_control_exit(v, code))
			svm_decode(v, vmcb, out);
	}
}

static inline __attribute__((always_inline)) void decode(struct vcpu *v, const struct vmcb *vmcb,
							 struct exit_info *out)
{
	if (!svm_decode_frequent(v, vmcb, out))
		finish_other(v, vmcb, out);
}

static __attribute__((noinline)) void finish_with_news(struct vcpu *v, const struct vmcb *vmcb,
						       struct exit_info *out)
{
	take_news(v, vmcb);
	decode(v, vmcb, out);
}

/*
 * Every exit but CPUID and VMMCALL, whose emulation looks at no interrupt: what they leave
 * undone here, prepare() does. Jumps only, so that nothing need be kept over calls.
 */
static __attribute__((noinline)) void finish(struct vcpu *v, struct exit_info *out)
{
	const struct vmcb *const vmcb = v->control;

	if ((uint32_t)vmcb->exit_code == VMEXIT_INTR) {
		finish_interrupt(v, vmcb, out);
		return;
	}
	take_none();
	if (__builtin_expect(has_news(v, vmcb), 0))
		finish_with_news(v, vmcb, out);
	else
		decode(v, vmcb, out);
}

/* The TSC in its two halves as RDTSC gives them: nobody reads it before the guest has run. */
static inline void store_tsc(uint64_t *to)
{
	uint32_t *const halves = (uint32_t *)to;

	__asm__ volatile("rdtsc" : "=a"(halves[0]), "=d"(halves[1])::"memory");
}

/*
 * Written so that the compiler keeps nothing across run() and needs no stack frame.
 * A deadline that has passed while its timer was armed is not looked for: the timer is then
 * pending, and VMRUN ends at once.
 */
static inline __attribute__((always_inline)) void enter(struct vcpu *v, struct exit_info *out)
{
	struct vmcb *vmcb = v->control;
	struct after_run now;
	uint32_t code;

	vmcb->rax = v->gpr[GPR_RAX];
	store_tsc(&out->entry_tsc);
	now = run(v, out);
	now.out->exit_tsc = cpu_rdtsc();
	vmcb = now.v->control;
	now.v->gpr[GPR_RAX] = vmcb->rax;
	code = (uint32_t)vmcb->exit_code;
	if (code == VMEXIT_CPUID) {
		take_none();
		now.out->kind = EXIT_CPUID;
		now.v->skip_bytes = SVM_CPUID_BYTES;
	} else if (code == VMEXIT_VMMCALL) {
		take_none();
		svm_decode_hypercall(now.v, vmcb, now.out);
	} else {
		finish(now.v, now.out);
	}
}

static __attribute__((noinline)) void prepare_and_enter(struct vcpu *v, uint64_t deadline_tsc,
							struct exit_info *out)
{
	if (prepare(v, deadline_tsc, out))
		enter(v, out);
}

static __attribute__((noinline)) void show_and_enter(struct vcpu *v, struct exit_info *out)
{
	show_changes(v);
	enter(v, out);
}

void svm_enter(struct vcpu *v, uint64_t deadline_tsc, struct exit_info *out)
{
	if (__builtin_expect(!is_armed_for(deadline_tsc), 0))
		prepare_and_enter(v, deadline_tsc, out);
	else if (v->lapic.changed)
		show_and_enter(v, out);
	else
		enter(v, out);
}
