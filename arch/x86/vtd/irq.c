/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/vtd/irq.h"
#include <string.h>
#include "arch/mp.h"
#include "arch/x86/init.h"
#include "arch/x86/post.h"
#include "arch/x86/vtd/gate.h"
#include "arch/x86/vtd/irte.h"
#include "arch/x86/vtd/queue.h"

#define VECTOR_COUNT (VTD_VECTOR_LAST - VTD_VECTOR_FIRST + 1)

/* A target in one word: bit 63 there is one, 15:8 vCPU, 7:0 the guest's vector. */
#define TARGET_NONE      UINT64_C(0)
#define TARGET_IS        BIT64(63)
#define TARGET_VCPU(t)   ((vcpu_id_t)((t) >> 8 & 0xff))
#define TARGET_VECTOR(t) ((uint8_t)(t))
_Static_assert(MAX_VCPUS <= 256, "a target has eight bits for the vCPU");

static struct irq {
	struct vtd_unit *unit; /* [I] */
	uint32_t index;        /* [I] in the unit's table */
	uint16_t requester;    /* [I] */
	uint64_t target;       /* atomic; written under vtd.c's lock */
} irqs[VTD_IRQ_MAX];
static uint32_t irq_count;
static bool some_unit_posts; /* [I] of those that have irqs */

static struct core {
	uint16_t owner[VECTOR_COUNT]; /* atomic: irq + 1; 0: free. Grows only */
	uint32_t is_serving;          /* atomic */
	vcpu_set_t taken;             /* [C] */
} __attribute__((aligned(64))) cores[MAX_CORES];

void vtd_irq_init(void)
{
	memset(irqs, 0, sizeof(irqs));
	memset(cores, 0, sizeof(cores));
	irq_count = 0;
	some_unit_posts = false;
}

/* ---- Creation ---- */

enum err vtd_irq_create(struct vtd_unit *u, pci_addr_t device, uint32_t count, irq_id_t *first)
{
	if (!u->can_remap)
		return ERR_UNSUPPORTED;
	if (count == 0)
		return ERR_INVAL;
	if (count > VTD_IRQ_MAX - irq_count || count > VTD_IRT_ENTRIES - u->interrupt_count)
		return ERR_NOMEM;
	*first = irq_count;
	some_unit_posts |= (u->cap & VTD_CAP_PI) != 0;
	for (uint32_t i = 0; i < count; i++)
		irqs[irq_count++] = (struct irq){ .unit = u,
						  .index = u->interrupt_count++,
						  .requester = PCI_REQUESTER(device) };
	return OK;
}

void vtd_irq_of(pci_addr_t device, irq_id_t *first, uint32_t *count)
{
	*first = 0;
	*count = 0;
	for (irq_id_t i = irq_count; i-- > 0;) {
		if (irqs[i].requester != PCI_REQUESTER(device) ||
		    irqs[i].unit->segment != PCI_SEGMENT(device))
			continue;
		*first = i;
		(*count)++;
	}
}

struct irq_msi vtd_irq_msi(irq_id_t irq)
{
	if (irq >= irq_count)
		return (struct irq_msi){ 0 };
	return vtd_irte_msi(irqs[irq].index);
}

/* ---- Routes ---- */

/* The core's vector for this irq, 0: none is free. */
static uint8_t take_vector(irq_id_t irq, core_id_t core)
{
	uint16_t *const owner = cores[core].owner;
	uint32_t at = VECTOR_COUNT;

	for (uint32_t i = VECTOR_COUNT; i-- > 0;) {
		if (owner[i] == irq + 1)
			return (uint8_t)(VTD_VECTOR_FIRST + i);
		if (owner[i] == 0)
			at = i;
	}
	if (at == VECTOR_COUNT)
		return 0;
	__atomic_store_n(&owner[at], (uint16_t)(irq + 1), __ATOMIC_SEQ_CST);
	return (uint8_t)(VTD_VECTOR_FIRST + at);
}

/*
 * The new target goes before the look at who serves, and a server says so before it reads the
 * target (vtd_irq_serve()): who has read the old one is seen here, and waited for.
 */
