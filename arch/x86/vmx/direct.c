/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/vmx/direct.h"
#include <string.h>
#include "arch/mem.h"
#include "arch/mp.h"
#include "arch/x86/apic.h"
#include "arch/x86/apic_lent.h"
#include "arch/x86/cpu.h"
#include "arch/x86/init.h"
#include "arch/x86/vmx/apicv.h"

/* "Local Vector Table". */
#define LVT_VECTOR     UINT32_C(0xff)
#define LVT_MASKED     BIT32(16)
#define LVT_TIMER_MODE (UINT32_C(3) << 17)
#define LVT_DEADLINE   (UINT32_C(2) << 17)
#define LVT_NO_TIMER   (LVT_MASKED | LVT_DEADLINE)
#define NOT_SHOWN      UINT32_MAX

#define EXCEPTIONS     UINT64_C(0xffffffff) /* vectors that the host must not get */

#define MSR_OF(offset) (MSR_X2APIC_FIRST + (offset) / 16)

enum err direct_create(struct vcpu *v, const struct vcpu_setup *setup)
{
	struct vmx *x = v->backend;

	if (setup->apic != VCPU_APIC_DIRECT || !setup->is_dedicated || !vmx_controls.can_lend ||
	    !apic_can_be_lent())
		return OK;
	x->direct.bitmap = arch_mem_take_pages(1);
	if (!x->direct.bitmap)
		return ERR_NOMEM;
	v->is_direct = true;
	v->tsc_offset = 0;
	percpu_of(setup->core)->is_kicked_by_nmi = true;
	return OK;
}

/* ---- Registers ---- */

static uint32_t reg(const struct vcpu *v, uint32_t offset)
{
	return v->lapic.registers[offset / 4];
}

static uint32_t *word(struct vcpu *v, uint32_t set, uint32_t i)
{
	return &v->lapic.registers[(set + i * 16) / 4];
}

/* An illegal vector is v->lapic's business: the CPU would tell its own ESR. */
static bool is_legal(uint32_t lvt)
{
	return (lvt & LVT_MASKED) || (lvt & LVT_VECTOR) >= IRQ_FIRST_VECTOR;
}

static bool may_have_deadline(const struct vcpu *v)
{
	const uint32_t lvt = v->lapic.lvt_timer;

	return (lvt & LVT_TIMER_MODE) == LVT_DEADLINE && v->tsc_offset == 0 && is_legal(lvt);
}

static void give_deadline(struct vcpu *v, struct vmx_direct *d, enum vmx_msr_answer answer)
{
	vmx_msr_bitmap_choose(d->bitmap, MSR_TSC_DEADLINE, VMX_MSR_READS, answer);
	vmx_msr_bitmap_choose(d->bitmap, MSR_TSC_DEADLINE, VMX_MSR_WRITES, answer);
	d->passes_deadline = answer == VMX_MSR_IS_FREE;
}

/* From the CPU's timer to v->lapic's; a change of mode has disarmed it. */
static void deadline_to_software(struct vcpu *v, struct vmx_direct *d)
{
	const uint64_t deadline = apic_lent_disarm();

	give_deadline(v, d, VMX_MSR_EXITS);
	if (deadline != 0)
		vlapic_write_tsc_deadline(&v->lapic, deadline, v->tsc_offset, cpu_rdtsc());
}

static void deadline_to_cpu(struct vcpu *v, struct vmx_direct *d)
{
	const uint64_t now_tsc = cpu_rdtsc();
	const uint64_t deadline = vlapic_read_tsc_deadline(&v->lapic, now_tsc);

	give_deadline(v, d, VMX_MSR_IS_FREE);
	if (deadline == 0)
		return;
	vlapic_write_tsc_deadline(&v->lapic, 0, 0, now_tsc);
	apic_lent_arm(deadline);
}

static void show_timer(struct vcpu *v, struct vmx_direct *d)
{
	const bool may = may_have_deadline(v);
	const uint32_t lvt = may ? v->lapic.lvt_timer : LVT_NO_TIMER;

	if (d->passes_deadline && !may)
		deadline_to_software(v, d);
	if (lvt != d->timer)
		apic_lent_set_timer(lvt);
	d->timer = lvt;
	if (may && !d->passes_deadline)
		deadline_to_cpu(v, d);
}

