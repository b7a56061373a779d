/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/vcpu.h over a back-end: which one, the vCPUs' memory, and what only changes hands when
 * another vCPU is loaded. fpu.c has the vector state.
 */
#include <string.h>
#include "arch/clock.h"
#include "arch/mem.h"
#include "arch/x86/apic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/fpu.h"
#include "arch/x86/msr.h"
#include "arch/x86/msr_host.h"
#include "arch/x86/nested.h"
#include "arch/x86/percpu.h"
#include "arch/x86/post.h"
#include "arch/x86/vtd/irq.h"
#include "core/lib/assert.h"

#define CPUID_FEATURES            1u
#define CPUID_FEATURES_ECX_VMX    BIT32(5)
#define CPUID_MORE                7u
#define CPUID_MORE_EDX_IBPB       BIT32(26) /* "IBRS and IBPB" */
#define CPUID_MORE_EDX_ARCH       BIT32(29) /* IA32_ARCH_CAPABILITIES */
#define CPUID_EXTENDED            0x80000000u
#define CPUID_EXTENDED_1          0x80000001u
#define CPUID_EXTENDED_1_ECX_SVM  BIT32(2)
#define CPUID_EXTENDED_8          0x80000008u
#define CPUID_EXTENDED_8_EBX_IBPB BIT32(12)
#define CPUID_EXTENDED_21         0x80000021u
#define CPUID_21_EAX_AUTO_IBRS    BIT32(8)

#define PRED_CMD_IBPB             BIT64(0)
#define ARCH_CAPABILITIES_IBRS    BIT64(1) /* "IBRS_ALL": enhanced IBRS */
#define SPEC_CTRL_IBRS            BIT64(0)
#define MSR_ARCH_CAPABILITIES     0x10au
#define EFER_AIBRSE               BIT64(21)

/* A copy of the chosen table, so that a call is one instruction. [I] after probe */
static struct backend backend;
static bool has_ibpb; /* [I] */
struct vcpu *vcpus[MAX_VCPUS];

/* --- boot --------------------------------------------------------------------------------- */

static const struct backend *choose(void)
{
	uint32_t extended_max = cpu_cpuid(CPUID_EXTENDED, 0).eax;

	if (cpu_cpuid(CPUID_FEATURES, 0).ecx & CPUID_FEATURES_ECX_VMX)
		return &vmx_backend;
	if (extended_max >= CPUID_EXTENDED_1 &&
	    (cpu_cpuid(CPUID_EXTENDED_1, 0).ecx & CPUID_EXTENDED_1_ECX_SVM))
		return &svm_backend;
	return NULL;
}

static bool find_ibpb(void)
{
	if (cpu_cpuid(0, 0).eax >= CPUID_MORE &&
	    (cpu_cpuid(CPUID_MORE, 0).edx & CPUID_MORE_EDX_IBPB))
		return true;
	return cpu_cpuid(CPUID_EXTENDED, 0).eax >= CPUID_EXTENDED_8 &&
	       (cpu_cpuid(CPUID_EXTENDED_8, 0).ebx & CPUID_EXTENDED_8_EBX_IBPB);
}

enum err arch_vcpu_probe(const char **missing)
{
	const struct backend *chosen = choose();
	uint64_t xcr0 = cpuid_xcr0_offered(cpu_cpuid);

	*missing = "the CPU has neither VT-x (Intel) nor SVM (AMD)";
	if (!chosen)
		return ERR_UNSUPPORTED;
	backend = *chosen;
	has_ibpb = find_ibpb();
	fpu_init(xcr0);
	cpuid_init(cpu_cpuid, xcr0, arch_clock_tsc_hz());
	return backend.probe(missing);
}

const char *arch_vcpu_backend(void)
{
	return backend.name;
}

/*
 * Branches that a guest has trained must not steer ours: each exit ends in indirect calls.
 * Enhanced and automatic IBRS are set once and cost nothing at exits. SDM Vol. 4,
 * "IA32_ARCH_CAPABILITIES"; APM Vol. 2, "Automatic IBRS". Older processors have neither.
 */
