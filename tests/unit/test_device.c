/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What cannot be handed over ends the boot, in words that name the partition, the device and what
 * would help: every refusal of core/device.c. Nobody's device is a bus master then.
 */
#include <string.h>
#include "tests/test.h"
#include "tests/unit/device_pf.h"
#include "tests/unit/device_rig.h"

static struct fake_q35 q35;
static struct fake_server server;
static const char *reason;

static void on_q35(void)
{
	q35 = fake_pci_q35();
	rig_clear();
	memset(&device_pf, 0, sizeof(device_pf));
}

static void on_server(void)
{
	server = fake_pci_server();
	rig_clear();
}

static void with_nic(uint32_t vf_count)
{
	rig_pf(&(struct pf_config){ .name = "nic", .driver = PF_IGB, .vf_count = vf_count });
}

/* What has a partition's memory before it. */
static bool is_master_attached(void)
{
	for (uint32_t i = 0; i < devices.table.count; i++) {
		const pci_addr_t at = devices.table.functions[i].addr;

		if (rig_owner(at) < IOMMU_HYPERVISOR && (fake_pci_get(rig_fake(at), 4, 2) & 4))
			return true;
	}
	return false;
}

/* Refused for this, in these words. */
static bool refused(enum err e, const char *one, const char *two)
{
	const enum err got = rig_boot(&reason);

	if (got == e && reason && strstr(reason, one) && strstr(reason, two) &&
	    strlen(reason) < 300 && !is_master_attached())
		return true;
	printf("got %d: %s\n", (int)got, reason ? reason : "(no reason)");
	return false;
}

/* One partition with one device that does not do. */
static bool alone_refused(const char *at, enum err e, const char *words)
{
	char who[64];

	rig_partition("a", MIB(64), RIG_DEVICES(PCI_AT(at)));
	snprintf(who, sizeof(who), "partition 'a': device '%s'", at);
	return refused(e, who, words);
}

/* ---- Machine and PFs ---- */

static void without_an_iommu_nothing_is_touched(void)
{
	on_q35();
	rig.has_no_iommu = true;
	with_nic(4);
	rig_partition("a", MIB(64), RIG_DEVICES(PCI_VF("nic", 0)));
	CHECK(refused(ERR_NODEV, "without an IOMMU", "VT-d"));
	CHECK(fake_pci.writes == 0 && rig.event_count == 0);
}

static void frames_for_tables_may_be_missing(void)
{
	on_q35();
	rig.domain_error = ERR_NOMEM;
	with_nic(4);
	CHECK(refused(ERR_NOMEM, "no frames", "IOMMU"));
	on_q35();
	rig.domain_error = ERR_NOMEM;
	rig_partition("a", MIB(64), RIG_DEVICES(PCI_AT("03:00.0")));
	CHECK(refused(ERR_NOMEM, "partition 'a'", "no frames"));
	on_q35();
	rig.map_error = ERR_RANGE;
	rig_partition("a", MIB(64), RIG_DEVICES(PCI_AT("03:00.0")));
	CHECK(refused(ERR_RANGE, "partition 'a'", "beyond what the IOMMU reaches"));
	CHECK(rig_count(RIG_ATTACH) == 0);
}

static void a_pf_has_to_be_there(void)
{
	static const char *const elsewhere[] = { "03:00.0", "02:00.0", "07:00.0", "01:00" };

	for (uint32_t i = 0; i < ARRAY_SIZE(elsewhere); i++) {
		on_q35();
		rig_pf(&(struct pf_config){
			.name = "nic", .driver = PF_IGB, .address = elsewhere[i], .vf_count = 2 });
		CHECK(refused(ERR_NODEV, "PF 'nic'", elsewhere[i]) && strstr(reason, "pfs[0]"));
	}
	on_server();
	with_nic(2);
	CHECK(refused(ERR_NODEV, "PF 'nic'", "of this machine"));
	/* There is one; a PF before it has it. */
	on_q35();
	with_nic(2);
	rig_pf(&(struct pf_config){ .name = "second", .driver = PF_IGB, .vf_count = 2 });
	CHECK(refused(ERR_NODEV, "PF 'second'", "pfs[1]"));
	on_q35();
	with_nic(2);
	rig_pf(&(struct pf_config){
		.name = "second", .driver = PF_IGB, .address = "01:00.0", .vf_count = 2 });
	CHECK(refused(ERR_NODEV, "PF 'second'", "01:00.0"));
}