/* SVR first: software-disabled, an APIC keeps its LVT masked. */
void direct_written(struct vcpu *v)
{
	struct vmx_direct *d = &((struct vmx *)v->backend)->direct;
	const uint32_t svr = reg(v, APIC_SVR);
	const uint32_t lvt = reg(v, APIC_LVT_ERROR);
	const uint32_t error = is_legal(lvt) ? lvt : LVT_MASKED;

	if (svr != d->svr)
		apic_lent_set_svr(svr);
	d->svr = svr;
	if (error != d->error)
		apic_lent_set_error(error);
	d->error = error;
	show_timer(v, d);
}

static void free_eoi(struct vmx_direct *d)
{
	uint32_t waiting = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(d->level); i++)
		waiting |= d->level[i];
	vmx_msr_bitmap_choose(d->bitmap, MSR_OF(APIC_EOI), VMX_MSR_WRITES,
			      waiting ? VMX_MSR_EXITS : VMX_MSR_IS_FREE);
}

/* It is in service in v->lapic for as long as that takes to end it, as what it came as. */
static void end_of_interrupt(struct vcpu *v, struct vmx_direct *d)
{
	const int vector = apic_lent_end_of_interrupt();
	const uint32_t i = (uint32_t)vector / 32, bit = BIT32((uint32_t)vector % 32);

	if (vector < 0)
		return;
	if (!(d->level[i] & bit))
		*word(v, APIC_TMR, i) &= ~bit;
	d->level[i] &= ~bit;
	vlapic_note_in_service(&v->lapic, (uint8_t)vector);
	free_eoi(d);
}

/* Only 0 may be written to either of them: everything else is #GP, and does nothing. */
void direct_before_write(struct vcpu *v, uint32_t msr, uint64_t value)
{
	if (value != 0)
		return;
	if (msr == MSR_OF(APIC_EOI))
		end_of_interrupt(v, &((struct vmx *)v->backend)->direct);
	else if (msr == MSR_OF(APIC_ESR))
		v->lapic.esr_collected |= apic_lent_take_errors();
}

/* ---- Posting ---- */

static void move_word(struct vcpu *v, struct vmx_direct *d, uint32_t i)
{
	uint32_t *const irr = word(v, APIC_IRR, i);

	d->level[i] |= *irr & *word(v, APIC_TMR, i);
	for (uint32_t left = *irr; left; left &= left - 1)
		apic_lent_post((uint8_t)(i * 32 + (uint32_t)__builtin_ctz(left)));
	*irr = 0;
}

void direct_prepare(struct vcpu *v)
{
	static const uint64_t no_level[4];
	struct vmx_direct *d = &((struct vmx *)v->backend)->direct;
	struct vlapic *l = &v->lapic;
	uint64_t vectors[4];

	if (pi_take(v->mailbox.vectors, vectors))
		vlapic_merge(l, vectors, no_level);
	if (!l->changed)
		return;
	for (uint32_t i = 0; i < ARRAY_SIZE(d->level); i++)
		if (*word(v, APIC_IRR, i))
			move_word(v, d, i);
	free_eoi(d);
	l->irr_words = l->isr_words = 0;
	l->deliverable = -1;
	l->changed = false;
}

static bool send_posted(struct vcpu *v, const struct vmx *x)
{
	uint64_t vectors[4], exceptions;

	if (!pi_take(v->mailbox.vectors, vectors))
		return true;
	exceptions = vectors[0] & EXCEPTIONS;
	vectors[0] &= ~EXCEPTIONS;
	apic_send_vectors(x->host_apic_id, vectors);
	if (!exceptions)
		return true;
	__atomic_fetch_or(&v->mailbox.vectors->pir[0], exceptions, __ATOMIC_SEQ_CST);
	__atomic_fetch_or(&v->mailbox.vectors->control, PI_ON, __ATOMIC_SEQ_CST);
	return false;
}

