/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/mem.h"
#include "arch/mp.h"
#include "arch/x86/apic.h"
#include "arch/x86/pc/map.h"
#include "arch/x86/percpu.h"
#include "arch/x86/vmx/apicv.h"

#define SENDER_LOOKS_MAX 256u /* while other cores are about to notify */
#define ROUNDS_MAX       4u   /* at what was posted, before an entry */

/* Page of a partition with a PC, mapped where its local APICs are; never read nor written. */
static hpa_t access_pages[MAX_PARTITIONS]; /* [I] after creation; 0: none */

static enum err map_access_page(part_id_t part)
{
	void *page;

	if (access_pages[part].v)
		return OK;
	page = arch_mem_take_pages(1);
	if (!page)
		return ERR_NOMEM;
	access_pages[part] = arch_mem_hpa(page);
	return arch_space_map(part, (gpa_t){ PC_LAPIC }, access_pages[part], PAGE_BYTES,
			      SPACE_READ | SPACE_WRITE);
}

enum err apicv_create(struct vcpu *v, const struct vcpu_setup *setup)
{
	struct vmx *x = v->backend;

	v->has_apicv = vmx_controls.has_apicv && !v->is_direct && setup->apic != VCPU_APIC_SOFTWARE;
	v->lapic.is_virtualized = v->has_apicv;
	v->keeps_level_apart = v->has_apicv || v->is_direct;
	if (!v->has_apicv)
		return OK;
	x->proc = vmx_controls.apicv_proc;
	x->proc2 = vmx_controls.apicv_proc2;
	/* Other vCPUs, or devices: they come with a PC. */
	x->can_post = setup->vcpu_count > 1 || setup->has_pc;
	if (x->can_post)
		x->pin |= PIN_PROCESS_POSTED_INTERRUPTS;
	return setup->has_pc ? map_access_page(v->part) : OK;
}

void apicv_init_vmcs(const struct vcpu *v)
{
	vmcs_set(VMCS_VIRTUAL_APIC, arch_mem_hpa(v->lapic.registers).v);
	vmcs_set(VMCS_APIC_ACCESS, access_pages[v->part].v);
	vmcs_set(VMCS_TPR_THRESHOLD, 0);
	vmcs_set(VMCS_POSTED_VECTOR, VECTOR_POSTED);
	vmcs_set(VMCS_POSTED_DESCRIPTOR, arch_mem_hpa(v->mailbox.vectors).v);
	vmcs_set(VMCS_GUEST_INTERRUPT_STATUS, 0);
	for (uint32_t i = 0; i < 4; i++)
		vmcs_set(VMCS_EOI_EXIT_0 + i * VMCS_EOI_EXIT_STEP, 0);
}

/*
 * In a partition without a PC nothing is mapped at the xAPIC's address: accesses there are
 * EXIT_MEMORY as anywhere else. Disabled, an APIC is left to hardware all the same: nothing
 * of it can be reached, and nothing is pending in it.
 */
void apicv_write_mode(struct vcpu *v)
{
	struct vmx *x = v->backend;
	bool is_x2apic = v->has_apicv && v->lapic.mode == VLAPIC_X2APIC;
	bool is_xapic = v->has_apicv && v->lapic.mode == VLAPIC_XAPIC && access_pages[v->part].v;

	vmcs_write(VMCS_PROC2_CONTROLS, x->proc2 | (is_xapic ? PROC2_VIRTUALIZE_APIC_ACCESSES : 0) |
						(is_x2apic ? PROC2_VIRTUALIZE_X2APIC_MODE : 0));
	vmcs_write(VMCS_MSR_BITMAP,
		   vmcs_msr_bitmap(is_x2apic ? VMX_MSRS_X2APIC : VMX_MSRS_PLAIN).v);
	/* What is cached for the APIC-access page depends on the controls. */
	vmx_forget_translations(v);
}

/* --- what changed between an exit and the next entry -------------------------------------- */

static uint64_t tmr_word(const struct vlapic *l, uint32_t i)
{
	const uint32_t *tmr = &l->registers[APIC_TMR / 4];
	const uint32_t step = 16 / 4; /* 32 bits every 16 bytes */

	return (uint64_t)tmr[(2 * i + 1) * step] << 32 | tmr[2 * i * step];
}

static void show_level(struct vcpu *v)
{
	for (uint32_t i = 0; i < 4; i++)
		vmcs_write(VMCS_EOI_EXIT_0 + i * VMCS_EOI_EXIT_STEP, tmr_word(&v->lapic, i));
	v->has_new_level = false;
}

/* Under APICv nobody but the CPU puts a vector into ISR: what it last said is the highest. */
static uint32_t in_service(const struct vlapic *l, uint32_t svi)
{
	int highest;

	if (svi == 0 || vlapic_is_in_service(l, (uint8_t)svi))
		return svi;
	highest = vlapic_highest_isr(l);
	return highest < 0 ? 0 : (uint32_t)highest;
}

/*
 * A bit of the EOI-exit bitmap whose vector has become edge-triggered stays until the next
 * level-triggered one arrives: that EOI exits, and ends nothing.
 */