static void set_target(struct irq *q, uint64_t target)
{
	__atomic_store_n(&q->target, target, __ATOMIC_SEQ_CST);
	for (core_id_t core = 0; core < arch_mp_core_count(); core++) {
		while (__atomic_load_n(&cores[core].is_serving, __ATOMIC_SEQ_CST))
			arch_mp_relax();
	}
}

static enum err set_entry(const struct irq *q, struct vtd_entry entry)
{
	struct vtd_entry *const at = &q->unit->interrupts[q->index];
	enum err e;

	vtd_irte_store(at, entry);
	vtd_unit_wrote(q->unit, at, sizeof(*at));
	e = vtd_unit_flush_writes(q->unit);
	return e == OK ? vtd_invalidate_interrupt(q->unit, q->index) : e;
}

/* From the entry's end on no message is remapped; then those that were are disowned. */
static enum err mask(struct irq *q)
{
	const enum err e = set_entry(q, (struct vtd_entry){ 0, 0 });

	set_target(q, TARGET_NONE);
	return e;
}

static bool is_posted(const struct irq *q, const struct vcpu *v)
{
	return (q->unit->cap & VTD_CAP_PI) && v->has_apicv;
}

bool vtd_irq_hardware_posts_to(const struct vcpu *v)
{
	return some_unit_posts && v->has_apicv;
}

enum err vtd_irq_route(irq_id_t irq, vcpu_id_t vcpu, core_id_t core, uint8_t vector)
{
	const struct vcpu *const v = vcpu_at(vcpu);
	struct irq *const q = &irqs[irq];
	struct vtd_entry entry;
	uint8_t host_vector;
	enum err e;

	if (irq >= irq_count || !v || core >= arch_mp_core_count() || vector < IRQ_FIRST_VECTOR)
		return ERR_INVAL;
	if (v->is_direct) /* a host vector would end in the guest, as that vector */
		return ERR_UNSUPPORTED;
	if (is_posted(q, v)) {
		entry = vtd_irte_posted(q->requester, arch_mem_hpa(v->mailbox.vectors).v, vector);
	} else {
		host_vector = take_vector(irq, core);
		if (host_vector == 0)
			return ERR_NOMEM;
		entry = vtd_irte_remapped(q->requester, percpu_of(core)->apic_id,
					  q->unit->has_x2apic_targets ? VTD_X2APIC : VTD_XAPIC,
					  host_vector);
	}
	set_target(q, TARGET_IS | vcpu << 8 | vector);
	e = set_entry(q, entry);
	if (e != OK)
		(void)mask(q); /* it failed already; whatever arrives has no target any more */
	if (vtd_gate_routed)
		vtd_gate_routed(irq);
	return e;
}

enum err vtd_irq_mask(irq_id_t irq)
{
	return irq < irq_count ? mask(&irqs[irq]) : ERR_INVAL;
}

/* ---- Messages ---- */

/* Messages of devices are edge-triggered. */
static void post(struct core *c, irq_id_t irq, uint64_t target)
{
	struct vcpu *const v = vcpu_at(TARGET_VCPU(target));
	const uint8_t vector = TARGET_VECTOR(target);

	post_as_edge(v, vector);
	if (vtd_gate_post ? vtd_gate_post(irq, v, vector)
			  : pi_post_gated(v->mailbox.vectors, vector).is_due)
		c->taken |= BIT64(v->id);
}

bool vtd_irq_serve(uint8_t vector)
{
	struct core *const c = &cores[arch_mp_core_id()];
	uint64_t target;
	uint16_t owner;

	if (vector < VTD_VECTOR_FIRST || vector > VTD_VECTOR_LAST)
		return false;
	owner = __atomic_load_n(&c->owner[vector - VTD_VECTOR_FIRST], __ATOMIC_ACQUIRE);
	if (owner == 0)
		return false;
	__atomic_store_n(&c->is_serving, 1, __ATOMIC_SEQ_CST);
	target = __atomic_load_n(&irqs[owner - 1].target, __ATOMIC_SEQ_CST);
	if (target & TARGET_IS)
		post(c, owner - 1u, target);
	__atomic_store_n(&c->is_serving, 0, __ATOMIC_RELEASE);
	return true;
}

vcpu_set_t vtd_irq_taken(void)
{
	struct core *const c = &cores[arch_mp_core_id()];
	const vcpu_set_t taken = c->taken;

	c->taken = 0;
	return taken;
}