bool direct_notify(struct vcpu *v)
{
	struct vmx *x = v->backend;
	bool is_shown = false;

	__atomic_fetch_add(&x->direct.sender_count, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&v->is_lent, __ATOMIC_SEQ_CST))
		is_shown =
			send_posted(v, x) && !__atomic_load_n(&v->mailbox.events, __ATOMIC_SEQ_CST);
	__atomic_fetch_sub(&x->direct.sender_count, 1, __ATOMIC_SEQ_CST);
	return is_shown;
}

/* ---- Kicks ---- */

void direct_force_exit(struct vcpu *v)
{
	struct vmx *x = v->backend;

	percpu()->must_exit = true;
	vmx_events_changed(v);
	x->pin |= PIN_ACTIVATE_PREEMPTION_TIMER;
	vmcs_write(VMCS_PIN_CONTROLS, x->pin);
	vmcs_write(VMCS_PREEMPTION_TIMER, 0);
}

/* From here on NMIs take it for lent, or not: what came before is not lost. */
static void set_lent(struct vcpu *v)
{
	__atomic_store_n(&percpu()->lent, v, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* ---- Begin and end ---- */

static void write_controls(const struct vmx *x)
{
	vmcs_write(VMCS_PIN_CONTROLS, x->pin);
	vmcs_write(VMCS_PROC_CONTROLS, x->proc);
}

static void show_first(struct vcpu *v, struct vmx_direct *d)
{
	d->passes_deadline = false;
	d->svr = d->timer = d->error = NOT_SHOWN;
	memset(d->level, 0, sizeof(d->level));
	vmx_msr_bitmap_build(d->bitmap, VMX_MSRS_LENT);
	vmcs_write(VMCS_MSR_BITMAP, arch_mem_hpa(d->bitmap).v);
	apic_lent_set_tpr(reg(v, APIC_TPR));
	direct_written(v);
}

/* The host's interrupts that apic_lend() takes may be kicks: so the first entry is one, too. */
static void begin(struct vcpu *v)
{
	struct vmx *x = v->backend;

	set_lent(v);
	apic_lend();
	x->pin &= ~vmx_controls.lent_pin_off;
	x->proc &= ~vmx_controls.lent_proc_off;
	write_controls(x);
	v->lapic.is_virtualized = true;
	show_first(v, &x->direct);
	(void)__atomic_exchange_n(&v->is_lent, true, __ATOMIC_SEQ_CST);
	v->lapic.changed = true;
	percpu()->must_exit = true;
	vmx_events_changed(v);
}

static void keep(struct vcpu *v, const struct apic_contents *left, uint64_t deadline)
{
	struct vlapic *l = &v->lapic;

	for (uint32_t i = 0; i < 8; i++) {
		*word(v, APIC_IRR, i) |= left->irr[i];
		*word(v, APIC_ISR, i) |= left->isr[i];
	}
	l->registers[APIC_TPR / 4] = left->tpr;
	vlapic_refresh(l);
	if (deadline != 0)
		vlapic_write_tsc_deadline(l, deadline, v->tsc_offset, cpu_rdtsc());
}

void direct_end(struct vcpu *v)
{
	struct vmx *x = v->backend;
	struct apic_contents left;
	uint64_t deadline = 0;

	if (!v->is_lent)
		return;
	(void)__atomic_exchange_n(&v->is_lent, false, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&x->direct.sender_count, __ATOMIC_SEQ_CST) != 0)
		arch_mp_relax(); /* they wait for nobody */
	if (x->direct.passes_deadline)
		deadline = apic_lent_disarm();
	apic_take_back(&left);
	x->pin |= vmx_controls.lent_pin_off;
	x->proc |= vmx_controls.lent_proc_off;
	write_controls(x);
	apicv_write_mode(v);
	v->lapic.is_virtualized = false;
	if (v->lapic.mode == VLAPIC_X2APIC) /* otherwise it was reset meanwhile */
		keep(v, &left, deadline);
	vmx_events_changed(v);
	set_lent(NULL);
	if (direct_is_kicked())
		apic_send_fixed(percpu()->apic_id, VECTOR_KICK);
}

void direct_mode_changed(struct vcpu *v)
{
	if (!v->is_direct)
		return;
	direct_end(v);
	if (v->lapic.mode == VLAPIC_X2APIC && vlapic_highest_isr(&v->lapic) < 0)
		begin(v);
}