static void a_pf_has_to_come_up(void)
{
	uint64_t begin_tsc;

	on_q35();
	with_nic(9);
	CHECK(refused(ERR_RANGE, "PF 'nic'", "fewer VFs"));
	on_q35();
	with_nic(4);
	for (uint32_t i = 0; i < fake_pci.count; i++)
		fake_pci.functions[i].never_returns = fake_pci.functions[i].vf_of == q35.igb;
	CHECK(refused(ERR_TIMEOUT, "PF 'nic'", "a VF does not answer"));
	on_q35();
	with_nic(4);
	device_pf.never_comes_up = true;
	begin_tsc = fake_pci.now_tsc;
	CHECK(refused(ERR_BUSY, "PF 'nic'", "it takes its time"));
	CHECK(fake_pci.now_tsc - begin_tsc >= 59 * FAKE_PCI_HZ &&
	      fake_pci.now_tsc - begin_tsc < 65 * FAKE_PCI_HZ);
}

/* ---- Which function ---- */

static void functions_that_are_not_there_are_named(void)
{
	on_q35();
	CHECK(alone_refused("05:00.0", ERR_NODEV, "no such function"));
	on_q35();
	CHECK(alone_refused("0001:03:00.0", ERR_NODEV, "no such function"));
	on_q35();
	CHECK(alone_refused("03.00.0", ERR_NODEV, "no such function"));
	/* The planner refuses these two before. */
	on_q35();
	with_nic(2);
	rig_partition("a", MIB(64), RIG_DEVICES(PCI_VF("nic", 2)));
	CHECK(refused(ERR_NODEV, "partition 'a': device 'nic'", "no such VF"));
	on_q35();
	rig_partition("a", MIB(64), RIG_DEVICES(PCI_VF("nic", 0)));
	CHECK(refused(ERR_NODEV, "partition 'a': device 'nic'", "no such VF"));
}

static void bridges_and_pfs_of_ours_are_not_given_away(void)
{
	on_q35();
	CHECK(alone_refused("00:01.0", ERR_INVAL, "a bridge"));
	on_q35();
	with_nic(4);
	CHECK(alone_refused("01:00.0", ERR_INVAL, "a PF of the hypervisor's"));
}

/* By two names: the planner sees only that the words differ. */
static void a_function_has_one_owner(void)
{
	on_q35();
	with_nic(4);
	rig_partition("a", MIB(64), RIG_DEVICES(PCI_VF("nic", 1)));
	rig_partition("b", MIB(64), RIG_DEVICES(PCI_AT("01:10.2")));
	CHECK(refused(ERR_INVAL, "partition 'b': device '01:10.2' is the function",
		      "'a' has already"));
	CHECK(rig_count(RIG_ATTACH) == 0);
	on_q35();
	with_nic(4);
	rig_partition("a", MIB(64), RIG_DEVICES(PCI_AT("01:10.2"), PCI_VF("nic", 1)));
	CHECK(refused(ERR_INVAL, "device 'nic' is the function 0000:01:10.2", "'a' has already"));
}

static void malformed_functions_are_not_given(void)
{
	on_q35();
	fake_pci_set(q35.plain, 0xb1, 1, 0xa0, 0); /* its last capability leads to the first */
	CHECK(alone_refused("03:00.0", ERR_INVAL, "capability list loops"));
}

static void there_is_a_limit(void)
{
	static char names[DEVICE_COUNT_MAX + 8][8];
	static struct device_config list[DEVICE_COUNT_MAX + 8];

	fake_pci_clear();
	rig_clear();
	for (uint32_t i = 0; i < DEVICE_COUNT_MAX + 1; i++) {
		const int f = fake_pci_add(FAKE_PCI_NONE, (uint8_t)i, 0x12348086, 0xff0000);

		fake_pci_multifunction(f);
		snprintf(names[i], sizeof(names[i]), "00:%02x.%x", i / 8 & 31u, i % 8);
		list[i] = (struct device_config){ .kind = DEVICE_FUNCTION, .name = names[i] };
	}
	rig_partition("a", MIB(64), list, DEVICE_COUNT_MAX + 1);
	CHECK(refused(ERR_NOMEM, "more than 64 devices", ""));
	CHECK(devices.count == DEVICE_COUNT_MAX);
}

