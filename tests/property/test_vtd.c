/* SPDX-License-Identifier: Apache-2.0 */
/* Devices and memory: the contract of arch/iommu.h, seen by units built from the specification. */
#include "tests/property/random.h"
#include "tests/property/vtd_machine.h"
#include "tests/test.h"

#define DEV_A   PCI_ADDR(0u, 1u, 0u, 0u)    /* behind the bridge: unit 0 */
#define DEV_B   PCI_ADDR(0u, 3u, 5u, 2u)    /* likewise */
#define DEV_GFX PCI_ADDR(0u, 0u, 2u, 0u)    /* unit 0 by name */
#define DEV_C   PCI_ADDR(0u, 0u, 0x1fu, 2u) /* unit 1 */
#define DEV_D   PCI_ADDR(0u, 0xffu, 0x1fu, 7u)
#define DEV_USB PCI_ADDR(0u, 0u, 0x14u, 0u) /* with reserved memory */
#define RW      (SPACE_READ | SPACE_WRITE)
#define HOST    UINT64_C(0x20000000) /* of partition 0, partition 1 begins at twice that */

static const pci_addr_t devices[] = { DEV_A, DEV_B, DEV_GFX, DEV_C, DEV_D };

/* Kinds 5 and 6 do not remap interrupts: only the hypervisor may have devices there. */
static part_id_t domain_for(uint32_t kind)
{
	return kind == 5 || kind == 6 ? IOMMU_HYPERVISOR : 0;
}

static enum err map(part_id_t domain, uint64_t at, uint64_t hpa, uint64_t bytes, uint32_t rights)
{
	return arch_iommu_map(domain, (gpa_t){ at }, (hpa_t){ hpa }, bytes, rights);
}

static part_id_t begin(uint32_t kind)
{
	const struct vtdm_caps caps = kind_of_unit(kind);
	const part_id_t d = domain_for(kind);

	CHECK(start(&caps) == OK);
	CHECK(arch_iommu_domain_create(d) == OK);
	CHECK(map(d, 0, HOST, 0x10000, RW) == OK);
	return d;
}

static void nobody_reaches_anything_at_first(void)
{
	for (uint32_t kind = 0; kind < KINDS; kind++) {
		const struct vtdm_caps caps = kind_of_unit(kind);

		CHECK(start(&caps) == OK);
		CHECK(arch_iommu_is_present());
		for (uint32_t rid = 0; rid < 0x10000; rid += 7) {
			const uint64_t at = random_below(BIT64(caps.guest_bits)) & ~UINT64_C(0xfff);

			if (at >> 20 == 0xfee)
				continue;
			CHECK(dma(rid, at, rid & 1 ? VTDM_READ : VTDM_WRITE).fault ==
			      VTDM_ROOT_NOT_PRESENT);
		}
		CHECK(complaint() == NULL);
	}
}

static void an_attached_device_reaches_its_domain_and_no_other_device_does(void)
{
	for (uint32_t kind = 0; kind < KINDS; kind++) {
		const part_id_t d = begin(kind);

		for (uint32_t i = 0; i < ARRAY_SIZE(devices); i++) {
			CHECK(blocked_by(devices[i], 0x1000) != VTDM_OK);
			CHECK(arch_iommu_attach(devices[i], d) == OK);
			CHECK(arch_iommu_attach(devices[i], d) == OK);
			for (uint32_t k = 0; k < ARRAY_SIZE(devices); k++)
				CHECK(can_reach(devices[k], 0x1000, HOST + 0x1000) == (k <= i));
			CHECK(blocked_by(devices[i] ^ 0x80, 0x1000) ==
			      (devices[i] == DEV_GFX ? VTDM_ROOT_NOT_PRESENT
						     : VTDM_CONTEXT_NOT_PRESENT));
			CHECK(blocked_by(devices[i], 0x10000) == VTDM_NO_READ);
		}
		CHECK(complaint() == NULL);
	}
}

