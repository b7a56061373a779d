/* SPDX-License-Identifier: Apache-2.0 */
/* Devices' interrupts and faults: the contract of arch/iommu.h, seen by units from the specification. */
#include "arch/x86/vtd/irq.h"
#include "tests/property/random.h"
#include "tests/property/vtd_machine.h"
#include "tests/test.h"

#define DEV_A      PCI_ADDR(0u, 1u, 0u, 0u)
#define DEV_B      PCI_ADDR(0u, 3u, 5u, 2u)
#define DEV_C      PCI_ADDR(0u, 0u, 0x1fu, 2u)
#define VCPU_COUNT 4u
#define VECTORS    (VTD_VECTOR_LAST - VTD_VECTOR_FIRST + 1)

static struct vcpu guests[VCPU_COUNT];

static void make_guests(bool has_apicv)
{
	memset(guests, 0, sizeof(guests));
	for (uint32_t i = 0; i < VCPU_COUNT; i++) {
		guests[i] = (struct vcpu){ .id = i, .has_apicv = has_apicv };
		guests[i].mailbox.vectors = arch_mem_take_pages(1);
		vcpus[i] = &guests[i];
	}
}

static void begin_with(const struct vtdm_caps *caps, bool has_apicv)
{
	CHECK(start(caps) == OK);
	make_guests(has_apicv);
	CHECK(arch_iommu_domain_create(0) == OK);
	CHECK(arch_iommu_attach(DEV_A, 0) == OK);
	CHECK(arch_iommu_attach(DEV_B, 0) == OK);
}

static void begin(bool has_apicv)
{
	const struct vtdm_caps caps = vtdm_caps_full();

	begin_with(&caps, has_apicv);
}

static bool has_got(vcpu_id_t id, uint8_t vector)
{
	uint64_t vectors[4];
	bool has = false;

	if (pi_take(guests[id].mailbox.vectors, vectors)) {
		has = vectors[vector / 64] == BIT64(vector % 64);
		vectors[vector / 64] = 0;
		CHECK((vectors[0] | vectors[1] | vectors[2] | vectors[3]) == 0);
	}
	return has;
}

/* What the processors do with a remapped message. */
static bool serve(const struct vtdm_interrupt *i)
{
	bool is_known = false;

	CHECK(i->delivery == VTDM_REMAPPED && i->mode == 0 && !i->is_logical && !i->is_level);
	for (core_id_t core = 0; core < CORES; core++) {
		if (apic_ids[core] != i->destination)
			continue;
		this_core = core;
		is_known = vtd_irq_serve(i->vector);
	}
	return is_known;
}

/* ---- Routes ---- */

static void a_routed_interrupt_reaches_its_vcpu_and_no_other(void)
{
	for (uint32_t kind = 0; kind < KINDS; kind++) {
		const struct vtdm_caps caps = kind_of_unit(kind);
		irq_id_t first;

		if (!caps.interrupts)
			continue;
		host_is_x2apic = caps.extended && kind % 2 == 0;
		begin_with(&caps, false);
		CHECK(arch_iommu_irq_create(DEV_A, 4, &first) == OK);
		for (uint32_t i = 0; i < 4; i++) {
			const struct irq_msi m = arch_iommu_irq_msi(first + i);
			struct vtdm_interrupt got = message(DEV_A, m, 0);

			CHECK(got.delivery == VTDM_BLOCKED && got.fault == VTDM_IR_NOT_PRESENT);
			CHECK(arch_iommu_irq_route(first + i, i, i, (uint8_t)(0x40 + i)) == OK);
			got = message(DEV_A, m, 0);
			CHECK(got.destination == apic_ids[i] && serve(&got));
			CHECK(vtd_irq_taken() == BIT64(i) && vtd_irq_taken() == 0);
			for (uint32_t k = 0; k < 4; k++)
				CHECK(has_got(k, (uint8_t)(0x40 + i)) == (k == i));
			/* The same by the number in a multiple-message MSI's data. */
			got = message(DEV_A, arch_iommu_irq_msi(first), i);
			CHECK(serve(&got) && vtd_irq_taken() == BIT64(i));
			CHECK(has_got(i, (uint8_t)(0x40 + i)));
		}
		CHECK(complaint() == NULL);
		host_is_x2apic = false;
	}
}

