/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate in front of devices' interrupts, with everything around it: units from the specification,
 * devices with MSI-X tables and pending bits, vCPUs that run, sleep, wait for their turn, change hands
 * with their guest, and times at random. No interrupt is lost; none that is throttled notifies
 * before its time; however a device behaves, an interval takes few host interrupts.
 */
#include "arch/x86/vtd/gate.h"
#include "io/pi_gate.h"
#include "tests/property/random.h"
#include "tests/property/vtd_machine.h"
#include "tests/test.h"

#define VCPUS    3u
#define DEVICES  2u
#define ENTRIES  4u /* of a device; the last is urgent */
#define IRQS     (DEVICES * ENTRIES)
#define URGENT   BIT32(ENTRIES - 1)
#define STEPS    200000u
#define INTERVAL UINT64_C(1000000)

static const pci_addr_t addresses[DEVICES] = { PCI_ADDR(0u, 1u, 0u, 0u), PCI_ADDR(0u, 3u, 5u, 2u) };

static struct vcpu guests[VCPUS + 1];

/* What the guest of entry i knows: when it was raised last, and when that was taken. */
static struct entry {
	volatile uint32_t control; /* the function's register */
	struct irq_source source;
	uint64_t pending; /* likewise: 1 or 0 */
	vcpu_id_t to;
	uint64_t raised, taken; /* numbered */
} entries[IRQS];
static irq_id_t first;
static uint64_t intervals[DEVICES];
static uint64_t raise_count;

/* Of each vCPU. */
static struct watch {
	uint64_t notified_tsc; /* the last notification of what is throttled */
	uint64_t count;        /* host interrupts of throttled entries since the gate opened */
	uint64_t count_max, notified;
	bool rests; /* it is ready, and others run */
} watch[VCPUS];

static uint8_t vector_of(uint32_t irq)
{
	return (uint8_t)(0x51 + 8 * irq);
}

static struct pi_descriptor *descriptor_of(vcpu_id_t v)
{
	return guests[v].mailbox.vectors;
}

static uint64_t interval_of(uint32_t irq)
{
	return irq % ENTRIES == ENTRIES - 1 ? 0 : intervals[irq / ENTRIES];
}

static uint64_t shortest(void)
{
	uint64_t least = TSC_NEVER;

	for (uint32_t d = 0; d < DEVICES; d++)
		if (intervals[d] != 0)
			least = min_u64(least, intervals[d]);
	return least;
}

/* ---- The vCPUs' cores ---- */

static void take(vcpu_id_t v)
{
	uint64_t vectors[4];

	if (!pi_take(descriptor_of(v), vectors))
		return;
	for (uint32_t i = 0; i < IRQS; i++)
		if (vectors[vector_of(i) / 64] & BIT64(vector_of(i) % 64))
			entries[i].taken = entries[i].raised;
}

static void note_notification(vcpu_id_t v)
{
	struct watch *const w = &watch[v];

	CHECK(w->notified == 0 || shortest() == TSC_NEVER ||
	      now_tsc - w->notified_tsc >= shortest());
	w->notified_tsc = now_tsc;
	w->notified++;
}

static void begin_count(struct watch *w)
{
	w->count_max = max_u64(w->count_max, w->count);
	w->count = 0;
}

/* Its time has come to run, or its timer's. */
static void run_gate(vcpu_id_t v)
{
	this_core = (core_id_t)v;
	if (watch[v].rests || arch_iommu_gate_tsc(v) > now_tsc)
		return;
	begin_count(&watch[v]);
	if (arch_iommu_open_gate(v, now_tsc)) {
		note_notification(v);
		take(v);
	}
}

/* ---- The devices ---- */

static uint64_t delivered(uint32_t device)
{
	struct irq_counts c;

	arch_iommu_irq_counts(addresses[device], &c);
	return c.delivered;
}

static void send(uint32_t irq)
{
	const struct vtdm_interrupt i =
		message(addresses[irq / ENTRIES], arch_iommu_irq_msi(first + irq), 0);
	const uint64_t before = delivered(irq / ENTRIES);
	const vcpu_id_t v = entries[irq].to;

	CHECK(i.delivery == VTDM_REMAPPED && i.destination == apic_ids[v]);
	this_core = (core_id_t)v;
	now_tsc -= 1000; /* that a look at the clock takes */
	CHECK(vtd_irq_serve(i.vector));
	if (interval_of(irq) == 0)
		now_tsc += 1000;
	if (delivered(irq / ENTRIES) != before && interval_of(irq) != 0) {
		begin_count(&watch[v]);
		note_notification(v);
	}
	watch[v].count += interval_of(irq) != 0;
	if (vtd_irq_taken() != 0 && random_below(4) != 0)
		take(v); /* else it is on its way for a while */
	if (watch[v].rests)
		arch_iommu_rest(v);
}

