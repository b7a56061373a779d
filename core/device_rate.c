/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device_rate.h"
#include <string.h>
#include "arch/clock.h"
#include "core/device_rate_parts.h"
#include "core/lib/assert.h"
#include "core/plan_rate.h"

/* A window counts for the costs if so much happened in it; after so many a packet's are known. */
#define COST_PACKETS_MIN   16u
#define COST_DELIVERED_MIN 4u
#define COST_WINDOWS       8u

#define SIDE_CORE_BURST_NS MS(1)

/* Those of a controller in memory are none: it has more VFs than one with registers, IGB_VF_MAX. */
_Static_assert(8 * RATE_ACCESS_MAX * US(1) <= PLAN_SERVICE_STEP_NS, "all VFs of a PF in one step");

struct rate_pf rate_pfs[CONFIG_PF_MAX];

static uint64_t to_tsc(uint64_t ns)
{
	return mul_div(ns, arch_clock_tsc_hz(), SEC(1));
}

static uint64_t to_ns(uint64_t tsc)
{
	return mul_div(tsc, SEC(1), arch_clock_tsc_hz());
}

static uint64_t divide_up(uint64_t a, uint64_t b)
{
	return (a + b - 1) / b;
}

/* ---- Settings ---- */

/* Ticks a second that its reservations, or its cores, give the partition. */
static uint64_t capacity_of(const struct partition *p)
{
	const uint64_t hz = arch_clock_tsc_hz();
	uint64_t sum = 0;

	for (uint32_t i = 0; i < p->plan->vcpu_count; i++) {
		const struct plan_vcpu *const v = p->vcpus[i].plan;

		sum += v && v->kind == CPU_RESERVED ? mul_div(v->budget_tsc, hz, v->period_tsc)
						    : hz;
	}
	return sum;
}

static uint32_t given(uint32_t wanted, uint32_t otherwise)
{
	return wanted != 0 ? wanted : otherwise;
}

static void settle(struct rate_vf *v)
{
	static const enum irq_rate_scheme schemes[] = { [IRQ_FIR] = IRQ_RATE_FIXED,
							[IRQ_CGR] = IRQ_RATE_COARSE,
							[IRQ_AIR] = IRQ_RATE_ADAPTIVE };
	const struct irq_rate_config *const c = &v->config->irq_rate;
	struct irq_rate_settings s = irq_rate_defaults(schemes[c->kind]);

	s.fixed = given(c->per_second, s.fixed);
	s.batch = given(c->batch, s.batch);
	s.offset = given(c->offset, s.offset);
	s.threshold = given(c->threshold, s.threshold);
	s.min = given(c->min_per_second, s.min);
	s.capacity = capacity_of(v->owner);
	s.packet_cost = to_tsc(c->packet_ns);
	s.interrupt_cost = to_tsc(c->interrupt_ns);
	irq_rate_init(&v->rate, &s);
	v->rate_min = v->rate_max = v->rate.rate;
}

/* ---- Rates ---- */

/* What the rate is now: intervals rounded up, so that it is never above. */
static void apply(struct rate_vf *v)
{
	const uint32_t rate = given(v->rate.rate, 1);

	v->interval_ns = divide_up(SEC(1), rate);
	if (v->at != PCI_NOWHERE)
		arch_iommu_throttle(v->at, divide_up(arch_clock_tsc_hz(), rate),
				    v->config->irq_rate.urgent);
	v->rate_min = (uint32_t)min_u64(v->rate_min, rate);
	v->rate_max = (uint32_t)max_u64(v->rate_max, rate);
}

void rate_count_interrupts(const struct pf *p, const struct rate_vf *v, struct irq_counts *counts)
{
	*counts = (struct irq_counts){ 0 };
	if (p->ops->count_interrupts)
		p->ops->count_interrupts((struct pf *)(uintptr_t)p, v->vf, counts);
	else if (v->at != PCI_NOWHERE)
		arch_iommu_irq_counts(v->at, counts);
}

/* Another core writes them meanwhile: each is as it was at some moment. */
static uint64_t look(const uint64_t *account)
{
	return __atomic_load_n(account, __ATOMIC_RELAXED);
}

/* The hypervisor's for it: interrupts and what ends them, its sleep and waking up, switches. */
static uint64_t host_tsc(const struct partition *p)
{
	static const uint8_t causes[] = { EXIT_IRQ, EXIT_HLT, EXIT_APIC, EXIT_MSR_WRITE,
					  LEDGER_SWITCH };
	uint64_t sum = 0;

	for (uint32_t i = 0; i < p->plan->vcpu_count; i++)
		for (uint32_t n = 0; n < ARRAY_SIZE(causes); n++)
			sum += look(&p->vcpus[i].ledger.hypervisor[causes[n]]);
	return sum;
}

