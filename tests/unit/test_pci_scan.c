/* SPDX-License-Identifier: Apache-2.0 */
/* The scan: whole machines as they are, every malformation refused alone and in words. */
#include <string.h>
#include "drivers/pci.h"
#include "tests/fake/pci.h"
#include "tests/test.h"

static struct pci_table t;
static char last_remark[256];
static uint32_t remark_count;

static void remember(const char *line)
{
	snprintf(last_remark, sizeof(last_remark), "%s", line);
	remark_count++;
}

static void scan(void)
{
	memset(&t, 0, sizeof(t));
	t.remark = remember;
	remark_count = 0;
	last_remark[0] = '\0';
	pci_scan(&t);
}

static struct pci_function *at(uint32_t bus, uint32_t device, uint32_t function)
{
	return pci_find(&t, PCI_ADDR(0, bus, device, function));
}

/* Nothing in the machine is other than before the scan, and no rule was broken meanwhile. */
static struct fake_pci_machine before;
static void scan_leaves_all_as_it_was(void)
{
	before = fake_pci;
	scan();
	before.writes = fake_pci.writes;
	CHECK(memcmp(&before, &fake_pci, sizeof(before)) == 0);
	CHECK(fake_pci.violations == 0);
}

static void q35_is_found_as_it_is(void)
{
	const struct pci_function *f;

	fake_pci_q35();
	scan_leaves_all_as_it_was();
	CHECK(t.count == 10 && remark_count == 0 && t.left_out == 0);
	f = at(1, 0, 0);
	CHECK(f && f->vendor == 0x8086 && f->device == 0x10c9 && f->class_code == 0x020000);
	CHECK(f->revision == 1 && f->subsystem_vendor == 0x1af4 && f->subsystem_device == 0x1100);
	CHECK(f->is_usable && !f->is_bridge && !f->is_vf && f->pcie_type == 0 && f->has_flr);
	CHECK(f->bars[0].kind == PCI_BAR_MEM32 && f->bars[0].bytes == KIB(128));
	CHECK(f->bars[0].base == 0xfe800000 && f->bars[3].bytes == KIB(16));
	CHECK(f->caps.pm == 0x40 && f->caps.msi == 0x50 && f->caps.msix == 0x70);
	CHECK(f->caps.pcie == 0xa0 && f->caps.aer == 0x100 && f->caps.ari == 0x150);
	CHECK(f->caps.sriov == 0x160 && f->caps.acs == 0 && f->caps.af == 0);
	CHECK(f->msix_count == 10 && f->msix_table_bar == 3 && f->msix_pba_offset == 0x2000);
	CHECK(f->msi_count == 1);
	CHECK(t.functions[f->parent].addr == PCI_ADDR(0, 1, 0, 0) >> 8 << 3);
	CHECK(at(0, 1, 0)->is_bridge && at(0, 1, 0)->caps.acs == 0x148);
	CHECK(at(0, 1, 0)->parent == PCI_NO_FUNCTION);
	f = at(0, 0x1f, 2);
	CHECK(f->is_multifunction && f->pcie_type == PCI_CONVENTIONAL);
	CHECK(f->bars[4].kind == PCI_BAR_IO && f->bars[4].bytes == 32 && f->bars[4].base == 0xc040);
	CHECK(f->bars[5].kind == PCI_BAR_MEM32);
	f = at(2, 0, 0);
	CHECK(f->bars[0].kind == PCI_BAR_MEM64 && f->bars[1].kind == PCI_BAR_NONE);
	CHECK(!at(3, 0, 0)->has_flr);
}

static void server_is_found_as_it_is(void)
{
	const struct pci_function *f;

	fake_pci_server();
	scan_leaves_all_as_it_was();
	CHECK(t.count == fake_pci.count && remark_count == 0);
	f = at(5, 0, 0);
	CHECK(f->bars[1].kind == PCI_BAR_MEM64 && f->bars[1].bytes == GIB(8));
	CHECK(f->bars[1].base == GIB(64) && f->bars[1].is_prefetchable);
	CHECK(at(0x80, 4, 1)->parent == PCI_NO_FUNCTION && at(0x80, 4, 1)->pcie_type == 9);
	CHECK(t.functions[at(11, 2, 0)->parent].addr == PCI_ADDR(0, 10, 0, 0));
	CHECK(pci_is_below(&t, (uint32_t)(f - t.functions), (uint32_t)(at(0, 1, 0) - t.functions)));
	CHECK(!pci_is_below(&t, (uint32_t)(f - t.functions),
			    (uint32_t)(at(0, 2, 0) - t.functions)));
}