static void nobody_raises_what_is_not_his(void)
{
	irq_id_t a, b;
	struct vtdm_interrupt got;

	begin(false);
	CHECK(arch_iommu_irq_create(DEV_A, 3, &a) == OK);
	CHECK(arch_iommu_irq_create(DEV_B, 3, &b) == OK);
	for (uint32_t i = 0; i < 3; i++) {
		CHECK(arch_iommu_irq_route(a + i, 0, 0, 0x41) == OK);
		CHECK(arch_iommu_irq_route(b + i, 1, 1, 0x42) == OK);
	}
	for (uint32_t handle = 0; handle < 0x10000; handle++) {
		const struct irq_msi forged = {
			0xfee00010 | (handle & 0x7fff) << 5 | (handle >> 15) << 2, 0
		};

		got = message(DEV_B, forged, 0);
		CHECK((got.delivery != VTDM_BLOCKED) == (handle >= 3 && handle < 6));
		CHECK(got.delivery != VTDM_BLOCKED ||
		      got.fault == (handle < 3     ? VTDM_IR_SOURCE
				    : handle < 512 ? VTDM_IR_NOT_PRESENT
						   : VTDM_IR_INDEX));
	}
	/* Not in remappable format: any vector, any processor. */
	for (uint32_t data = 0; data < 0x800; data++) {
		got = message(DEV_B, (struct irq_msi){ 0xfee00000 | (data & 0xff) << 12, data }, 0);
		CHECK(got.delivery == VTDM_BLOCKED && got.fault == VTDM_IR_COMPATIBILITY);
	}
	CHECK(complaint() == NULL);
}

static void a_masked_interrupt_reaches_nobody_not_even_late(void)
{
	irq_id_t irq;
	struct vtdm_interrupt late;

	begin(false);
	CHECK(arch_iommu_irq_create(DEV_A, 1, &irq) == OK);
	CHECK(arch_iommu_irq_route(irq, 2, 3, 0x77) == OK);
	late = message(DEV_A, arch_iommu_irq_msi(irq), 0);
	CHECK(arch_iommu_irq_mask(irq) == OK);
	CHECK(message(DEV_A, arch_iommu_irq_msi(irq), 0).fault == VTDM_IR_NOT_PRESENT);
	CHECK(serve(&late) && vtd_irq_taken() == 0 && !has_got(2, 0x77));
	CHECK(arch_iommu_irq_route(irq, 1, 1, 0x78) == OK);
	late = message(DEV_A, arch_iommu_irq_msi(irq), 0);
	CHECK(serve(&late) && vtd_irq_taken() == BIT64(1) && has_got(1, 0x78));
	CHECK(complaint() == NULL);
}

/* It was on its way to core 0 when the route changed to a vCPU of core 1. */
static void a_message_under_way_follows_a_new_route(void)
{
	irq_id_t irq;
	struct vtdm_interrupt late, got;

	begin(false);
	CHECK(arch_iommu_irq_create(DEV_A, 1, &irq) == OK);
	CHECK(arch_iommu_irq_route(irq, 0, 0, 0x50) == OK);
	late = message(DEV_A, arch_iommu_irq_msi(irq), 0);
	CHECK(arch_iommu_irq_route(irq, 1, 1, 0x51) == OK);
	got = message(DEV_A, arch_iommu_irq_msi(irq), 0);
	CHECK(got.destination == apic_ids[1]);
	CHECK(serve(&late) && this_core == 0 && vtd_irq_taken() == BIT64(1) && has_got(1, 0x51));
	CHECK(serve(&got) && this_core == 1 && vtd_irq_taken() == BIT64(1) && has_got(1, 0x51));
	CHECK(!has_got(0, 0x50));
	/* Back again: the vector on core 0 is the same one. */
	CHECK(arch_iommu_irq_route(irq, 0, 0, 0x52) == OK);
	CHECK(message(DEV_A, arch_iommu_irq_msi(irq), 0).vector == late.vector);
	CHECK(complaint() == NULL);
}

static void a_device_is_edge_triggered_and_notifies_once(void)
{
	irq_id_t irq;
	struct vtdm_interrupt got;

	begin(false);
	guests[0].mailbox.level[1] = BIT64(0x50 - 64) | BIT64(0);
	CHECK(arch_iommu_irq_create(DEV_A, 1, &irq) == OK);
	CHECK(arch_iommu_irq_route(irq, 0, 0, 0x50) == OK);
	got = message(DEV_A, arch_iommu_irq_msi(irq), 0);
	CHECK(serve(&got) && vtd_irq_taken() == BIT64(0));
	CHECK(guests[0].mailbox.level[1] == BIT64(0));
	CHECK(serve(&got) && vtd_irq_taken() == 0); /* its notification is under way */
	CHECK(has_got(0, 0x50));
}