static void a_blocked_device_reaches_nothing_and_its_next_domain_only(void)
{
	for (uint32_t kind = 0; kind < KINDS; kind++) {
		const part_id_t d = begin(kind);
		const part_id_t other = d == IOMMU_HYPERVISOR ? d : 1;

		if (other != d) {
			CHECK(arch_iommu_domain_create(other) == OK);
			CHECK(map(other, 0, 2 * HOST, 0x8000, SPACE_READ) == OK);
		}
		for (uint32_t round = 0; round < 3; round++) {
			const struct vtdm_counts *n = vtdm_counts(unit_of(DEV_A));
			const uint32_t drains = n->iotlb_drain_read;

			CHECK(arch_iommu_attach(DEV_A, d) == OK);
			CHECK(can_reach(DEV_A, 0x2000, HOST + 0x2000));
			CHECK(dma(DEV_A, 0x9000, VTDM_WRITE).fault == VTDM_OK);
			CHECK(arch_iommu_block(DEV_A) == OK);
			CHECK(blocked_by(DEV_A, 0x2000) == VTDM_CONTEXT_NOT_PRESENT);
			CHECK(!kind_of_unit(kind).drain_read || n->iotlb_drain_read > drains);
			CHECK(arch_iommu_block(DEV_A) == OK);
			if (other == d)
				continue;
			CHECK(arch_iommu_attach(DEV_A, other) == OK);
			CHECK(arch_iommu_attach(DEV_A, d) == ERR_INVAL);
			CHECK(can_reach(DEV_A, 0x2000, 2 * HOST + 0x2000));
			CHECK(dma(DEV_A, 0x2000, VTDM_WRITE).fault == VTDM_NO_WRITE);
			CHECK(blocked_by(DEV_A, 0x9000) == VTDM_NO_READ);
			CHECK(arch_iommu_block(DEV_A) == OK);
		}
		CHECK(complaint() == NULL);
	}
}

static void what_is_mapped_later_is_reached_too(void)
{
	for (uint32_t kind = 0; kind < KINDS; kind++) {
		const part_id_t d = begin(kind);

		CHECK(arch_iommu_attach(DEV_A, d) == OK);
		CHECK(blocked_by(DEV_A, 0x12345000) == VTDM_NO_READ);
		CHECK(map(d, 0x12000000, HOST + 0x2000000, 0x1000000, RW) == OK);
		CHECK(can_reach(DEV_A, 0x12345000, HOST + 0x2345000));
		CHECK(complaint() == NULL);
	}
}

static void the_hypervisor_finds_host_addresses(void)
{
	for (uint32_t kind = 0; kind < KINDS; kind++) {
		const struct vtdm_caps caps = kind_of_unit(kind);

		CHECK(start(&caps) == OK);
		CHECK(arch_iommu_domain_create(IOMMU_HYPERVISOR) == OK);
		CHECK(map(IOMMU_HYPERVISOR, HOST, HOST, 0x4000, RW) == OK);
		CHECK(arch_iommu_attach(DEV_C, IOMMU_HYPERVISOR) == OK);
		CHECK(can_reach(DEV_C, HOST + 0x3000, HOST + 0x3000));
		CHECK(blocked_by(DEV_C, HOST - 0x1000) == VTDM_NO_READ);
		CHECK(complaint() == NULL);
	}
}