static uint64_t guest_tsc(const struct partition *p)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < p->plan->vcpu_count; i++)
		sum += look(&p->vcpus[i].ledger.guest);
	return sum;
}

/* What the configuration gives stays. */
static void set_costs(struct rate_vf *v)
{
	const struct irq_rate_config *const c = &v->config->irq_rate;
	const struct rate_costs *const k = &v->costs;

	irq_rate_set_costs(&v->rate, capacity_of(v->owner),
			   c->packet_ns ? to_tsc(c->packet_ns) : k->guest_tsc / k->packets,
			   c->interrupt_ns ? to_tsc(c->interrupt_ns) : k->interrupt_tsc);
}

/*
 * A guest that is never idle takes its interrupts for almost nothing, and is to be merged for what they
 * cost when it sleeps: the dearest window counts, whenever it comes.
 */
static void learn(struct rate_vf *v, uint64_t packets, uint64_t guest_tsc, uint64_t interrupt_tsc)
{
	struct rate_costs *const k = &v->costs;
	const bool is_dearer = interrupt_tsc > k->interrupt_tsc;

	if (is_dearer)
		k->interrupt_tsc = interrupt_tsc;
	if (k->windows < COST_WINDOWS) {
		k->packets += packets;
		k->guest_tsc += guest_tsc;
		k->windows++;
	} else if (!is_dearer) {
		return;
	}
	set_costs(v);
}

/*
 * The last window, if there was traffic in it. A ledger that has not moved is that of a guest without
 * an exit: nothing can be said of what it did.
 */
static void calibrate(const struct pf *p, struct rate_vf *v)
{
	const uint64_t guest = guest_tsc(v->owner), host = host_tsc(v->owner);
	const uint64_t packets = v->traffic.rx_packets - v->last_packets;
	const bool goes_on = v->windows > 0 && v->traffic.rx_packets >= v->last_packets;
	struct irq_counts now;
	uint64_t delivered;

	if (v->config->irq_rate.kind != IRQ_AIR)
		return;
	rate_count_interrupts(p, v, &now);
	delivered = now.delivered - v->last_delivered;
	if (goes_on && packets >= COST_PACKETS_MIN && guest != v->last_guest_tsc &&
	    delivered >= COST_DELIVERED_MIN)
		learn(v, packets, guest - v->last_guest_tsc, (host - v->last_host_tsc) / delivered);
	v->last_packets = v->traffic.rx_packets;
	v->last_delivered = now.delivered;
	v->last_guest_tsc = guest;
	v->last_host_tsc = host;
}

/* The window's end: at absolute times; those that were missed are left out. */
static void decide(const struct pf *p, struct rate_vf *v, uint64_t now_tsc)
{
	const struct irq_rate_sample s = { .packets = v->traffic.rx_packets,
					   .bytes = v->traffic.rx_bytes,
					   .elapsed_ns = to_ns(now_tsc - v->sampled_tsc),
					   .generation = v->traffic.generation,
					   .has_link = v->traffic.has_link };

	calibrate(p, v);
	if (irq_rate_tick(&v->rate, &s)) {
		v->rate_changes++;
		apply(v);
	}
	v->windows++;
	v->sampled_tsc = now_tsc;
	v->due_tsc += ((now_tsc - v->due_tsc) / v->window_tsc + 1) * v->window_tsc;
}

/* ---- Shares of the link ---- */

static void take(struct shaper *s, struct rate_way *w, uint64_t packets, uint64_t bytes,
		 bool goes_on)
{
	if (w->client != RATE_NO_CLIENT && goes_on && packets >= w->packets && bytes >= w->bytes)
		shaper_take(s, w->client, packets - w->packets, bytes - w->bytes);
	w->packets = packets;
	w->bytes = bytes;
}

static void take_both(struct rate_pf *r, struct rate_vf *v)
{
	const struct vf_traffic *const t = &v->traffic;
	const bool goes_on = v->has_begun && v->generation == t->generation;

	take(&r->shapers[RATE_RECEIVE], &v->receive, t->rx_packets, t->rx_bytes, goes_on);
	take(&r->shapers[RATE_SEND], &v->send, t->tx_packets, t->tx_bytes, goes_on);
	v->generation = t->generation;
}

static bool is_open(struct rate_pf *r, uint32_t direction, const struct rate_way *w)
{
	return w->client == RATE_NO_CLIENT || shaper_is_open(&r->shapers[direction], w->client);
}