static void raise(uint32_t irq)
{
	entries[irq].raised = ++raise_count;
	if (entries[irq].control & IRQ_SOURCE_MASKED)
		entries[irq].pending = 1;
	else
		send(irq);
}

/* Registers may have been written: what waited comes. */
static void look_at_devices(void)
{
	for (uint32_t i = 0; i < IRQS; i++) {
		if (!entries[i].pending || (entries[i].control & IRQ_SOURCE_MASKED))
			continue;
		entries[i].pending = 0;
		send(i);
	}
}

/* ---- Their guest ---- */

static void route(uint32_t irq, vcpu_id_t v)
{
	irq_source_hold(&entries[irq].source, IRQ_GUEST);
	CHECK(arch_iommu_irq_route(first + irq, v, (core_id_t)v, vector_of(irq)) == OK);
	entries[irq].to = v;
	irq_source_let_go(&entries[irq].source, IRQ_GUEST);
}

/* What was posted is gone, and the guest does not ask for it; what waits in a device is not. */
static void start_over(vcpu_id_t v)
{
	for (uint32_t i = 0; i < IRQS; i++)
		if (descriptor_of(v)->pir[vector_of(i) / 64] & BIT64(vector_of(i) % 64))
			entries[i].taken = entries[i].raised;
	pi_clear(descriptor_of(v));
}

static void begin(void)
{
	struct vtdm_caps caps = kind_of_unit(1);

	CHECK(start(&caps) == OK);
	for (uint32_t i = 0; i < VCPUS; i++) {
		guests[i] = (struct vcpu){ .id = i, .core = i };
		guests[i].mailbox.vectors = arch_mem_take_pages(1);
		vcpus[i] = &guests[i];
	}
	CHECK(arch_iommu_domain_create(0) == OK);
	for (uint32_t d = 0; d < DEVICES; d++) {
		irq_id_t irq;

		CHECK(arch_iommu_attach(addresses[d], 0) == OK);
		CHECK(arch_iommu_irq_create(addresses[d], ENTRIES, &irq) == OK);
		first = d == 0 ? irq : first;
		CHECK(irq == first + d * ENTRIES);
	}
	for (uint32_t i = 0; i < IRQS; i++) {
		entries[i].source.control = &entries[i].control;
		entries[i].source.waiting = &entries[i].pending;
		entries[i].source.bit = 1;
		vtd_gate_set_source(first + i, &entries[i].source);
		route(i, i % VCPUS);
	}
}

static void throttle(uint32_t device, uint64_t interval_tsc)
{
	intervals[device] = interval_tsc;
	arch_iommu_throttle(addresses[device], interval_tsc, URGENT);
}

/* All rest, and every gate opens: nothing may be left anywhere. */
static void settle(void)
{
	for (uint32_t round = 0; round < 8; round++) {
		now_tsc += 4 * INTERVAL;
		for (vcpu_id_t v = 0; v < VCPUS; v++) {
			watch[v].rests = false;
			run_gate(v);
			take(v);
		}
		look_at_devices();
		for (vcpu_id_t v = 0; v < VCPUS; v++)
			take(v);
	}
	for (uint32_t i = 0; i < IRQS; i++) {
		CHECK(entries[i].taken == entries[i].raised);
		CHECK(!entries[i].pending && entries[i].source.holders == 0);
		CHECK(entries[i].control == 0);
	}
	for (vcpu_id_t v = 0; v < VCPUS; v++)
		CHECK(arch_iommu_gate_tsc(v) == TSC_NEVER);
}

static void check_counts(void)
{
	for (uint32_t d = 0; d < DEVICES; d++) {
		struct irq_counts c;

		arch_iommu_irq_counts(addresses[d], &c);
		CHECK(c.raised == c.delivered + c.merged && c.delivered > 0);
	}
}

static void step(uint64_t pause)
{
	const vcpu_id_t v = random_below(VCPUS);

	now_tsc += random_below(pause);
	for (vcpu_id_t i = 0; i < VCPUS; i++)
		run_gate(i);
	look_at_devices();
	switch (random_below(64)) {
	case 0:
		start_over(v);
		break;
	case 1:
	case 2:
		watch[v].rests = !watch[v].rests;
		break;
	case 3: /* an IPI, a timer */
		(void)pi_post(descriptor_of(v), 0xf8);
		take(v);
		break;
	case 4:
		route((uint32_t)random_below(IRQS), v);
		break;
	case 5:
	case 6:
		take(v);
		break;
	default:
		raise((uint32_t)random_below(IRQS));
	}
}