static void what_cannot_be_is_refused(void)
{
	const struct vtdm_caps caps = vtdm_caps_full();
	const char *missing = NULL;

	CHECK(start(&caps) == OK);
	CHECK(arch_iommu_attach(DEV_A, 0) == ERR_INVAL);
	CHECK(map(0, 0, 0, 4096, RW) == ERR_INVAL);
	CHECK(arch_iommu_domain_create(IOMMU_DISKS + 1) == ERR_INVAL);
	CHECK(arch_iommu_domain_create(0) == OK);
	CHECK(arch_iommu_domain_create(0) == ERR_INVAL);
	CHECK(arch_iommu_attach(DEV_USB, 0) == ERR_UNSUPPORTED);
	CHECK(arch_iommu_attach(PCI_ADDR(1u, 0u, 0u, 0u), 0) == ERR_NODEV);
	CHECK(arch_iommu_block(PCI_ADDR(1u, 0u, 0u, 0u)) == ERR_NODEV);
	CHECK(arch_iommu_block(DEV_D) == OK);
	CHECK(map(0, 0xfee00000, HOST, 4096, RW) == ERR_INVAL);
	CHECK(map(0, 0xfed00000, HOST, 0x200000, RW) == ERR_INVAL);
	CHECK(map(0, 0, 0xfeeff000, 4096, RW) == ERR_INVAL);
	CHECK(map(0, 0xfef00000, HOST, 4096, RW) == OK);
	CHECK(map(0, 0xfedff000, HOST, 4096, RW) == OK);
	CHECK(map(0, 0, HOST, 4096, RW | SPACE_EXEC) == ERR_INVAL);
	CHECK(map(0, BIT64(48) - 4096, HOST, 8192, RW) == ERR_RANGE);
	CHECK(map(0, UINT64_MAX - 4095, HOST, 4096, RW) == ERR_INVAL);
	is_sealed = true;
	CHECK(arch_iommu_attach(DEV_A, 0) == ERR_NOMEM);
	CHECK(blocked_by(DEV_A, 0) == VTDM_ROOT_NOT_PRESENT);
	acpi.dmar = 0;
	CHECK(arch_iommu_init(&missing) == ERR_NODEV && strstr(missing, "DMAR"));
	CHECK(!arch_iommu_is_present() && arch_iommu_attach(DEV_A, 0) == ERR_NODEV);
	CHECK(arch_iommu_domain_create(0) == ERR_NODEV);
	CHECK(map(0, 0, HOST, 4096, RW) == ERR_NODEV);
	CHECK(complaint() == NULL);
}

/* After the tables of a bus exist, no memory is needed: hand-over works when all is sealed. */
static void devices_change_hands_when_memory_is_sealed(void)
{
	const part_id_t d = begin(1);

	CHECK(arch_iommu_attach(DEV_A, d) == OK);
	is_sealed = true;
	CHECK(arch_iommu_block(DEV_A) == OK);
	CHECK(arch_iommu_attach(DEV_A + 1, d) == OK);
	CHECK(can_reach(DEV_A + 1, 0, HOST) && !can_reach(DEV_A, 0, HOST));
}

static void domains_beyond_what_the_unit_can_number_are_refused(void)
{
	struct vtdm_caps caps = vtdm_caps_full();

	caps.domain_bits = 4;
	CHECK(start(&caps) == OK);
	for (part_id_t i = 0; i < MAX_PARTITIONS; i++) {
		CHECK(arch_iommu_domain_create(i) == OK);
		CHECK(map(i, 0, HOST + i * 0x1000, 0x1000, RW) == OK);
		CHECK(arch_iommu_attach(DEV_A + i, i) == (i < 15 ? OK : ERR_NOMEM));
	}
	for (part_id_t i = 0; i < 15; i++)
		CHECK(can_reach(DEV_A + i, 0, HOST + i * 0x1000));
	CHECK(complaint() == NULL);
}

static void without_remapped_interrupts_no_partition_gets_a_device(void)
{
	struct vtdm_caps caps = vtdm_caps_full();
	irq_id_t irq;
	const char *missing = NULL;

	for (int i = 0; i < 3; i++) {
		caps = vtdm_caps_full();
		host_is_x2apic = i == 2;
		if (i == 0)
			caps.interrupts = caps.posting = caps.extended = false;
		if (i == 2)
			caps.extended = false;
		make_machine(&caps, i == 1 ? 0 : DMAR_FLAG_IR);
		CHECK(arch_iommu_init(&missing) == OK);
		CHECK(arch_iommu_domain_create(0) == OK);
		CHECK(arch_iommu_domain_create(IOMMU_HYPERVISOR) == OK);
		CHECK(arch_iommu_attach(DEV_A, 0) == ERR_UNSUPPORTED);
		CHECK(arch_iommu_attach(DEV_A, IOMMU_HYPERVISOR) == OK);
		CHECK(arch_iommu_irq_create(DEV_A, 1, &irq) == ERR_UNSUPPORTED);
		CHECK(complaint() == NULL);
	}
	host_is_x2apic = false;
}

/* ---- Firmware ---- */

