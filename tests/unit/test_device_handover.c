/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a good configuration hands over, and nothing else: domains, PFs, functions and the order
 * that keeps a device away from memory until it is reset and is its partition's.
 */
#include <string.h>
#include "tests/test.h"
#include "tests/unit/device_pf.h"
#include "tests/unit/device_rig.h"

#define IGB_SRIOV  0x160u /* of tests/fake/pci_machines.c */
#define NVME_SRIOV 0x120u
#define CONTROL    0x2010u /* Device Control as fake_pci_pcie() has it, less Enable No Snoop */

static struct fake_q35 q35;
static const char *reason;

/* Devices in an order that is not the machine's; a partition without any between. */
static void boot_q35(uint64_t bytes)
{
	q35 = fake_pci_q35();
	rig_clear();
	memset(&device_pf, 0, sizeof(device_pf));
	rig_pf(&(struct pf_config){
		.name = "nic", .driver = PF_IGB, .address = "0000:01:00.0", .vf_count = 4 });
	rig_pf(&(struct pf_config){ .name = "disk", .driver = PF_NVME, .vf_count = 3 });
	rig_partition("a", bytes, RIG_DEVICES(PCI_AT("03:00.0"), PCI_VF("nic", 2)));
	rig_partition("b", MIB(64), NULL, 0);
	rig_partition("c", MIB(64),
		      RIG_DEVICES(PCI_VF("disk", 1), PCI_VF("nic", 0), PCI_VF("disk", 0)));
	CHECK(rig_boot(&reason) == OK && reason == NULL);
	CHECK(fake_pci.violations == 0);
}

static const struct {
	part_id_t part;
	uint32_t index;
	pci_addr_t addr;
} places[] = {
	{ 0, 0, PCI_ADDR(0, 3, 0, 0) }, { 0, 1, PCI_ADDR(0, 1, 0x10, 4) },
	{ 2, 0, PCI_ADDR(0, 2, 0, 2) }, { 2, 1, PCI_ADDR(0, 1, 0x10, 0) },
	{ 2, 2, PCI_ADDR(0, 2, 0, 1) },
};

static void each_is_in_its_pc_in_the_configurations_order(void)
{
	boot_q35(MIB(64));
	CHECK(rig.function_count[0] == 2 && rig.function_count[1] == 0);
	CHECK(rig.function_count[2] == 3 && rig_count(RIG_ADD) == ARRAY_SIZE(places));
	for (uint32_t i = 0; i < ARRAY_SIZE(places); i++) {
		CHECK(rig.functions[places[i].part][places[i].index].addr == places[i].addr);
		CHECK(rig_owner(places[i].addr) == places[i].part);
		CHECK(devices.list[i].pc_index == places[i].index);
		CHECK(devices.list[i].partition == &partitions[places[i].part]);
	}
	CHECK(rig_lines("part a", "has 8086:10d3 at 0000:03:00.0") == 1);
	CHECK(rig_lines("part c", "has 8086:10ca at 0000:01:10.0") == 1);
	CHECK(devices.period_tsc == 5000);
}

/* Nobody else is anybody's: not the PFs, not the VFs that are left over. */
static void nothing_else_is_attached(void)
{
	uint32_t owned = 0;

	boot_q35(MIB(64));
	CHECK(devices.table.count == 10 + 7);
	for (uint32_t i = 0; i < devices.table.count; i++)
		owned += rig_owner(devices.table.functions[i].addr) != RIG_NOBODY;
	CHECK(owned == ARRAY_SIZE(places) && rig_count(RIG_ATTACH) == ARRAY_SIZE(places));
	CHECK(rig_owner(PCI_ADDR(0, 1, 0, 0)) == RIG_NOBODY);
	CHECK(rig_owner(PCI_ADDR(0, 1, 0x10, 2)) == RIG_NOBODY);
}