/* Slow enough never to be early, faster, and much too fast. */
static void none_is_lost_and_none_is_early(void)
{
	static const uint64_t pauses[] = { 4 * INTERVAL, INTERVAL / 8, INTERVAL / 200 };

	begin();
	throttle(0, INTERVAL);
	throttle(1, 3 * INTERVAL);
	for (uint32_t i = 0; i < ARRAY_SIZE(pauses); i++) {
		for (uint32_t k = 0; k < STEPS && !test_failed; k++)
			step(pauses[i]);
		settle();
		check_counts();
	}
	for (vcpu_id_t v = 0; v < VCPUS; v++)
		CHECK(watch[v].notified > 1000);
	CHECK(complaint() == NULL);
}

/*
 * Without a change of routes, which costs its guest an exit: one that passes, an early one, and then each
 * entry is masked when it comes once more.
 */
static void an_interval_takes_few_host_interrupts(void)
{
	throttle(0, INTERVAL);
	throttle(1, INTERVAL);
	for (uint32_t i = 0; i < IRQS; i++)
		route(i, 0);
	watch[0] = (struct watch){ 0 };
	now_tsc += 10 * INTERVAL;
	for (uint32_t k = 0; k < STEPS && !test_failed; k++) {
		now_tsc += random_below(INTERVAL / 500);
		run_gate(0);
		look_at_devices();
		raise((uint32_t)random_below(IRQS));
		if (random_below(16) == 0)
			take(0);
	}
	settle();
	CHECK(watch[0].notified > 100);
	CHECK(watch[0].count_max <= 1 + PI_GATE_EARLY + IRQS);
}

/* One entry alone: at first three, then one for each notification. */
static void a_flood_costs_one_host_interrupt_an_interval(void)
{
	struct irq_counts before, after;
	const uint64_t begin_tsc = now_tsc += 10 * INTERVAL;

	arch_iommu_irq_counts(addresses[0], &before);
	while (now_tsc < begin_tsc + 1000 * INTERVAL) {
		now_tsc += 5000;
		run_gate(0);
		look_at_devices();
		raise(0);
		take(0);
	}
	arch_iommu_irq_counts(addresses[0], &after);
	CHECK(after.raised - before.raised <= 1003);
	CHECK(after.delivered - before.delivered >= 990);
	CHECK(after.delivered - before.delivered <= 1001);
	settle();
}

static void an_urgent_entry_passes_a_closed_gate(void)
{
	now_tsc += 4 * INTERVAL;
	raise(0);
	take(0);
	raise(1);
	take(0);
	CHECK(entries[1].taken != entries[1].raised);
	raise(ENTRIES - 1);
	take(0);
	CHECK(entries[ENTRIES - 1].taken == entries[ENTRIES - 1].raised);
	CHECK(entries[1].taken == entries[1].raised); /* and what has collected goes with it */
	settle();
}

/* While it waits for its turn, a device says once that there is something. */
static void a_vcpu_that_waits_for_its_turn_is_interrupted_once(void)
{
	struct irq_counts before, after;

	watch[0].rests = true;
	arch_iommu_irq_counts(addresses[0], &before);
	for (uint32_t k = 0; k < 10000; k++) {
		now_tsc += INTERVAL / 3;
		run_gate(0);
		look_at_devices();
		raise(0);
	}
	arch_iommu_irq_counts(addresses[0], &after);
	CHECK(after.raised == before.raised + 1);
	settle();
}

/* The old vCPU may never run again: the new one does not wait for it. */
static void an_entry_that_leads_elsewhere_is_not_kept_masked(void)
{
	watch[0].rests = true;
	now_tsc += 4 * INTERVAL;
	raise(0);
	CHECK((entries[0].control & IRQ_SOURCE_MASKED) && entries[0].source.holders == IRQ_GATE);
	raise(0);
	CHECK(entries[0].pending);
	route(0, 1);
	look_at_devices();
	CHECK(!entries[0].pending && arch_iommu_gate_tsc(0) != TSC_NEVER);
	take(1);
	CHECK(entries[0].taken == entries[0].raised);
	route(0, 0);
	settle();
}

/* It arrives at the old vCPU's core, which has no business with the new one's gate. */
static void a_message_under_way_passes_a_gate_of_another_core(void)
{
	const struct vtdm_interrupt late = message(addresses[0], arch_iommu_irq_msi(first), 0);

	now_tsc += 4 * INTERVAL;
	route(1, 1);
	raise(1);
	take(1);
	entries[0].raised = ++raise_count;
	route(0, 1);
	this_core = 0;
	CHECK(vtd_irq_serve(late.vector) && vtd_irq_taken() == BIT64(1));
	CHECK(arch_iommu_gate_tsc(1) == TSC_NEVER);
	take(1);
	CHECK(entries[0].taken == entries[0].raised);
	route(0, 0);
	route(1, 0);
	settle();
}