/* Without ECAM there are no extended capabilities, and the rest is the same. */
static void mechanism_1_shows_256_bytes(void)
{
	fake_pci_q35();
	fake_pci.ranges[0].is_extended = false;
	scan_leaves_all_as_it_was();
	CHECK(t.count == 10 && at(1, 0, 0)->caps.sriov == 0 && at(1, 0, 0)->caps.pcie == 0xa0);
}

static void only_described_buses_are_looked_at(void)
{
	fake_pci_server();
	fake_pci.ranges[0].last_bus = 0x7f;
	scan();
	CHECK(at(0x80, 0, 0) == NULL && at(0, 0, 0) != NULL);
	fake_pci.ranges[0].last_bus = 4; /* the switch reaches beyond */
	scan();
	CHECK(!at(0, 1, 0)->is_usable && remark_count == 3);
	CHECK(at(1, 0, 0) == NULL); /* what is behind it must not pass for a root bus */
}

static int endpoint;
static void one_endpoint(void)
{
	fake_pci_clear();
	endpoint = fake_pci_add(FAKE_PCI_NONE, 0x18, 0x56781234, 0xff0000);
}

static void expect_refusal(const char *words)
{
	scan();
	CHECK(t.count == 1 && !t.functions[0].is_usable && remark_count == 1);
	CHECK(strstr(last_remark, "PCI 0000:00:03.0: ") == last_remark);
	CHECK(strstr(last_remark, words));
	if (!strstr(last_remark, words))
		printf("said: %s\n", last_remark);
}

static void malformed_capability_lists_are_refused(void)
{
	one_endpoint(); /* to itself */
	fake_pci_cap(endpoint, 1, 0x40);
	fake_pci_set(endpoint, 0x41, 1, 0x40, 0);
	expect_refusal("loops");
	one_endpoint(); /* to the one before */
	fake_pci_cap(endpoint, 1, 0x40);
	fake_pci_cap(endpoint, 9, 0x60);
	fake_pci_set(endpoint, 0x61, 1, 0x40, 0);
	expect_refusal("loops");
	one_endpoint();
	fake_pci_cap(endpoint, 9, 0x60);
	fake_pci_set(endpoint, 0x61, 1, 0x3c, 0);
	expect_refusal("header");
	one_endpoint();
	fake_pci_cap(endpoint, 0xff, 0x60);
	fake_pci_set(endpoint, 0x61, 1, 0xff, 0);
	expect_refusal("nothing");
	one_endpoint();
	fake_pci_cap(endpoint, 0x11, 0xf8);
	expect_refusal("runs out");
	one_endpoint();
	fake_pci_msi(endpoint, 0xf0, 0, true, true);
	expect_refusal("MSI: runs out");
	one_endpoint();
	fake_pci_msi(endpoint, 0x50, 6, true, true);
	expect_refusal("reserved number");
}

/* All 48 places there are, one after the other: that is no loop. */
static void the_longest_list_is_no_loop(void)
{
	one_endpoint();
	for (uint32_t i = 0x40; i < 0x100; i += 4)
		fake_pci_cap(endpoint, 9, i);
	scan();
	CHECK(t.count == 1 && t.functions[0].is_usable);
	one_endpoint();
	fake_pci_pcie(endpoint, 0x40, 0, true);
	for (uint32_t i = 0x100; i < 0x1000; i += 4)
		fake_pci_extended(endpoint, 0xb, i);
	scan();
	CHECK(t.functions[0].is_usable);
	fake_pci_set(endpoint, 0xffc, 4, 0x8001000b, 0);
	expect_refusal("extended capability list loops");
}

static void malformed_extended_lists_are_refused(void)
{
	one_endpoint();
	fake_pci_pcie(endpoint, 0x40, 0, true);
	fake_pci_set(endpoint, 0x100, 4, 0x0801000b, 0);
	expect_refusal("below 100H");
	fake_pci_set(endpoint, 0x100, 4, 0xfe01000b, 0);
	fake_pci_set(endpoint, 0xfe0, 4, 0x00010010, 0); /* SR-IOV needs 64 bytes */
	expect_refusal("runs out");
	fake_pci_set(endpoint, 0xfe0, 4, 0xffffffff, 0);
	expect_refusal("leads to nothing");
	fake_pci_set(endpoint, 0x100, 4, 0xffffffff, 0); /* none at all: both are said */
	scan();
	CHECK(t.functions[0].is_usable);
	fake_pci_set(endpoint, 0x100, 4, 0, 0);
	scan();
	CHECK(t.functions[0].is_usable);
}