/* ---- Groups ---- */

static void a_group_is_not_split_between_partitions(void)
{
	on_server();
	rig_partition("a", MIB(64), RIG_DEVICES(PCI_AT("09:00.0")));
	rig_partition("b", MIB(64), RIG_DEVICES(PCI_AT("09:00.1")));
	CHECK(refused(ERR_INVAL, "partition 'a': device 0000:09:00.0",
		      "0000:09:00.0, 0000:09:00.1 are one group, and part of it is partition 'b'"));
	CHECK(rig_count(RIG_ATTACH) == 0);
	/* All of it in one; or what is left is nobody's. */
	on_server();
	rig_partition("a", MIB(64), RIG_DEVICES(PCI_AT("09:00.1"), PCI_AT("09:00.0")));
	CHECK(rig_boot(&reason) == OK);
	on_server();
	rig_partition("a", MIB(64), RIG_DEVICES(PCI_AT("09:00.1")));
	CHECK(rig_boot(&reason) == OK);
}

static void a_group_is_not_split_with_the_hypervisor(void)
{
	on_q35();
	fake_pci_pcie(fake_pci_add(q35.port[0], 1, 0x10d38086, 0x020000), 0x40, 0, true);
	with_nic(1);
	rig_partition("a", MIB(64), RIG_DEVICES(PCI_AT("01:00.1")));
	CHECK(refused(ERR_INVAL, "partition 'a': device 0000:01:00.1",
		      "0000:01:00.0, 0000:01:00.1 are one group, and part of it is the "
		      "hypervisor's;"));
}

/* More members than fit a line: the reason ends, and is one all the same. */
static void a_large_group_is_listed_as_far_as_it_goes(void)
{
	fake_pci_clear();
	rig_clear();
	for (uint8_t i = 0; i < 8; i++)
		fake_pci_multifunction(fake_pci_add(FAKE_PCI_NONE, i, 0x12348086, 0xff0000));
	for (uint8_t i = 0; i < 8; i++)
		fake_pci_multifunction(
			fake_pci_add(FAKE_PCI_NONE, (uint8_t)(8 + i), 0x12348086, 0xff0000));
	rig_partition("a", MIB(64), RIG_DEVICES(PCI_AT("00:00.0")));
	rig_partition("b", MIB(64), RIG_DEVICES(PCI_AT("00:00.7")));
	CHECK(refused(ERR_INVAL, "0000:00:00.0, 0000:00:00.1", "part of it is partition 'b'"));
	CHECK(!strstr(reason, "0000:00:01."));
}

static void behind_a_conventional_bridge_nobody_is_told_apart(void)
{
	on_server();
	CHECK(alone_refused("0b:01.0", ERR_UNSUPPORTED, "behind a conventional bridge"));
	CHECK(rig_count(RIG_ATTACH) == 0);
}

/* ---- Hand-over ---- */

static void bars_have_to_be_placed_and_be_pages(void)
{
	on_q35();
	fake_pci_bar(q35.plain, 1, 0, KIB(16), 0);
	CHECK(alone_refused("03:00.0", ERR_UNSUPPORTED, "firmware has not placed"));
	on_q35();
	fake_pci_bar(q35.plain, 1, 0, 2048, 0xfe420000);
	CHECK(alone_refused("03:00.0", ERR_UNSUPPORTED, "smaller than a page"));
	on_q35(); /* 64-bit ones, too, in the last place that they can have */
	fake_pci_bar(q35.plain, 4, 4, 2048, 0xfe420000);
	CHECK(alone_refused("03:00.0", ERR_UNSUPPORTED, "smaller than a page"));
	on_q35(); /* in I/O space: nobody sees it */
	fake_pci_bar(q35.plain, 1, 1, 32, 0xc000);
	rig_partition("a", MIB(64), RIG_DEVICES(PCI_AT("03:00.0")));
	CHECK(rig_boot(&reason) == OK);
}