static void show(struct vcpu *v)
{
	struct vlapic *l = &v->lapic;
	uint32_t svi = vmcs_read32(VMCS_GUEST_INTERRUPT_STATUS) >> 8;
	int highest = vlapic_highest_irr(l);

	vmcs_write(VMCS_GUEST_INTERRUPT_STATUS,
		   INTERRUPT_STATUS(highest < 0 ? 0 : highest, in_service(l, svi)));
	if (v->has_new_level)
		show_level(v);
	l->changed = false;
	l->deliverable = -1;
	/* Hardware may put a bit into any word: the vlapic's next look must be at all of them. */
	l->irr_words = l->isr_words = UINT8_MAX;
}

/* Edge-triggered, all of them: see post.c. False: there was nothing. */
static bool take_posted(struct vcpu *v)
{
	static const uint64_t no_level[4];
	uint64_t vectors[4];

	if (!pi_take(v->mailbox.vectors, vectors))
		return false;
	vlapic_merge(&v->lapic, vectors, no_level);
	return true;
}

/*
 * Each is there for some tens of instructions, but a guest decides how many come one after another: not
 * for ever. Whoever is still there sends a notification that finds nothing.
 */
static void wait_for_senders(const struct vmx *x)
{
	for (uint32_t i = 0; i < SENDER_LOOKS_MAX; i++) {
		if (!__atomic_load_n(&x->sender_count, __ATOMIC_SEQ_CST))
			return;
		arch_mp_relax();
	}
}

/* A notification that is pending here: its vectors are in the mailbox, or were taken in. */
static void absorb_notification(struct vmx *x)
{
	if (!__atomic_load_n(&x->is_notified, __ATOMIC_SEQ_CST))
		return;
	__atomic_store_n(&x->is_notified, false, __ATOMIC_SEQ_CST);
	apic_absorb_posted();
}

/* True: something was posted before. */
static bool aim(const struct vcpu *v, struct vmx *x, uint8_t vector)
{
	x->is_posting = vector == VECTOR_POSTED;
	return pi_aim(v->mailbox.vectors, vector, x->destination);
}

/*
 * The manual lets the CPU find no vectors at a notification; Bochs would deliver FFH then, which Linux
 * does not end. So who is about to notify is waited for (senders are in the hypervisor, with
 * interrupts off), what he has sent is absorbed, and only then the mailbox is emptied; once more,
 * if there was something, for a sender may have seen ON before. What comes after the last round hardware
 * takes in at the entry.
 */
static void take_before_entry(struct vcpu *v, struct vmx *x)
{
	if (!x->is_posting) {
		percpu()->asleep &= ~BIT64(v->id);
		(void)aim(v, x, VECTOR_POSTED);
	}
	for (uint32_t i = 0; i < ROUNDS_MAX; i++) {
		wait_for_senders(x);
		absorb_notification(x);
		if (!take_posted(v))
			return;
	}
}

void apicv_prepare(struct vcpu *v)
{
	struct vmx *x = v->backend;

	if (x->can_post)
		take_before_entry(v, x);
	if (v->lapic.changed)
		show(v);
}

/* What is posted from here on, hardware takes in: an entry need not look, but for what was before. */
void apicv_load(struct vcpu *v)
{
	if ((percpu()->asleep & BIT64(v->id)) || aim(v, v->backend, VECTOR_POSTED))
		vmx_events_changed(v);
}

/*
 * Who has seen the old aim may be about to notify, or has: such a notification would reach whoever
 * runs here next. The CPU would find nothing new for that one (Bochs: FFH), and harm nobody; but
 * it need not be disturbed. Senders are in the hypervisor, with interrupts off: a short wait.
 */
static bool end_posting(struct vcpu *v, struct vmx *x)
{
	(void)aim(v, x, VECTOR_WAKEUP);
	wait_for_senders(x);
	absorb_notification(x);
	return take_posted(v);
}

void apicv_end_posting(struct vcpu *v)
{
	if (end_posting(v, v->backend))
		vmx_events_changed(v);
}

bool apicv_sleep(struct vcpu *v)
{
	percpu()->asleep |= BIT64(v->id);
	vmx_events_changed(v); /* the next entry begins by a new aim */
	return end_posting(v, v->backend);
}

static bool notify(struct vcpu *v, struct vmx *x)
{
	const uint64_t control = __atomic_load_n(&v->mailbox.vectors->control, __ATOMIC_SEQ_CST);

	if (PI_NV(control) != VECTOR_POSTED ||
	    __atomic_load_n(&v->mailbox.events, __ATOMIC_SEQ_CST))
		return false;
	if (!(control & PI_ON))
		return true;
	apic_send_posted(x->host_apic_id);
	/* Not before: else the receiver may look for it, and think that it was there. */
	__atomic_store_n(&x->is_notified, true, __ATOMIC_SEQ_CST);
	return true;
}

bool apicv_notify(struct vcpu *v)
{
	struct vmx *x = v->backend;
	bool is_shown;

	__atomic_fetch_add(&x->sender_count, 1, __ATOMIC_SEQ_CST);
	is_shown = notify(v, x);
	__atomic_fetch_sub(&x->sender_count, 1, __ATOMIC_SEQ_CST);
	return is_shown;
}