static void msix_must_lie_in_its_bars(void)
{
	one_endpoint();
	fake_pci_bar(endpoint, 0, 0, KIB(8), 0x80000000);
	fake_pci_bar(endpoint, 1, 1, 256, 0xc000);
	fake_pci_msix(endpoint, 0x50, 256, 0, 0x1000, 0, 0xfe0);
	scan();
	CHECK(t.functions[0].is_usable && t.functions[0].msix_count == 256);
	fake_pci_set(endpoint, 0x54, 4, 0x1008, 0);
	expect_refusal("table lies outside");
	fake_pci_set(endpoint, 0x54, 4, 0x1006, 0);
	expect_refusal("no such BAR");
	fake_pci_set(endpoint, 0x54, 4, 0x1001, 0);
	expect_refusal("table lies outside"); /* that is I/O space */
	fake_pci_set(endpoint, 0x54, 4, 0x1000, 0);
	fake_pci_set(endpoint, 0x58, 4, 0x1fe8, 0);
	expect_refusal("pending bits lie outside");
	fake_pci_set(endpoint, 0x58, 4, 0x0fe8, 0);
	expect_refusal("overlap");
}

static void malformed_bars_are_refused(void)
{
	one_endpoint();
	fake_pci_set(endpoint, 0x10, 4, 6, 0xfffff000); /* reserved type */
	expect_refusal("reserved type");
	one_endpoint();
	fake_pci_set(endpoint, 0x24, 4, 4, 0xfffff000); /* 64 bits in the last one */
	expect_refusal("cut off");
	one_endpoint();
	fake_pci_set(endpoint, 0x10, 4, 0, 0xffff7000); /* a hole in the mask */
	expect_refusal("no power of two");
	one_endpoint();
	fake_pci_set(endpoint, 0x10, 4, 0, 0x0ffff000); /* 4 bits short */
	expect_refusal("no power of two");
	one_endpoint();
	fake_pci_set(endpoint, 0x10, 4, 1, 0xffe0); /* 16-bit I/O is fine */
	scan();
	CHECK(t.functions[0].is_usable && t.functions[0].bars[0].bytes == 32);
}

static void sizes_of_every_power_are_right(void)
{
	for (uint32_t bits = 4; bits < 63; bits++) {
		one_endpoint();
		fake_pci_bar(endpoint, 2, 0xc, BIT64(bits), BIT64(bits));
		scan_leaves_all_as_it_was();
		CHECK(t.functions[0].bars[2].bytes == BIT64(bits));
		CHECK(t.functions[0].bars[2].base == BIT64(bits) && t.functions[0].is_usable);
		if (bits > 31)
			continue;
		one_endpoint();
		fake_pci_bar(endpoint, 5, 0, BIT64(bits), BIT64(bits));
		scan_leaves_all_as_it_was();
		CHECK(t.functions[0].bars[5].bytes == BIT64(bits));
	}
}

static void a_host_bridge_is_not_touched(void)
{
	fake_pci_clear();
	endpoint = fake_pci_add(FAKE_PCI_NONE, 0, 0x12378086, 0x060000);
	fake_pci_bar(endpoint, 0, 8, MIB(256), 0xe0000000);
	scan();
	CHECK(fake_pci.writes == 0 && t.functions[0].bars[0].kind == PCI_BAR_NONE);
}

static int bridge;
static void one_bridge(uint8_t secondary, uint8_t subordinate)
{
	fake_pci_clear();
	bridge = fake_pci_add_bridge(FAKE_PCI_NONE, 0x18, 0x56781234, secondary, subordinate);
}

static void bridges_to_impossible_buses_are_refused(void)
{
	one_bridge(0, 0);
	expect_refusal("gave no buses");
	one_bridge(5, 4);
	expect_refusal("cannot be below");
	one_bridge(1, 1);
	fake_pci.ranges[0].last_bus = 0;
	expect_refusal("does not show");
	one_bridge(1, 3); /* two bridges to the same bus: nobody knows who is behind which */
	fake_pci_add_bridge(FAKE_PCI_NONE, 0x20, 0x56781234, 3, 4);
	for (uint8_t bus = 1; bus <= 5; bus++)
		fake_pci.functions[fake_pci_add(FAKE_PCI_NONE, 0, 0x56781234, 0xff0000)].root_bus =
			bus;
	scan();
	CHECK(!t.functions[0].is_usable && !t.functions[1].is_usable && t.count == 3);
	CHECK(PCI_BUS(t.functions[2].addr) == 5 && remark_count == 2);
	one_bridge(2, 3); /* a child beyond its parent's, one to itself, one below */
	fake_pci_add_bridge(bridge, 0x00, 0x56781234, 4, 4);
	fake_pci_add_bridge(bridge, 0x08, 0x56781234, 2, 2);
	fake_pci_add_bridge(bridge, 0x10, 0x56781234, 3, 3);
	scan();
	CHECK(t.count == 4 && !t.functions[1].is_usable && !t.functions[2].is_usable);
	CHECK(t.functions[3].is_usable && t.functions[3].parent == 0);
}