/* By what it is, and why it cannot be. */
static void a_function_has_to_be_reset(void)
{
	static const char cannot[] = "partition 'a': device 0000:03:00.0 cannot be reset";

	on_q35();
	rig_partition("a", MIB(64), RIG_DEVICES(PCI_AT("00:1f.2")));
	CHECK(refused(ERR_UNSUPPORTED, "partition 'a': device 0000:00:1f.2 cannot be reset",
		      "no way to be reset"));
	on_q35();
	fake_pci.functions[q35.plain].never_returns = true;
	rig_partition("a", MIB(64), RIG_DEVICES(PCI_AT("03:00.0")));
	CHECK(refused(ERR_UNSUPPORTED, cannot, "does not answer after its reset"));
	on_q35();
	fake_pci.functions[q35.plain].changes_identity = true;
	rig_partition("a", MIB(64), RIG_DEVICES(PCI_AT("03:00.0")));
	CHECK(refused(ERR_UNSUPPORTED, cannot, "another device after its reset"));
	CHECK(rig_count(RIG_ATTACH) == 0 && rig_count(RIG_ADD) == 0);
}

/* In the place of its MSI-X. */
static void with_msi_alone(void)
{
	on_q35();
	fake_pci_set(q35.plain, 0xa0, 1, 0x05, 0);
	fake_pci_set(q35.plain, 0xa2, 2, 0x80, 0x71);
}

/* An interrupt that nobody can mask would take others' time as often as the device likes. */
static void with_msi_alone_a_guest_needs_cores_of_its_own(void)
{
	on_q35();
	fake_pci_msi(q35.plain, 0xd0, 0, true, true);
	rig_partition("a", MIB(64), RIG_DEVICES(PCI_AT("03:00.0")));
	CHECK(rig_boot(&reason) == OK); /* it has MSI-X, too */
	with_msi_alone();
	CHECK(alone_refused("03:00.0", ERR_UNSUPPORTED, "it has MSI and no MSI-X"));
	CHECK(reason && strstr(reason, "OWN_CORE()") && rig_count(RIG_ATTACH) == 0);
	with_msi_alone();
	rig_own_core(rig_partition("a", MIB(64), RIG_DEVICES(PCI_AT("03:00.0"))));
	CHECK(rig_boot(&reason) == OK);
}

static void the_iommu_and_the_pc_have_to_take_it(void)
{
	on_q35();
	rig.attach_error = ERR_UNSUPPORTED;
	CHECK(alone_refused("03:00.0", ERR_UNSUPPORTED, "RMRR"));
	CHECK(rig_count(RIG_ADD) == 0);
	on_q35();
	rig.attach_error = ERR_NODEV;
	CHECK(alone_refused("03:00.0", ERR_NODEV, "the IOMMU does not cover it"));
	on_q35();
	rig.attach_error = ERR_NOMEM;
	CHECK(alone_refused("03:00.0", ERR_NOMEM, "no frames"));
	on_q35();
	rig.add_error = ERR_NOMEM;
	CHECK(alone_refused("03:00.0", ERR_NOMEM, "its PC has no place"));
	CHECK(rig_count(RIG_PLACE) == 0);
	on_q35();
	rig.place_error = ERR_NOMEM;
	rig_partition("a", MIB(64), RIG_DEVICES(PCI_AT("03:00.0")));
	CHECK(refused(ERR_NOMEM, "partition 'a'", "BARs do not fit its PC"));
}

int main(void)
{
	RUN(without_an_iommu_nothing_is_touched);
	RUN(frames_for_tables_may_be_missing);
	RUN(a_pf_has_to_be_there);
	RUN(a_pf_has_to_come_up);
	RUN(functions_that_are_not_there_are_named);
	RUN(bridges_and_pfs_of_ours_are_not_given_away);
	RUN(a_function_has_one_owner);
	RUN(malformed_functions_are_not_given);
	RUN(there_is_a_limit);
	RUN(a_group_is_not_split_between_partitions);
	RUN(a_group_is_not_split_with_the_hypervisor);
	RUN(a_large_group_is_listed_as_far_as_it_goes);
	RUN(behind_a_conventional_bridge_nobody_is_told_apart);
	RUN(bars_have_to_be_placed_and_be_pages);
	RUN(a_function_has_to_be_reset);
	RUN(with_msi_alone_a_guest_needs_cores_of_its_own);
	RUN(the_iommu_and_the_pc_have_to_take_it);
	return test_failed;
}