static void a_throttle_that_is_taken_off_leaves_nothing_behind(void)
{
	struct irq_counts before, after;

	for (uint32_t k = 0; k < 3; k++)
		raise(0);
	throttle(0, 0);
	throttle(1, 0);
	settle();
	arch_iommu_irq_counts(addresses[0], &before);
	for (uint32_t k = 0; k < 100; k++) {
		raise(0);
		take(0);
		CHECK(entries[0].taken == entries[0].raised);
	}
	arch_iommu_irq_counts(addresses[0], &after);
	CHECK(after.delivered == before.delivered + 100 && after.masked == before.masked);
}

/* Nor does one without a throttle say more than that while its vCPU waits; and what it had to say comes then. */
static void without_a_throttle_who_waits_is_interrupted_once_by_each_entry(void)
{
	struct irq_counts before, after;

	route(1, 0);
	watch[0].rests = true;
	arch_iommu_irq_counts(addresses[0], &before);
	for (uint32_t k = 0; k < 10000; k++) {
		now_tsc += 1000;
		run_gate(0);
		look_at_devices();
		raise(0);
		raise(1);
		take(0);
	}
	arch_iommu_irq_counts(addresses[0], &after);
	CHECK(after.raised == before.raised + 2 && after.masked == before.masked + 2);
	CHECK(entries[0].taken != entries[0].raised && entries[1].taken != entries[1].raised);
	watch[0].rests = false;
	run_gate(0);
	look_at_devices();
	take(0);
	CHECK(entries[0].taken == entries[0].raised && entries[1].taken == entries[1].raised);
	settle();
}

/* The other's throttle holds no more and no less than before. */
static void who_is_without_a_throttle_does_not_wait_for_the_gate_of_another(void)
{
	throttle(1, INTERVAL);
	route(ENTRIES, 0);
	now_tsc += 4 * INTERVAL;
	raise(ENTRIES);
	take(0);
	watch[0].rests = true;
	raise(ENTRIES);
	raise(0);
	take(0);
	raise(0);
	CHECK(entries[0].pending);
	watch[0].rests = false;
	run_gate(0);
	look_at_devices();
	take(0);
	CHECK(entries[0].taken == entries[0].raised);
	raise(ENTRIES);
	CHECK(entries[ENTRIES].taken != entries[ENTRIES].raised);
	CHECK(arch_iommu_gate_tsc(0) > now_tsc);
	settle();
	throttle(1, 0);
}

/* Who looks after what hardware posts? Nobody: so nothing may be held back. */
static void where_hardware_posts_there_is_no_gate(void)
{
	const struct vtdm_caps caps = vtdm_caps_full();
	struct vtdm_interrupt i;

	CHECK(start(&caps) == OK);
	guests[0].mailbox.vectors = arch_mem_take_pages(1);
	guests[0].has_apicv = true;
	guests[VCPUS] = (struct vcpu){ .id = VCPUS, .core = 1 };
	guests[VCPUS].mailbox.vectors = arch_mem_take_pages(1);
	vcpus[VCPUS] = &guests[VCPUS];
	CHECK(arch_iommu_domain_create(0) == OK && arch_iommu_attach(addresses[0], 0) == OK);
	CHECK(arch_iommu_irq_create(addresses[0], ENTRIES, &first) == OK);
	throttle(0, INTERVAL);
	CHECK(arch_iommu_irq_route(first, VCPUS, 1, vector_of(0)) == OK);
	i = message(addresses[0], arch_iommu_irq_msi(first), 0);
	this_core = 1;
	CHECK(i.delivery == VTDM_REMAPPED && vtd_irq_serve(i.vector));
	CHECK(descriptor_of(VCPUS)->control & PI_SN);
	/* It was under way to a vCPU that others may post to. */
	CHECK(arch_iommu_irq_route(first, 0, 0, vector_of(0)) == OK);
	this_core = 0;
	CHECK(vtd_gate_post(first, &guests[0], vector_of(0)));
	CHECK(vtd_gate_post(first + 1, &guests[0], vector_of(1)) == false);
	CHECK(!(descriptor_of(0)->control & PI_SN));
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(none_is_lost_and_none_is_early);
	RUN(an_interval_takes_few_host_interrupts);
	RUN(a_flood_costs_one_host_interrupt_an_interval);
	RUN(an_urgent_entry_passes_a_closed_gate);
	RUN(a_vcpu_that_waits_for_its_turn_is_interrupted_once);
	RUN(an_entry_that_leads_elsewhere_is_not_kept_masked);
	RUN(a_message_under_way_passes_a_gate_of_another_core);
	RUN(a_throttle_that_is_taken_off_leaves_nothing_behind);
	RUN(without_a_throttle_who_waits_is_interrupted_once_by_each_entry);
	RUN(who_is_without_a_throttle_does_not_wait_for_the_gate_of_another);
	RUN(where_hardware_posts_there_is_no_gate);
	return test_failed;
}