static void keep_guests_branches_out(void)
{
	if (cpu_cpuid(0, 0).eax >= CPUID_MORE &&
	    (cpu_cpuid(CPUID_MORE, 0).edx & CPUID_MORE_EDX_ARCH) &&
	    (cpu_rdmsr(MSR_ARCH_CAPABILITIES) & ARCH_CAPABILITIES_IBRS))
		cpu_wrmsr(MSR_SPEC_CTRL, SPEC_CTRL_IBRS);
	if (cpu_cpuid(CPUID_EXTENDED, 0).eax >= CPUID_EXTENDED_21 &&
	    (cpu_cpuid(CPUID_EXTENDED_21, 0).eax & CPUID_21_EAX_AUTO_IBRS))
		cpu_wrmsr(MSR_EFER, cpu_rdmsr(MSR_EFER) | EFER_AIBRSE);
}

enum err arch_vcpu_core_enable(const char **missing)
{
	/* Off from the first guest's DR0 to DR3 on: see load_debug_registers(). */
	cpu_write_dr7(DR7_FIXED1);
	keep_guests_branches_out();
	msr_host_serialize_lfence();
	fpu_core_enable();
	return backend.core_enable(missing);
}

const struct backend *vcpu_backend(void)
{
	return &backend;
}

const char *arch_vcpu_apic_name(void)
{
	return backend.apic_name();
}

const char *arch_vcpu_apic_of(vcpu_id_t id)
{
	const struct vcpu *v = vcpus[id];

	if (v->is_direct)
		return "direct";
	return v->has_apicv ? backend.apic_name() : "software";
}

/* As after power-on, at `entry`; frames and what create() chose stay. */
static void start_over(struct vcpu *v, const struct vcpu_entry *entry, uint64_t epoch_tsc)
{
	v->tsc_offset = v->is_direct ? 0 : 0 - epoch_tsc;
	v->dr6 = DR6_FIXED1;
	v->dr[0] = v->dr[1] = v->dr[2] = v->dr[3] = 0;
	v->cr2 = 0;
	v->xcr0 = XCR0_X87;
	memset(v->xsave, 0, fpu_area_bytes());
	fpu_area_init(v->xsave);
	v->star = v->lstar = v->cstar = v->fmask = v->kernel_gs_base = v->tsc_aux = 0;
	v->tsc_adjust = v->steal_msr = v->spec_ctrl = 0;
	msr_reset(v);
	vlapic_init(&v->lapic, v->lapic.registers, v->lapic.apic_id, v->apic_mode_at_entry);
	v->lapic.is_virtualized = v->has_apicv;
	v->nmi_pending = v->extint_pending = v->was_in_hlt = false;
	pi_clear(v->mailbox.vectors);
	memset(v->mailbox.level, 0, sizeof(v->mailbox.level));
	v->mailbox.events = 0;
	v->activity = entry->mode == VCPU_WAITS ? VCPU_WAITS_FOR_SIPI : VCPU_ACTIVE;
	v->entry = *entry;
	v->entry_pending = v->activity == VCPU_ACTIVE;
}

static struct vcpu *take_frames(void)
{
	uint64_t fpu_at = align_up(sizeof(struct vcpu), FPU_AREA_ALIGN);
	uint64_t bytes = fpu_at + fpu_area_bytes();
	struct vcpu *v = arch_mem_take_pages(align_up(bytes, PAGE_BYTES) / PAGE_BYTES);

	if (!v)
		return NULL;
	v->xsave = (uint8_t *)v + fpu_at;
	v->lapic.registers = arch_mem_take_pages(1);
	v->mailbox.vectors = arch_mem_take_pages(1);
	return v->lapic.registers && v->mailbox.vectors ? v : NULL;
}

enum err arch_vcpu_create(vcpu_id_t id, const struct vcpu_setup *setup)
{
	hpa_t root = nested_root(setup->part);
	struct vcpu *v;

	if (id >= MAX_VCPUS || vcpus[id] || root.v == 0)
		return ERR_INVAL;
	v = take_frames();
	if (!v)
		return ERR_NOMEM;
	v->id = id;
	v->part = setup->part;
	v->core = setup->core;
	v->ram = setup->ram;
	v->first = setup->first;
	v->vcpu_count = setup->vcpu_count;
	v->is_dedicated = setup->is_dedicated;
	v->has_pc = setup->has_pc;
	v->lapic.apic_id = setup->apic_id;
	v->apic_mode_at_entry = setup->has_x2apic_at_entry ? VLAPIC_X2APIC : VLAPIC_XAPIC;
	pi_init(v->mailbox.vectors, VECTOR_WAKEUP, apic_notice_destination(v->core));
	start_over(v, &setup->entry, setup->epoch_tsc);
	vcpus[id] = v;
	return backend.create(v, setup, root);
}