/* Memory is there, the device is reset and is no bus master: only then is it attached. */
static void the_order_keeps_devices_from_memory(void)
{
	uint32_t last_add = 0, place = 0;

	boot_q35(MIB(64));
	for (uint32_t i = 0; i < ARRAY_SIZE(places); i++) {
		const struct rig_event *const attach = rig_find(RIG_ATTACH, places[i].addr);
		const struct rig_event *const add = rig_find(RIG_ADD, places[i].addr);

		CHECK(attach && add && attach < add && attach->part == places[i].part);
		CHECK(!(attach->command & 4) && !(add->command & 4));
		CHECK(attach->resets == (i == 0)); /* VFs have just come into being */
		for (uint32_t m = attach->map_count; m < rig.map_count; m++)
			CHECK(rig.maps[m].part != places[i].part);
		CHECK(!(fake_pci_get(rig_fake(places[i].addr), 4, 2) & 4));
	}
	for (uint32_t i = 0; i < rig.event_count; i++) {
		if (rig.events[i].what == RIG_ADD && rig.events[i].part == 0)
			last_add = i;
		if (rig.events[i].what == RIG_PLACE && rig.events[i].part == 0)
			place = i;
	}
	CHECK(place > last_add && rig_count(RIG_PLACE) == 2);
}

/* ---- Domains ---- */

/* arch/guest.h, "RAM", page by page. */
static uint64_t host_of(uint64_t gpa, uint64_t base, uint64_t bytes)
{
	if (gpa >= 0xa0000 && gpa < 0xc0000)
		return 0;
	if (gpa < GIB(3))
		return gpa < bytes ? base + gpa : 0;
	return gpa >= GIB(4) && gpa - GIB(1) < bytes ? base + gpa - GIB(1) : 0;
}

static uint64_t mapped_to(uint32_t part, uint64_t gpa)
{
	uint64_t to = 0;

	for (uint32_t i = 0; i < rig.map_count; i++) {
		const struct rig_map *const m = &rig.maps[i];

		if (m->part != part || gpa < m->gpa || gpa - m->gpa >= m->bytes)
			continue;
		CHECK(to == 0); /* once */
		to = m->hpa + (gpa - m->gpa);
	}
	return to;
}

static void a_domain_is_its_partitions_ram(void)
{
	static const uint64_t sizes[] = { MIB(2), MIB(64), GIB(3), GIB(3) + MIB(2), GIB(6) };

	for (uint32_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t wrong = 0;

		boot_q35(sizes[i]);
		for (uint64_t gpa = 0; gpa < GIB(8); gpa += PAGE_BYTES)
			wrong += mapped_to(0, gpa) != host_of(gpa, GIB(64), sizes[i]);
		CHECK(wrong == 0);
		for (uint32_t m = 0; m < rig.map_count; m++) {
			CHECK(rig.maps[m].rights == (SPACE_READ | SPACE_WRITE));
			CHECK(rig.maps[m].gpa + rig.maps[m].bytes <= GIB(8));
			CHECK(rig.maps[m].part == 0 || rig.maps[m].part == 2);
		}
		/* Two partitions' and the hypervisor's, each once. */
		CHECK(rig_count(RIG_DOMAIN) == 3);
	}
}

/* ---- Facts ---- */

static uint64_t vf_bar(int pf, uint32_t at, uint32_t bar, uint32_t vf)
{
	return (fake_pci_get(pf, at + 0x24 + 4 * bar, 4) & ~0xfu) + vf * KIB(16);
}

static void a_functions_facts_are_its_own(void)
{
	const struct pc_function *f;

	boot_q35(MIB(64));
	f = &rig.functions[0][0];
	CHECK(f->facts.vendor == 0x8086 && f->facts.device == 0x10d3);
	CHECK(f->facts.subsystem_vendor == 0x1af4 && f->facts.subsystem_device == 0x1100);
	CHECK(f->facts.class_code == 0x020000 && f->facts.revision == 1 && f->facts.is_pcie);
	CHECK(f->facts.device_capabilities == 0x8000 && f->facts.device_control == CONTROL);
	CHECK(f->bars[0] == 0xfe400000 && f->facts.bars[0].bytes == KIB(128));
	CHECK(f->facts.bars[0].kind == VPCI_BAR_MEM32 && !f->facts.bars[0].is_prefetchable);
	for (uint32_t i = 1; i < VPCI_BAR_COUNT; i++)
		CHECK(f->facts.bars[i].kind == VPCI_BAR_NONE && f->bars[i] == 0);
	CHECK(f->msix == 0xa0 && f->msi == 0 && f->facts.msi_count == 0);
	CHECK(f->facts.msix_count == 5 && f->facts.msix_table_bar == 0);
	CHECK(f->facts.msix_table_offset == 0x10000 && f->facts.msix_pba_offset == 0x11000);
}