static void a_closed_gate_holds_back_what_software_posts_too(void)
{
	irq_id_t irq;
	struct vtdm_interrupt got;

	begin(false);
	pi_suppress(guests[0].mailbox.vectors);
	CHECK(arch_iommu_irq_create(DEV_A, 1, &irq) == OK);
	CHECK(arch_iommu_irq_route(irq, 0, 0, 0x50) == OK);
	got = message(DEV_A, arch_iommu_irq_msi(irq), 0);
	CHECK(serve(&got) && serve(&got) && vtd_irq_taken() == 0);
	CHECK(pi_release(guests[0].mailbox.vectors).is_due && has_got(0, 0x50));
}

static void hardware_posts_where_it_can(void)
{
	irq_id_t irq;

	for (uint32_t vector = 16; vector < 256; vector++) {
		struct vtdm_interrupt got;

		begin(true);
		CHECK(arch_iommu_can_post());
		CHECK(arch_iommu_irq_create(DEV_A, 2, &irq) == OK);
		CHECK(arch_iommu_irq_route(irq + 1, 3, 2, (uint8_t)vector) == OK);
		got = message(DEV_A, arch_iommu_irq_msi(irq + 1), 0);
		CHECK(got.delivery == VTDM_POSTED && got.notified);
		CHECK(got.descriptor == arch_mem_hpa(guests[3].mailbox.vectors).v);
		CHECK(has_got(3, (uint8_t)vector));
		CHECK(message(DEV_B, arch_iommu_irq_msi(irq + 1), 0).fault == VTDM_IR_SOURCE);
		CHECK(arch_iommu_irq_route(irq + 1, 1, 2, (uint8_t)vector) == OK);
		got = message(DEV_A, arch_iommu_irq_msi(irq + 1), 0);
		CHECK(got.delivery == VTDM_POSTED && has_got(1, (uint8_t)vector));
		CHECK(!has_got(3, (uint8_t)vector));
		CHECK(arch_iommu_irq_mask(irq + 1) == OK);
		CHECK(message(DEV_A, arch_iommu_irq_msi(irq + 1), 0).delivery == VTDM_BLOCKED);
		CHECK(complaint() == NULL);
	}
}

static void what_cannot_be_routed_is_refused(void)
{
	struct vtdm_caps caps = vtdm_caps_full();
	irq_id_t irq, more;

	begin(false);
	CHECK(arch_iommu_irq_create(DEV_A, 0, &irq) == ERR_INVAL);
	CHECK(arch_iommu_irq_create(PCI_ADDR(2u, 0u, 0u, 0u), 1, &irq) == ERR_NODEV);
	CHECK(arch_iommu_irq_create(DEV_A, VTD_IRQ_MAX + 1, &irq) == ERR_NOMEM);
	CHECK(arch_iommu_irq_create(DEV_A, VTD_IRQ_MAX, &irq) == OK && irq == 0);
	CHECK(arch_iommu_irq_create(DEV_C, 1, &more) == ERR_NOMEM);
	CHECK(arch_iommu_irq_route(VTD_IRQ_MAX, 0, 0, 0x40) == ERR_INVAL);
	CHECK(arch_iommu_irq_route(0, VCPU_COUNT, 0, 0x40) == ERR_INVAL);
	CHECK(arch_iommu_irq_route(0, MAX_VCPUS, 0, 0x40) == ERR_INVAL);
	CHECK(arch_iommu_irq_route(0, 0, CORES, 0x40) == ERR_INVAL);
	CHECK(arch_iommu_irq_route(0, 0, 0, 15) == ERR_INVAL);
	CHECK(arch_iommu_irq_mask(VTD_IRQ_MAX) == ERR_INVAL);
	guests[1].is_direct = true;
	CHECK(arch_iommu_irq_route(0, 1, 1, 0x40) == ERR_UNSUPPORTED);
	CHECK(arch_iommu_irq_msi(VTD_IRQ_MAX).address == 0);
	for (irq = 0; irq < VECTORS; irq++)
		CHECK(arch_iommu_irq_route(irq, 0, 0, 0x40) == OK);
	CHECK(arch_iommu_irq_route(irq, 0, 0, 0x40) == ERR_NOMEM);
	CHECK(message(DEV_A, arch_iommu_irq_msi(irq), 0).fault == VTDM_IR_NOT_PRESENT);
	CHECK(arch_iommu_irq_route(irq, 0, 1, 0x40) == OK);
	CHECK(!vtd_irq_serve(VTD_VECTOR_FIRST - 1) && !vtd_irq_serve(VTD_VECTOR_LAST + 1));
	this_core = 2;
	for (uint32_t v = 0; v < 256; v++)
		CHECK(!vtd_irq_serve((uint8_t)v));
	CHECK(complaint() == NULL);

	caps.queue = caps.interrupts = caps.posting = caps.extended = false;
	CHECK(start(&caps) == OK);
	CHECK(arch_iommu_irq_create(DEV_A, 1, &irq) == ERR_UNSUPPORTED);
}