/* --- what changes hands ------------------------------------------------------------------- */

static void save_debug_registers(struct vcpu *v)
{
	v->dr[0] = cpu_read_dr0();
	v->dr[1] = cpu_read_dr1();
	v->dr[2] = cpu_read_dr2();
	v->dr[3] = cpu_read_dr3();
}

/* The host's DR7 is off at all times, so a guest's breakpoints never match in here. */
static void load_debug_registers(const struct vcpu *v)
{
	cpu_write_dr0(v->dr[0]);
	cpu_write_dr1(v->dr[1]);
	cpu_write_dr2(v->dr[2]);
	cpu_write_dr3(v->dr[3]);
}

static void begin_at_entry(struct vcpu *v)
{
	v->entry_pending = false;
	backend.reset(v);
	backend.apic_mode_changed(v);
	backend.events_changed(v);
}

static __attribute__((noinline)) void switch_to(struct vcpu *v)
{
	struct percpu *p = percpu();

	if (p->loaded) {
		backend.unload(p->loaded);
		save_debug_registers(p->loaded);
	}
	fpu_switch(p->loaded, v);
	/* Branch history of one partition must not steer another's speculation. */
	if (has_ibpb)
		cpu_wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
	load_debug_registers(v);
	backend.load(v);
	p->loaded = v;
	if (v->entry_pending)
		begin_at_entry(v);
}

static inline bool is_loaded(const struct vcpu *v)
{
	bool is;

	__asm__ volatile("cmp %1, %%gs:%c2"
			 : "=@cce"(is)
			 : "r"(v), "i"(offsetof(struct percpu, loaded)));
	return is;
}

void arch_vcpu_prepare(vcpu_id_t id)
{
	if (!is_loaded(vcpus[id]))
		switch_to(vcpus[id]);
}

void arch_vcpu_enter(vcpu_id_t id, uint64_t deadline_tsc, struct exit_info *out)
{
	struct vcpu *v = vcpus[id];

	if (__builtin_expect(!is_loaded(v), 0))
		switch_to(v);
	backend.enter(v, deadline_tsc, out);
}

/* --- serving an exit: the vCPU is the loaded one ------------------------------------------ */

void arch_vcpu_skip_insn(vcpu_id_t id)
{
	backend.skip_insn(vcpus[id]);
}

void arch_vcpu_inject(vcpu_id_t id, enum vcpu_fault fault)
{
	backend.inject(vcpus[id], fault);
}

void arch_vcpu_set_result(vcpu_id_t id, uint64_t rax)
{
	vcpus[id]->gpr[GPR_RAX] = rax;
}

void arch_vcpu_set_pio(vcpu_id_t id, uint8_t width, uint64_t value)
{
	vcpu_put_input(vcpus[id], width, (uint32_t)value);
}

void arch_vcpu_cpuid(vcpu_id_t id)
{
	cpuid_emulate(vcpus[id], &backend);
}

static enum err read_msr(struct vcpu *v, const struct exit_info *e)
{
	uint64_t value;
	enum err r = msr_read(v, &backend, (uint32_t)e->addr, cpu_rdtsc(), &value);

	vcpu_note_interrupts(v, &backend);
	if (r != OK)
		return r;
	v->gpr[GPR_RAX] = (uint32_t)value;
	v->gpr[GPR_RDX] = value >> 32;
	return OK;
}

/* LINT0 may have been opened or closed for the 8259, whose output is a level. */
static void look_at_extint(struct vcpu *v)
{
	v->extint_pending =
		(__atomic_load_n(&v->mailbox.events, __ATOMIC_SEQ_CST) & VCPU_POST_EXTINT) &&
		vlapic_passes_extint(&v->lapic);
}

/* What follows from a change to the APIC's registers by its own CPU. */
static vcpu_set_t after_apic(struct vcpu *v, const struct vlapic_effect *effect)
{
	if (__builtin_expect(v->is_lent, 0))
		backend.lent_apic_written(v);
	if (v->has_pc)
		look_at_extint(v);
	if (v->extint_pending)
		backend.events_changed(v);
	vcpu_note_interrupts(v, &backend);
	if (effect->has_message || effect->has_level_eoi)
		return post_effect(v, effect);
	return 0;
}