/* What a firmware that protects itself leaves: everything on, one device let through. */
static void firmware_starts(struct vtdm *u, uint64_t root, bool has_queue)
{
	uint32_t state = 0;
	uint64_t *const at = arch_mem_at((hpa_t){ root });

	at[0] = (root + 0x1000) | 1;
	at[512 + 2 * 0xfa] = (root + 0x2000) | 1; /* 00:1f.2 */
	at[512 + 2 * 0xfa + 1] = 2 | 5 << 8;
	at[1024] = (root + 0x3000) | 3;
	at[1536] = (root + 0x4000) | 3;
	at[2048] = (root + 0x5000) | 3;
	at[2560] = 0x70000000 | 3;
	at[7 * 512] = 1;
	vtdm_flushed(u, at, 8 * 4096);
	vtdm_write(u, 0x18, 4, BIT32(27)); /* write-buffer flush, where there is one */
	if (has_queue) {
		vtdm_write(u, 0x88, 8, 0);
		vtdm_write(u, 0x90, 8, root + 0x6000);
		vtdm_write(u, 0x18, 4, state |= BIT32(26));
	}
	vtdm_write(u, 0x20, 8, root);
	vtdm_write(u, 0x18, 4, state | BIT32(30));
	vtdm_write(u, 0x18, 4, state |= BIT32(31));
	if (!has_queue)
		return;
	vtdm_write(u, 0xb8, 8, (root + 0x7000) | 7);
	vtdm_write(u, 0x18, 4, state | BIT32(24));
	vtdm_write(u, 0x18, 4, state |= BIT32(25));
	vtdm_write(u, 0x18, 4, state | BIT32(23));
}

static void firmwares_own_use_is_taken_over(void)
{
	for (uint32_t kind = 0; kind < KINDS; kind++) {
		struct vtdm_caps caps = kind_of_unit(kind);
		const char *missing = NULL;
		void *tables;

		caps.latency = 0;
		caps.level4 = true;
		caps.low_region = caps.high_region = true;
		make_machine(&caps, DMAR_FLAG_IR);
		tables = arch_mem_take_pages(8);
		firmware_starts(units[1], arch_mem_hpa(tables).v, caps.queue);
		CHECK(can_reach(DEV_C, 0x10, 0x70000010));
		CHECK(blocked_by(DEV_A, 0) == VTDM_OK); /* unit 0 is off */
		vtdm_write(units[0], 0x68, 4, 0);
		vtdm_write(units[0], 0x64, 4, BIT32(31));
		(void)complaint(); /* firmware skips invalidations; that is its business */
		CHECK(arch_iommu_init(&missing) == OK);
		CHECK(blocked_by(DEV_C, 0x10) == VTDM_ROOT_NOT_PRESENT);
		CHECK(blocked_by(DEV_A, 0x10) == VTDM_ROOT_NOT_PRESENT);
		for (uint32_t i = 0; i < UNITS; i++) {
			const uint32_t on = BIT32(31) | (caps.queue ? BIT32(26) : 0) |
					    (caps.interrupts ? BIT32(25) : 0);

			CHECK((vtdm_read(units[i], 0x1c, 4) &
			       (BIT32(31) | BIT32(26) | BIT32(25) | BIT32(23))) == on);
			CHECK((vtdm_read(units[i], 0x64, 4) & 1) == 0);
		}
		CHECK(complaint() == NULL);
	}
}

/* ---- Hardware that does not answer ---- */

static void hardware_that_hangs_is_given_up_in_time_and_never_trusted(void)
{
	for (uint32_t kind = 0; kind < KINDS; kind++) {
		const part_id_t d = begin(kind);
		uint64_t begun;

		CHECK(arch_iommu_attach(DEV_A, d) == OK);
		CHECK(can_reach(DEV_A, 0x2000, HOST + 0x2000));
		vtdm_set_latency(unit_of(DEV_A), VTDM_NEVER);
		begun = now_tsc;
		CHECK(arch_iommu_block(DEV_A) == ERR_TIMEOUT);
		CHECK(arch_iommu_attach(DEV_A, d) == ERR_TIMEOUT);
		CHECK(now_tsc - begun < 6 * TSC_HZ / 100);
		vtdm_set_latency(unit_of(DEV_A), 2);
		/* What hung may never end in this unit; nobody but us waits for it. */
		if (arch_iommu_attach(DEV_A, d) == OK)
			CHECK(can_reach(DEV_A, 0x2000, HOST + 0x2000));
		(void)complaint();
	}
}