static void a_route_that_hardware_does_not_confirm_is_masked(void)
{
	irq_id_t irq;
	struct vtdm_interrupt late;

	begin(false);
	CHECK(arch_iommu_irq_create(DEV_A, 1, &irq) == OK);
	CHECK(arch_iommu_irq_route(irq, 0, 0, 0x50) == OK);
	late = message(DEV_A, arch_iommu_irq_msi(irq), 0);
	vtdm_set_latency(unit_of(DEV_A), VTDM_NEVER);
	CHECK(arch_iommu_irq_route(irq, 1, 1, 0x51) == ERR_TIMEOUT);
	CHECK(serve(&late) && vtd_irq_taken() == 0);
	CHECK(!has_got(0, 0x50) && !has_got(1, 0x51));
}

/* Random routes, masks and messages beside a list of who should get what. */
static void routes_agree_with_a_list(void)
{
	struct {
		bool is_routed;
		vcpu_id_t vcpu;
		uint8_t vector;
	} list[16] = { { 0 } };
	irq_id_t first, second;

	begin(false);
	CHECK(arch_iommu_irq_create(DEV_A, 8, &first) == OK);
	CHECK(arch_iommu_irq_create(DEV_B, 8, &second) == OK && second == first + 8);
	for (uint32_t step = 0; step < 20000; step++) {
		const irq_id_t irq = (irq_id_t)random_below(16);
		const pci_addr_t f = irq < 8 ? DEV_A : DEV_B;
		const uint64_t what = random_below(4);
		struct vtdm_interrupt got;

		if (what == 0) {
			list[irq].is_routed = true;
			list[irq].vcpu = random_below(VCPU_COUNT);
			list[irq].vector = (uint8_t)random_between(16, 255);
			CHECK(arch_iommu_irq_route(first + irq, list[irq].vcpu,
						   (core_id_t)list[irq].vcpu,
						   list[irq].vector) == OK);
		} else if (what == 1 && random_below(3) == 0) {
			list[irq].is_routed = false;
			CHECK(arch_iommu_irq_mask(first + irq) == OK);
		}
		got = message(f, arch_iommu_irq_msi(first + irq), 0);
		CHECK((got.delivery == VTDM_REMAPPED) == list[irq].is_routed);
		if (got.delivery != VTDM_REMAPPED)
			continue;
		CHECK(serve(&got) && this_core == list[irq].vcpu);
		CHECK(vtd_irq_taken() == BIT64(list[irq].vcpu));
		CHECK(has_got(list[irq].vcpu, list[irq].vector));
	}
	CHECK(complaint() == NULL);
}

/* ---- Faults ---- */

static void every_fault_is_reported_with_its_device_and_domain(void)
{
	struct iommu_fault f;
	irq_id_t irq;

	begin(false);
	CHECK(arch_iommu_map(0, (gpa_t){ 0x1000 }, (hpa_t){ 0x1000 }, 0x1000, SPACE_READ) == OK);
	CHECK(arch_iommu_irq_create(DEV_A, 4, &irq) == OK);
	CHECK(!arch_iommu_take_fault(&f));

	(void)dma(DEV_A, 0x1234, VTDM_WRITE);
	CHECK(arch_iommu_take_fault(&f) && f.kind == IOMMU_FAULT_WRITE && f.device == DEV_A);
	CHECK(f.domain == 0 && f.address == 0x1000 && f.reason == 5 && f.lost == 0);
	(void)dma(DEV_B, 0x123456789abc, VTDM_READ);
	CHECK(arch_iommu_take_fault(&f) && f.kind == IOMMU_FAULT_READ && f.device == DEV_B);
	CHECK(f.domain == 0 && f.address == 0x123456789000 && f.reason == 6);
	(void)dma(DEV_C, 0x5000, VTDM_READ);
	CHECK(arch_iommu_take_fault(&f) && f.device == DEV_C && f.domain == UINT32_MAX);
	CHECK(f.reason == 1 && f.address == 0x5000);
	(void)message(DEV_A, arch_iommu_irq_msi(irq + 3), 0);
	CHECK(arch_iommu_take_fault(&f) && f.kind == IOMMU_FAULT_INTERRUPT && f.device == DEV_A);
	CHECK(f.address == 3 && f.reason == 0x22 && f.domain == 0);
	CHECK(!arch_iommu_take_fault(&f));
	CHECK(complaint() == NULL);
}