static enum err write_msr(struct vcpu *v, const struct exit_info *e, vcpu_set_t *posted)
{
	const uint8_t mode = v->lapic.mode;
	struct vlapic_effect effect;
	enum err r = msr_write(v, &backend, (uint32_t)e->addr, e->value, cpu_rdtsc(), &effect);

	if (r != OK)
		return r;
	if (__builtin_expect(v->lapic.mode != mode, 0))
		backend.apic_mode_changed(v);
	*posted = after_apic(v, &effect);
	return OK;
}

static enum err set_xcr(struct vcpu *v, const struct exit_info *e)
{
	enum err r = msr_xsetbv(v, (uint32_t)e->addr, e->value);

	if (r == OK)
		fpu_load_xcr0(v);
	return r;
}

enum err arch_vcpu_msr(vcpu_id_t id, const struct exit_info *e, vcpu_set_t *posted)
{
	struct vcpu *v = vcpus[id];

	*posted = 0;
	switch (e->kind) {
	case EXIT_MSR_READ:
		return read_msr(v, e);
	case EXIT_MSR_WRITE:
		return write_msr(v, e, posted);
	case EXIT_XSETBV:
		return set_xcr(v, e);
	default:
		return ERR_INVAL;
	}
}

void arch_vcpu_apic(vcpu_id_t id, const struct exit_info *e, vcpu_set_t *posted)
{
	struct vcpu *v = vcpus[id];
	struct vlapic_effect effect;

	if (e->write)
		vlapic_written(&v->lapic, (uint32_t)e->addr, cpu_rdtsc(), &effect);
	else
		vlapic_eoi_done(&v->lapic, (uint8_t)e->value, &effect);
	*posted = after_apic(v, &effect);
}

vcpu_set_t vcpu_write_apic(struct vcpu *v, uint32_t offset, uint32_t value)
{
	struct vlapic_effect effect;

	vlapic_write(&v->lapic, offset, value, cpu_rdtsc(), &effect);
	return after_apic(v, &effect);
}

uint64_t arch_vcpu_timer_tsc(vcpu_id_t id)
{
	return vlapic_timer_tsc(&vcpus[id]->lapic);
}

uint64_t arch_vcpu_timer_expire(vcpu_id_t id, uint64_t now_tsc)
{
	struct vcpu *v = vcpus[id];

	vlapic_timer_expire(&v->lapic, now_tsc);
	vcpu_note_interrupts(v, &backend);
	return vlapic_timer_tsc(&v->lapic);
}

/* --- what others have posted -------------------------------------------------------------- */

/* "MP Initialization Protocol Algorithm": a start-up IPI counts only after INIT. */
static bool take_startup(struct vcpu *v, uint32_t events)
{
	if (events & VCPU_POST_INIT) {
		if (v->is_lent)
			backend.take_apic_back(v);
		vlapic_receive_init(&v->lapic);
		v->activity = VCPU_WAITS_FOR_SIPI;
		v->nmi_pending = v->entry_pending = false;
	}
	if (!(events & VCPU_POST_SIPI) || v->activity != VCPU_WAITS_FOR_SIPI)
		return false;
	v->activity = VCPU_ACTIVE;
	v->entry = (struct vcpu_entry){ .mode = VCPU_REAL16,
					.sipi_vector = (uint8_t)__atomic_load_n(
						&v->mailbox.sipi_vector, __ATOMIC_SEQ_CST) };
	v->entry_pending = true;
	if (is_loaded(v))
		begin_at_entry(v);
	return true;
}

static void take_level(struct vcpu *v)
{
	uint64_t vectors[4];

	for (uint32_t i = 0; i < ARRAY_SIZE(vectors); i++)
		vectors[i] = __atomic_exchange_n(&v->mailbox.level[i], 0, __ATOMIC_SEQ_CST);
	vlapic_merge(&v->lapic, vectors, vectors);
	v->has_new_level = true;
}