static void a_vfs_facts_are_its_pfs_and_its_own(void)
{
	const struct pc_function *f;

	boot_q35(MIB(64));
	f = &rig.functions[0][1];
	CHECK(f->facts.vendor == 0x8086 && f->facts.device == 0x10ca);
	CHECK(f->facts.subsystem_vendor == 0x1af4 && f->facts.subsystem_device == 0xcafe);
	CHECK(f->facts.device_control == CONTROL && f->msix == 0x80);
	CHECK(f->facts.bars[0].kind == VPCI_BAR_MEM64 && f->facts.bars[0].is_prefetchable);
	CHECK(f->bars[0] == vf_bar(q35.igb, IGB_SRIOV, 0, 2));
	CHECK(f->bars[3] == vf_bar(q35.igb, IGB_SRIOV, 3, 2) && f->facts.bars[3].bytes == KIB(16));
	CHECK(f->facts.msix_count == 3 && f->facts.msix_table_bar == 3);
	CHECK(f->facts.msix_pba_bar == 3 && f->facts.msix_pba_offset == 0x2000);
	f = &rig.functions[2][0];
	CHECK(f->facts.vendor == 0x1b36 && f->facts.class_code == 0x010802);
	CHECK(f->bars[0] == vf_bar(q35.nvme, NVME_SRIOV, 0, 1) && f->bars[3] == 0);
	CHECK(f->facts.msix_table_bar == 0 && f->facts.msix_table_offset == 0x2000);
}

/* What a PC has room for; and one kind of message. */
static void messages_are_of_one_kind_and_not_too_many(void)
{
	static const struct {
		uint32_t has, gets;
	} counts[] = { { 1, 1 }, { 63, 63 }, { 64, 64 }, { 65, 64 }, { 256, 64 } };

	for (uint32_t i = 0; i < ARRAY_SIZE(counts); i++) {
		q35 = fake_pci_q35();
		rig_clear();
		fake_pci_set(q35.plain, 0xa2, 2, counts[i].has - 1, 0xc000);
		fake_pci_msi(q35.plain, 0x50, 3, true, true);
		rig_partition("a", MIB(64), RIG_DEVICES(PCI_AT("03:00.0")));
		CHECK(rig_boot(&reason) == OK);
		CHECK(rig.functions[0][0].facts.msix_count == counts[i].gets);
		CHECK(rig.functions[0][0].msix == 0xa0 && rig.functions[0][0].msi == 0);
		CHECK(rig.functions[0][0].facts.msi_count == 0);
	}
}

static void msi_is_one_message(void)
{
	for (uint32_t is_64 = 0; is_64 < 2; is_64++) {
		const struct fake_server server = fake_pci_server();
		const struct pc_function *const f = &rig.functions[0][1];

		rig_clear();
		fake_pci_msi(server.uncore[0], 0x90, 4, is_64 != 0, true);
		rig_own_core(rig_partition("a", MIB(64),
					   RIG_DEVICES(PCI_AT("80:04.1"), PCI_AT("80:04.0"))));
		CHECK(rig_boot(&reason) == OK && rig.function_count[0] == 2);
		CHECK(f->facts.msi_count == 1 && f->msi == 0x90);
		CHECK(f->facts.msi_is_64 == (is_64 != 0) && !f->facts.msi_has_masks);
		CHECK(f->msix == 0 && f->facts.msix_count == 0);
		CHECK(f->facts.bars[0].kind == VPCI_BAR_MEM64 && f->bars[0] == GIB(100));
		CHECK(f[-1].msi == 0 && f[-1].facts.msi_count == 0);
		CHECK(fake_pci.functions[server.uncore[0]].resets == 1);
	}
}