static void unknown_layouts_and_the_unready_are_refused(void)
{
	one_endpoint();
	fake_pci_set(endpoint, 0xe, 1, 2, 0);
	expect_refusal("CardBus");
	fake_pci_set(endpoint, 0xe, 1, 0x7f, 0);
	expect_refusal("unknown layout");
	one_endpoint();
	fake_pci.functions[endpoint].rrs_until = 1000;
	expect_refusal("not ready");
}

/* "only one device below a link", and function 0 decides whether there are more. */
static void ghosts_are_not_seen(void)
{
	int port;

	fake_pci_clear();
	port = fake_pci_add_bridge(FAKE_PCI_NONE, 0x18, 0x56781234, 1, 1);
	fake_pci_pcie(port, 0x40, 4, false);
	fake_pci_add(port, 0, 0x56781234, 0xff0000);
	fake_pci_add(port, 3, 0x56781234, 0xff0000); /* function 0 is not multi-function */
	fake_pci_set(port, 0x68, 2, 0x20, 0x20);     /* ARI: the fake lets device 1 through */
	fake_pci_add(port, 8, 0x56781234, 0xff0000);
	scan();
	CHECK(t.count == 2);
}

static void functions_of_an_ari_device_are_followed(void)
{
	int port, first, second;

	fake_pci_clear();
	port = fake_pci_add_bridge(FAKE_PCI_NONE, 0x18, 0x56781234, 1, 1);
	fake_pci_pcie(port, 0x40, 4, false);
	first = fake_pci_add(port, 0, 0x56781234, 0xff0000);
	fake_pci_pcie(first, 0x40, 0, true);
	fake_pci_extended(first, 0xe, 0x100);
	fake_pci_set(first, 0x105, 1, 0x23, 0);
	second = fake_pci_add(port, 0x23, 0x56781234, 0xff0000);
	fake_pci_pcie(second, 0x40, 0, true);
	fake_pci_extended(second, 0xe, 0x100);
	scan();
	CHECK(t.count == 2); /* ARI is not forwarded */
	fake_pci_set(port, 0x68, 2, 0x20, 0x20);
	scan();
	CHECK(t.count == 3 && t.functions[2].addr == 0x123 && remark_count == 0);
	fake_pci_set(second, 0x105, 1, 0x23, 0); /* itself again */
	scan();
	CHECK(t.count == 3 && remark_count == 1);
}

static void what_does_not_fit_is_counted(void)
{
	fake_pci_clear();
	for (uint32_t bus = 0; bus < 10; bus++)
		for (uint32_t device = 0; device < 32; device++) {
			const int f = fake_pci_add(FAKE_PCI_NONE, (uint8_t)(device << 3),
						   0x56781234, 0xff0000);

			fake_pci.functions[f].root_bus = (uint8_t)bus;
		}
	scan();
	CHECK(t.count == PCI_FUNCTION_MAX && t.left_out == 320 - PCI_FUNCTION_MAX);
}

static void the_path_is_opened_and_nothing_else(void)
{
	struct fake_server m = fake_pci_server();

	scan();
	pci_open_path(&t, (uint32_t)(at(3, 0, 0) - t.functions));
	CHECK(fake_pci_get(m.port[0], 4, 2) == 6 && fake_pci_get(m.upstream, 4, 2) == 6);
	CHECK(fake_pci_get(m.downstream[0], 4, 2) == 6);
	CHECK(fake_pci_get(m.downstream[1], 4, 2) == 0 && fake_pci_get(m.port[1], 4, 2) == 0);
}

int main(void)
{
	RUN(q35_is_found_as_it_is);
	RUN(server_is_found_as_it_is);
	RUN(mechanism_1_shows_256_bytes);
	RUN(only_described_buses_are_looked_at);
	RUN(malformed_capability_lists_are_refused);
	RUN(the_longest_list_is_no_loop);
	RUN(malformed_extended_lists_are_refused);
	RUN(msix_must_lie_in_its_bars);
	RUN(malformed_bars_are_refused);
	RUN(sizes_of_every_power_are_right);
	RUN(a_host_bridge_is_not_touched);
	RUN(bridges_to_impossible_buses_are_refused);
	RUN(unknown_layouts_and_the_unready_are_refused);
	RUN(ghosts_are_not_seen);
	RUN(functions_of_an_ari_device_are_followed);
	RUN(what_does_not_fit_is_counted);
	RUN(the_path_is_opened_and_nothing_else);
	return test_failed;
}