static void what_was_lost_is_said(void)
{
	static const uint32_t records[] = { 1, 2, 8, 256 };

	for (uint32_t i = 0; i < ARRAY_SIZE(records); i++) {
		struct vtdm_caps caps = vtdm_caps_full();
		struct iommu_fault f;
		uint32_t taken = 0;

		caps.fault_records = records[i];
		caps.fault_offset = 0x800;
		begin_with(&caps, false);
		for (uint32_t n = 0; n < records[i] + 5; n++)
			(void)dma(DEV_A, 0x1000 * n, VTDM_READ);
		for (; arch_iommu_take_fault(&f); taken++)
			CHECK(f.address == 0x1000 * taken && f.lost == 0);
		CHECK(taken == records[i]);
		/* Recording goes on, and the next one tells. */
		(void)dma(DEV_A, 0x777000, VTDM_READ);
		CHECK(arch_iommu_take_fault(&f) && f.address == 0x777000 && f.lost == 1);
		(void)dma(DEV_A, 0x778000, VTDM_READ);
		CHECK(arch_iommu_take_fault(&f) && f.address == 0x778000 && f.lost == 0);
		CHECK(complaint() == NULL);
	}
}

/* Faults and readings in any order: none comes twice, none is made up, order is kept. */
static void the_ring_of_records_is_read_as_it_was_written(void)
{
	struct vtdm_caps caps = vtdm_caps_full();
	uint64_t next = 1, last = 0, recorded = 0, taken = 0;
	struct iommu_fault f;

	caps.fault_records = 5;
	begin_with(&caps, false);
	for (uint32_t step = 0; step < 20000; step++) {
		const uint32_t before = vtdm_counts(unit_of(DEV_A))->faults_unrecorded;

		if (random_u64() & 1) {
			(void)dma(DEV_A, next++ << 12, VTDM_READ);
			recorded += vtdm_counts(unit_of(DEV_A))->faults_unrecorded == before;
		} else if (arch_iommu_take_fault(&f)) {
			taken++;
			CHECK(f.address >> 12 < next);
			CHECK(f.lost > 0 || f.address >> 12 != last);
			last = f.address >> 12;
		}
	}
	while (arch_iommu_take_fault(&f))
		taken++;
	CHECK(taken == recorded);
	CHECK(complaint() == NULL);
}

static void a_flooded_unit_does_not_hide_the_other(void)
{
	struct vtdm_caps caps = vtdm_caps_full();
	struct iommu_fault f;
	bool has_seen_c = false;

	caps.fault_records = 16;
	begin_with(&caps, false);
	for (uint32_t n = 0; n < 32; n++)
		(void)dma(DEV_A, 0x1000 * n, VTDM_READ);
	(void)dma(DEV_C, 0x1000, VTDM_READ);
	for (uint32_t n = 0; n < 3 && arch_iommu_take_fault(&f); n++)
		has_seen_c |= f.device == DEV_C;
	CHECK(has_seen_c);
}

static void every_reason_has_words(void)
{
	for (uint32_t reason = 0; reason < 256; reason++)
		CHECK(strlen(arch_iommu_fault_text((uint8_t)reason)) > 10);
	CHECK(strcmp(arch_iommu_fault_text(0x26), "another device's interrupt") == 0);
	CHECK(strcmp(arch_iommu_fault_text(0), arch_iommu_fault_text(0x1f)) == 0);
	CHECK(strcmp(arch_iommu_fault_text(0x29), arch_iommu_fault_text(0x1f)) == 0);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(a_routed_interrupt_reaches_its_vcpu_and_no_other);
	RUN(nobody_raises_what_is_not_his);
	RUN(a_masked_interrupt_reaches_nobody_not_even_late);
	RUN(a_message_under_way_follows_a_new_route);
	RUN(a_device_is_edge_triggered_and_notifies_once);
	RUN(a_closed_gate_holds_back_what_software_posts_too);
	RUN(hardware_posts_where_it_can);
	RUN(what_cannot_be_routed_is_refused);
	RUN(a_route_that_hardware_does_not_confirm_is_masked);
	RUN(routes_agree_with_a_list);
	RUN(every_fault_is_reported_with_its_device_and_domain);
	RUN(what_was_lost_is_said);
	RUN(the_ring_of_records_is_read_as_it_was_written);
	RUN(a_flooded_unit_does_not_hide_the_other);
	RUN(every_reason_has_words);
	return test_failed;
}