/* True: a way in or out was opened or closed. */
static bool set_gates(struct pf *p, struct rate_pf *r, struct rate_vf *v)
{
	const bool receive = is_open(r, RATE_RECEIVE, &v->receive);
	const bool send = is_open(r, RATE_SEND, &v->send);

	if (receive == v->receive.is_open && send == v->send.is_open)
		return false;
	v->receive.is_open = receive;
	v->send.is_open = send;
	p->ops->set_gate(p, v->vf, receive, send);
	return true;
}

/* What has waited to be sent may be more than there is to send: looked at before its guest adds to it. */
static void move_gates(struct pf *p, struct rate_pf *r, struct rate_vf *v)
{
	const bool was_closed = !v->send.is_open;

	if (!set_gates(p, r, v) || !was_closed || !v->send.is_open || !v->may_resume ||
	    !p->ops->resume_send)
		return;
	p->ops->resume_send(p, v->vf);
	p->ops->read_traffic(p, v->vf, &v->traffic);
	take_both(r, v);
	(void)set_gates(p, r, v);
}

/* ---- Boot ---- */

static bool needs_shaper(const struct pf *p, uint32_t direction)
{
	for (uint32_t i = 0; i < p->config->vf_count; i++) {
		const struct net_qos *const q = p->vfs[i] ? &p->vfs[i]->qos : NULL;

		if (q && direction == RATE_RECEIVE &&
		    (rate_is_tuple(&q->rx_bytes_per_s) || rate_is_tuple(&q->rx_packets_per_s)))
			return true;
		if (q && direction == RATE_SEND &&
		    (rate_is_tuple(&q->tx_bytes_per_s) || rate_is_tuple(&q->tx_packets_per_s)))
			return true;
	}
	return false;
}

static struct shaper_tuple tuple_of(const struct tuple *t)
{
	return (struct shaper_tuple){ .usual = t->usual, .min = t->min, .max = t->max };
}

/* All VFs of it, as soon as one has a tuple: what that one does not use is theirs. */
static uint32_t add_client(const struct pf *p, uint32_t direction, const struct tuple *bytes,
			   const struct tuple *packets, uint32_t priority)
{
	const struct shaper_claim claim = { tuple_of(bytes), tuple_of(packets), priority };

	if (!needs_shaper(p, direction))
		return RATE_NO_CLIENT;
	return shaper_add(&rate_pfs[p->index].shapers[direction], &claim);
}

/* A bucket holds what comes between two looks, and no more: who saves it up has it at once. */
static void make_shapers(struct pf *p, const struct config *system)
{
	struct rate_pf *const r = &rate_pfs[p->index];
	const bool is_side_core = system->service.kind == CPU_OWNED;
	const uint64_t burst_ns = is_side_core ? SIDE_CORE_BURST_NS : system->service.period_ns;

	for (uint32_t i = 0; i < 2; i++)
		if (needs_shaper(p, i))
			shaper_init(&r->shapers[i], rate_link_bytes(p->config), burst_ns,
				    to_ns(arch_clock_now_tsc()));
}

static void add_buckets(struct pf *p, const struct config *system, struct rate_vf *v)
{
	struct rate_pf *const r = &rate_pfs[p->index];
	const struct net_qos q = plan_grant(system, p->config, v->config);
	struct pf_buckets b = { NULL, NULL, 0, 0 };

	v->receive.client =
		add_client(p, RATE_RECEIVE, &q.rx_bytes_per_s, &q.rx_packets_per_s, q.priority);
	v->send.client =
		add_client(p, RATE_SEND, &q.tx_bytes_per_s, &q.tx_packets_per_s, q.priority);
	if (!p->ops->set_buckets) {
		r->is_watched |= v->receive.client != RATE_NO_CLIENT;
		r->is_watched |= v->send.client != RATE_NO_CLIENT;
		return;
	}
	if (v->receive.client != RATE_NO_CLIENT)
		b.receive = &r->shapers[RATE_RECEIVE];
	if (v->send.client != RATE_NO_CLIENT)
		b.send = &r->shapers[RATE_SEND];
	b.receive_client = v->receive.client;
	b.send_client = v->send.client;
	p->ops->set_buckets(p, v->vf, &b);
}

/* All its guest's vCPUs run where the service does: when that runs, they do not. */
static bool shares_core(const struct config *system, const struct partition *p)
{
	for (uint32_t i = 0; i < p->plan->vcpu_count; i++)
		if (p->vcpus[i].core != system->service.core)
			return false;
	return true;
}