bool arch_vcpu_sync(vcpu_id_t id)
{
	static const uint64_t no_level[4];
	uint64_t vectors[4];
	struct vcpu *v = vcpus[id];
	bool has_begun = false;
	const uint32_t events =
		__atomic_load_n(&v->mailbox.events, __ATOMIC_SEQ_CST) & ~VCPU_POST_EXTINT;

	backend.events_changed(v); /* AMD-V: IRR without what the guest has taken */
	if (events & (VCPU_POST_INIT | VCPU_POST_SIPI))
		has_begun = take_startup(v, events);
	if ((events & VCPU_POST_NMI) && v->activity == VCPU_ACTIVE)
		v->nmi_pending = true;
	/* What they did shows before they are gone: arch_vcpu_has_events(). */
	if (events)
		__atomic_fetch_and(&v->mailbox.events, ~events, __ATOMIC_SEQ_CST);
	if (events & VCPU_POST_LEVEL)
		take_level(v);
	if (events & VCPU_POST_ILLEGAL)
		vlapic_post(&v->lapic, 0);
	if (pi_take(v->mailbox.vectors, vectors))
		vlapic_merge(&v->lapic, vectors,
			     v->keeps_level_apart ? no_level : v->mailbox.level);
	look_at_extint(v);
	backend.events_changed(v);
	return has_begun;
}

bool arch_vcpu_notify(vcpu_id_t id)
{
	return backend.notify(vcpus[id]);
}

/*
 * Those that are ready are left alone: what was posted is taken when they are entered, and until
 * then ON keeps everybody from notifying again.
 */
static vcpu_set_t take_woken(struct percpu *p)
{
	vcpu_set_t woken = 0;

	if (!p->is_woken)
		return 0;
	p->is_woken = false;
	for (vcpu_set_t set = p->asleep; set; set &= set - 1) {
		const vcpu_id_t id = (vcpu_id_t)__builtin_ctzll(set);

		if (!pi_is_empty(vcpus[id]->mailbox.vectors))
			woken |= BIT64(id);
	}
	return woken;
}

vcpu_set_t arch_vcpu_interrupted(void)
{
	return take_woken(percpu()) | vtd_irq_taken();
}

void vcpu_look_before_entry(void)
{
	struct vcpu *v = percpu()->loaded;

	if (v)
		backend.events_changed(v);
}

/* Also for vCPUs that are not loaded: back-ends keep what this takes. */
bool arch_vcpu_wants_to_run(vcpu_id_t id)
{
	struct vcpu *v = vcpus[id];

	if (v->activity == VCPU_WAITS_FOR_SIPI)
		return false;
	if (v->entry_pending || v->nmi_pending || v->is_lent) /* lent: it sleeps by itself */
		return true;
	if (v->has_apicv)
		vlapic_refresh(&v->lapic);
	return (vlapic_pending(&v->lapic) >= 0 || v->extint_pending) &&
	       backend.interrupts_enabled(v);
}

bool arch_vcpu_halt(vcpu_id_t id)
{
	struct vcpu *v = vcpus[id];

	if (arch_vcpu_wants_to_run(id))
		return true;
	return v->has_apicv && backend.sleep(v) && arch_vcpu_wants_to_run(id);
}

bool arch_vcpu_waits_for_sipi(vcpu_id_t id)
{
	return vcpus[id]->activity == VCPU_WAITS_FOR_SIPI;
}

bool arch_vcpu_has_events(vcpu_id_t id)
{
	const struct vcpu *v = vcpus[id];

	return v->nmi_pending || (__atomic_load_n(&v->mailbox.events, __ATOMIC_SEQ_CST) &
				  (VCPU_POST_NMI | VCPU_POST_INIT | VCPU_POST_SIPI));
}

/* --- a core's APIC that its guest has ------------------------------------------------------ */

void vcpu_force_exit(void)
{
	backend.force_exit(percpu()->lent);
}

void vcpu_take_apic_back(void)
{
	backend.take_apic_back(percpu()->lent);
}

/* --- the rest ----------------------------------------------------------------------------- */

void arch_vcpu_restart(vcpu_id_t id, const struct vcpu_entry *entry, uint64_t epoch_tsc)
{
	struct vcpu *v = vcpus[id];

	/* What is loaded is saved over nothing: the memory copy is what starts. */
	if (is_loaded(v)) {
		backend.unload(v);
		percpu()->loaded = NULL;
	}
	start_over(v, entry, epoch_tsc);
}

/* Bit 0 enables; the area is aligned to 64 bytes: msr.c has checked. */
gpa_t arch_vcpu_steal_area(vcpu_id_t id)
{
	const uint64_t msr = vcpus[id]->steal_msr;

	return (gpa_t){ msr & 1 ? msr & ~UINT64_C(63) : 0 };
}

uint64_t arch_vcpu_rip(vcpu_id_t id)
{
	struct vcpu *v = vcpus[id];

	if (!is_loaded(v))
		switch_to(v);
	return backend.rip(v);
}