/* ---- PFs, and the way to them ---- */

static void pfs_know_who_uses_them(void)
{
	boot_q35(MIB(64));
	CHECK(devices.pf_count == 2 && device_pf.used_count == 2);
	CHECK(pf_used_count(&devices.pfs[0]) == 2);
	CHECK(devices.pfs[0].vfs[2] == &partitions[0].config->devices[1]);
	CHECK(devices.pfs[0].vfs[0] == &partitions[2].config->devices[1]);
	CHECK(!devices.pfs[0].vfs[1] && !devices.pfs[0].vfs[3]);
	CHECK(devices.pfs[1].vfs[1] == &partitions[2].config->devices[0]);
	CHECK(fake_pci_get(q35.igb, IGB_SRIOV + 0x10, 2) == 4);
	CHECK(fake_pci_get(q35.nvme, NVME_SRIOV + 0x10, 2) == 3);
	CHECK(rig_lines("pf nic", "up at 0000:01:00.0 with 4 VFs, 2 of them in use") == 1);
	CHECK((device_pf.command & 0x406) == 0x406); /* registers, DMA, no INTx */
}

/* A PF that nobody uses is driven all the same: its VFs are kept quiet so. */
static void a_pf_may_be_without_users(void)
{
	q35 = fake_pci_q35();
	rig_clear();
	rig_pf(&(struct pf_config){ .name = "nic", .driver = PF_IGB, .vf_count = 1 });
	CHECK(rig_boot(&reason) == OK && devices.pf_count == 1);
	CHECK(rig_lines("pf nic", "with 1 VF, 0 of them in use") == 1);
}

/* No Snoop: of PFs, whose setting VFs have, and of what is handed over. */
static void paths_are_open_and_requests_are_snooped(void)
{
	boot_q35(MIB(64));
	for (uint32_t i = 0; i < 3; i++)
		CHECK((fake_pci_get(q35.port[i], 4, 2) & 6) == 6);
	CHECK(fake_pci_get(q35.igb, 0xa8, 2) == CONTROL);
	CHECK(fake_pci_get(q35.nvme, 0x88, 2) == CONTROL);
	CHECK(fake_pci_get(q35.plain, 0xb8, 2) == CONTROL);
}

/* For drivers of PFs. */
static void registers_are_mapped_if_they_are_there(void)
{
	struct pci_bar *bar;

	boot_q35(MIB(64));
	bar = &devices.table.functions[devices.pfs[0].function].bars[0];
	CHECK(pf_map(&devices.pfs[0], KIB(128)) && rig.mapped_at == 0xfe800000);
	CHECK(rig.mapped_bytes == KIB(128));
	CHECK(!pf_map(&devices.pfs[0], KIB(128) + 1));
	bar->base = 0;
	CHECK(!pf_map(&devices.pfs[0], KIB(16)));
	*bar = (struct pci_bar){ PCI_BAR_IO, false, 0xc000, KIB(128) };
	CHECK(!pf_map(&devices.pfs[0], KIB(16)));
}

int main(void)
{
	RUN(each_is_in_its_pc_in_the_configurations_order);
	RUN(nothing_else_is_attached);
	RUN(the_order_keeps_devices_from_memory);
	RUN(a_domain_is_its_partitions_ram);
	RUN(a_functions_facts_are_its_own);
	RUN(a_vfs_facts_are_its_pfs_and_its_own);
	RUN(messages_are_of_one_kind_and_not_too_many);
	RUN(msi_is_one_message);
	RUN(pfs_know_who_uses_them);
	RUN(a_pf_may_be_without_users);
	RUN(paths_are_open_and_requests_are_snooped);
	RUN(registers_are_mapped_if_they_are_there);
	return test_failed;
}