static const struct partition *owner_of(const struct device_config *d)
{
	for (part_id_t i = 0; i < partition_count; i++) {
		const struct partition_config *const c = partitions[i].config;

		if (d >= c->devices && d < c->devices + c->device_count)
			return &partitions[i];
	}
	PANIC("a VF of nobody's");
}

static pci_addr_t address_of(const struct pf *p, uint32_t vf)
{
	uint32_t function = p->function;

	if (function != PCI_NO_FUNCTION)
		function = sriov_vf(p->table, function, vf);
	return function == PCI_NO_FUNCTION ? PCI_NOWHERE : p->table->functions[function].addr;
}

static void add(struct pf *p, const struct config *system, uint32_t vf)
{
	struct rate_pf *const r = &rate_pfs[p->index];
	const struct device_config *const c = p->vfs[vf];
	struct rate_vf *const v = &r->vfs[r->count++];

	*v = (struct rate_vf){ .config = c,
			       .owner = owner_of(c),
			       .vf = vf,
			       .at = address_of(p, vf),
			       .window_tsc = to_tsc(rate_window_ns(&c->irq_rate)),
			       .receive = { .is_open = true },
			       .send = { .is_open = true } };
	v->may_resume = shares_core(system, v->owner);
	add_buckets(p, system, v);
	if (!rate_is_controlled(v))
		return;
	settle(v);
	apply(v);
	p->ops->set_interval(p, vf, v->interval_ns);
}

void device_rate_start(struct pf *p, const struct config *system)
{
	rate_pfs[p->index] = (struct rate_pf){ 0 };
	if (!p->ops->read_traffic)
		return;
	make_shapers(p, system);
	for (uint32_t i = 0; i < p->config->vf_count && i < RATE_VF_MAX; i++)
		if (p->vfs[i])
			add(p, system, i);
}

/* ---- Rounds ---- */

static void begin(struct rate_vf *v, uint64_t now_tsc)
{
	v->has_begun = true;
	v->sampled_tsc = now_tsc;
	v->due_tsc = now_tsc + v->window_tsc;
}

static void serve_vf(struct pf *p, struct rate_pf *r, struct rate_vf *v, uint64_t now_tsc)
{
	const bool is_due = rate_is_controlled(v) && (!v->has_begun || now_tsc >= v->due_tsc);

	if (is_due || r->is_watched)
		p->ops->read_traffic(p, v->vf, &v->traffic);
	if (r->is_watched)
		take_both(r, v);
	if (!v->has_begun)
		begin(v, now_tsc);
	else if (is_due)
		decide(p, v, now_tsc);
	/* Its guest may have written to the same register. */
	if (rate_is_controlled(v))
		p->ops->set_interval(p, v->vf, v->interval_ns);
}

static void open_and_close(struct pf *p, struct rate_pf *r, uint64_t now_tsc)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(r->shapers); i++)
		if (r->shapers[i].count != 0)
			shaper_tick(&r->shapers[i], to_ns(now_tsc));
	for (uint32_t i = 0; i < r->count; i++)
		move_gates(p, r, &r->vfs[i]);
}

/* One VF's line in a round, so that the time of a round stays what it is. */
static void report_one(struct pf *p, struct rate_pf *r, uint64_t now_tsc)
{
	const uint64_t every_tsc = to_tsc(p->config->report_ns);

	for (uint32_t i = 0; every_tsc != 0 && i < r->count; i++) {
		struct rate_vf *const v = &r->vfs[i];

		if (v->report_tsc == 0)
			v->report_tsc = now_tsc + every_tsc;
		if (now_tsc < v->report_tsc)
			continue;
		v->report_tsc += ((now_tsc - v->report_tsc) / every_tsc + 1) * every_tsc;
		p->ops->read_traffic(p, v->vf, &v->traffic);
		rate_report(p, v, "live");
		return;
	}
}

void device_rate_serve(struct pf *p, uint64_t now_tsc)
{
	struct rate_pf *const r = &rate_pfs[p->index];

	for (uint32_t i = 0; i < r->count; i++)
		serve_vf(p, r, &r->vfs[i], now_tsc);
	if (r->is_watched)
		open_and_close(p, r, now_tsc);
	report_one(p, r, now_tsc);
}

void device_rate_summarize(const struct pf *p)
{
	struct rate_pf *const r = &rate_pfs[p->index];

	for (uint32_t i = 0; i < r->count; i++) {
		p->ops->read_traffic((struct pf *)(uintptr_t)p, r->vfs[i].vf, &r->vfs[i].traffic);
		rate_report(p, &r->vfs[i], "end");
	}
}