static void a_unit_that_never_starts_is_named(void)
{
	struct vtdm_caps caps = vtdm_caps_full();
	const char *missing = NULL;

	caps.latency = VTDM_NEVER;
	make_machine(&caps, DMAR_FLAG_IR);
	CHECK(arch_iommu_init(&missing) == ERR_TIMEOUT);
	CHECK(strstr(missing, "DMAR+0x30: the unit at 0xfed90000 lacks an answer"));
	CHECK(!arch_iommu_is_present());
}

/* ---- Every address ---- */

#define WINDOW_PAGES 3072u
#define WINDOW       (BIT64(30) - 1024 * UINT64_C(4096)) /* across a GiB */

static struct {
	uint64_t hpa;
	uint32_t rights;
} slow[WINDOW_PAGES];

static void map_at_random(part_id_t d)
{
	const uint64_t first = random_below(WINDOW_PAGES);
	const uint64_t count = 1 + random_below(WINDOW_PAGES - first);
	const uint64_t hpa = random_u64() & 1 ? (first + 0x300) * 4096 + BIT64(32)
					      : random_below(0x80000) * 4096;
	const uint32_t rights = SPACE_READ | (random_u64() & 1 ? SPACE_WRITE : 0);
	bool is_free = (hpa >> 20) + (count >> 8) + 1 < 0xfee || hpa >= BIT64(32);

	for (uint64_t i = first; i < first + count; i++)
		is_free = is_free && slow[i].rights == 0;
	CHECK(map(d, WINDOW + first * 4096, hpa, count * 4096, rights) ==
	      (is_free ? OK : ERR_INVAL));
	for (uint64_t i = first; is_free && i < first + count; i++) {
		slow[i].hpa = hpa + (i - first) * 4096;
		slow[i].rights = rights;
	}
}

static void every_page_is_what_was_mapped(void)
{
	for (uint32_t round = 0; round < 3 * KINDS; round++) {
		const part_id_t d = begin(round % KINDS);
		const bool snoop = kind_of_unit(round % KINDS).snoop;

		memset(slow, 0, sizeof(slow));
		CHECK(arch_iommu_attach(DEV_B, d) == OK);
		for (uint32_t i = 0; i < 4; i++)
			map_at_random(d);
		for (uint32_t i = 0; i < WINDOW_PAGES; i++) {
			const uint64_t at = WINDOW + i * UINT64_C(4096) + random_below(4092);
			const struct vtdm_dma r = dma(DEV_B, at & ~UINT64_C(3), VTDM_READ);
			const struct vtdm_dma w = dma(DEV_B, at & ~UINT64_C(3), VTDM_WRITE);

			CHECK((r.fault == VTDM_OK) == (slow[i].rights != 0));
			CHECK((w.fault == VTDM_OK) == ((slow[i].rights & SPACE_WRITE) != 0));
			CHECK(r.fault ||
			      (r.host == slow[i].hpa + (at & 0xffc) && r.snoop == snoop));
			CHECK(w.fault || w.host == r.host);
		}
		CHECK(complaint() == NULL);
	}
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(nobody_reaches_anything_at_first);
	RUN(an_attached_device_reaches_its_domain_and_no_other_device_does);
	RUN(a_blocked_device_reaches_nothing_and_its_next_domain_only);
	RUN(what_is_mapped_later_is_reached_too);
	RUN(the_hypervisor_finds_host_addresses);
	RUN(what_cannot_be_is_refused);
	RUN(devices_change_hands_when_memory_is_sealed);
	RUN(domains_beyond_what_the_unit_can_number_are_refused);
	RUN(without_remapped_interrupts_no_partition_gets_a_device);
	RUN(firmwares_own_use_is_taken_over);
	RUN(hardware_that_hangs_is_given_up_in_time_and_never_trusted);
	RUN(a_unit_that_never_starts_is_named);
	RUN(every_page_is_what_was_mapped);
	return test_failed;
}
