/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/vtd/gate.h"
#include "arch/clock.h"
#include "arch/mp.h"
#include "io/pi_gate.h"

#define WORDS ((VTD_IRQ_MAX + 63) / 64)

static struct flow {
	uint64_t interval_tsc;     /* atomic; 0: it passes */
	struct irq_source *source; /* [I] or NULL */
	struct irq_counts counts;
} flows[VTD_IRQ_MAX];

static struct gate {
	struct pi_gate state;
	irq_id_t early;         /* the last that came too early */
	irq_id_t latest;        /* irq + 1; 0: none has come since the vCPU was last laid to rest */
	uint64_t masked[WORDS]; /* irqs that were masked here. Some may lead elsewhere by now */
	uint64_t rested[WORDS]; /* likewise, of no throttle: until the vCPU runs */
	bool has_rested;
} gates[MAX_VCPUS];

/* One writer; others may read. */
static void count(uint64_t *counter, int64_t change)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + (uint64_t)change,
			 __ATOMIC_RELAXED);
}

/* False: it cannot be, its device has no MSI-X. */
static bool mask(uint64_t *masked, irq_id_t irq)
{
	struct flow *const f = &flows[irq];

	if (!f->source)
		return false;
	masked[irq / 64] |= BIT64(irq % 64);
	count(&f->counts.masked, 1);
	irq_source_hold(f->source, IRQ_GATE);
	return true;
}

/* What waited in the devices comes at once. True: there was something. */
static bool unmask_all(uint64_t *masked)
{
	bool had_more = false;

	for (uint32_t i = 0; i < WORDS; i++) {
		for (uint64_t set = masked[i]; set; set &= set - 1) {
			struct irq_source *const s =
				flows[i * 64 + (uint32_t)__builtin_ctzll(set)].source;

			had_more |= irq_source_is_waiting(s);
			irq_source_let_go(s, IRQ_GATE);
		}
		masked[i] = 0;
	}
	return had_more;
}

static void post_throttled(struct gate *g, irq_id_t irq, struct vcpu *v, uint8_t vector,
			   uint64_t interval_tsc)
{
	const struct pi_gate_answer answer = pi_gate_post(&g->state, v->mailbox.vectors, vector,
							  interval_tsc, arch_clock_now_tsc());

	count(answer.must_notify ? &flows[irq].counts.delivered : &flows[irq].counts.merged, 1);
	if (answer.must_unmask)
		pi_gate_unmasked(&g->state, unmask_all(g->masked));
	if (answer.must_mask)
		(void)mask(g->masked, irq);
	if (!answer.must_notify)
		g->early = irq;
}

/* Of a throttled device each message is its vCPU's to look at, and to pay for. */
bool vtd_gate_post(irq_id_t irq, struct vcpu *v, uint8_t vector)
{
	struct flow *const f = &flows[irq];
	const uint64_t interval_tsc = __atomic_load_n(&f->interval_tsc, __ATOMIC_RELAXED);
	const bool has_gate = v->core == arch_mp_core_id() && !vtd_irq_hardware_posts_to(v);
	bool is_due;

	count(&f->counts.raised, 1);
	if (has_gate)
		gates[v->id].latest = irq + 1;
	if (has_gate && interval_tsc != 0) {
		post_throttled(&gates[v->id], irq, v, vector, interval_tsc);
		return true;
	}
	is_due = pi_post(v->mailbox.vectors, vector);
	count(is_due ? &f->counts.delivered : &f->counts.merged, 1);
	return is_due;
}

uint64_t arch_iommu_gate_tsc(vcpu_id_t vcpu)
{
	const struct gate *const g = &gates[vcpu];

	if (g->has_rested)
		return 0;
	return g->state.due_tsc == 0 ? TSC_NEVER : g->state.due_tsc;
}

bool arch_iommu_open_gate(vcpu_id_t vcpu, uint64_t now_tsc)
{
	struct gate *const g = &gates[vcpu];
	const struct pi_gate_answer answer =
		pi_gate_open(&g->state, vcpu_at(vcpu)->mailbox.vectors, now_tsc);

	if (g->has_rested)
		(void)unmask_all(g->rested);
	g->has_rested = false;
	if (answer.must_unmask)
		pi_gate_unmasked(&g->state, unmask_all(g->masked));
	if (answer.must_notify) {
		count(&flows[g->early].counts.merged, -1);
		count(&flows[g->early].counts.delivered, 1);
	}
	return answer.must_notify;
}

void arch_iommu_rest(vcpu_id_t vcpu)
{
	struct gate *const g = &gates[vcpu];
	const irq_id_t irq = g->latest - 1;
	uint64_t interval_tsc;

	if (g->latest == 0)
		return;
	g->latest = 0;
	interval_tsc = __atomic_load_n(&flows[irq].interval_tsc, __ATOMIC_RELAXED);
	if (interval_tsc == 0)
		g->has_rested |= mask(g->rested, irq);
	else if (pi_gate_rest(&g->state, interval_tsc))
		(void)mask(g->masked, irq);
}

/* ---- Any core ---- */

void vtd_gate_set_source(irq_id_t irq, struct irq_source *source)
{
	flows[irq].source = source;
}

void vtd_gate_routed(irq_id_t irq)
{
	if (flows[irq].source)
		irq_source_let_go(flows[irq].source, IRQ_GATE);
}

void arch_iommu_throttle(pci_addr_t device, uint64_t interval_tsc, uint32_t urgent)
{
	irq_id_t irq;
	uint32_t count;

	vtd_irq_of(device, &irq, &count);
	for (uint32_t i = 0; i < count; i++) {
		const bool is_urgent = i < 32 && (urgent & BIT32(i));

		__atomic_store_n(&flows[irq + i].interval_tsc, is_urgent ? 0 : interval_tsc,
				 __ATOMIC_RELAXED);
	}
}

void arch_iommu_irq_counts(pci_addr_t device, struct irq_counts *counts)
{
	irq_id_t irq;
	uint32_t count;

	*counts = (struct irq_counts){ 0 };
	vtd_irq_of(device, &irq, &count);
	for (uint32_t i = 0; i < count; i++) {
		const struct irq_counts *const c = &flows[irq + i].counts;

		counts->raised += __atomic_load_n(&c->raised, __ATOMIC_RELAXED);
		counts->delivered += __atomic_load_n(&c->delivered, __ATOMIC_RELAXED);
		counts->merged += __atomic_load_n(&c->merged, __ATOMIC_RELAXED);
		counts->masked += __atomic_load_n(&c->masked, __ATOMIC_RELAXED);
	}
}
