/* SPDX-License-Identifier: Apache-2.0 */
/* VFs on and off by the rules; everything malformed is refused in words, with no VF enabled. */
#include <string.h>
#include "drivers/pci.h"
#include "drivers/sriov.h"
#include "tests/fake/pci.h"
#include "tests/test.h"

static struct pci_table t;
static struct sriov s;
static struct fake_q35 m;

#define IGB  0x160u
#define NVME 0x120u

static uint32_t index_of(uint32_t bus, uint32_t device, uint32_t function)
{
	return (uint32_t)(pci_find(&t, PCI_ADDR(0, bus, device, function)) - t.functions);
}

static void start(void)
{
	m = fake_pci_q35();
	memset(&t, 0, sizeof(t));
	pci_scan(&t);
	pci_form_groups(&t);
}

static enum err enable(uint32_t pf, uint32_t count)
{
	uint64_t again;
	uint32_t steps = 0;
	enum err e = sriov_begin(&s, &t, pf, count, FAKE_PCI_HZ);

	if (e != OK)
		return e;
	while ((e = sriov_step(&s, fake_pci.now_tsc, &again)) == ERR_BUSY && steps++ < 200)
		fake_pci.now_tsc = again;
	CHECK(steps < 200 && again == TSC_NEVER);
	return e;
}

static void vfs_come_as_the_capability_says(void)
{
	uint32_t pf, count;

	start();
	pf = index_of(1, 0, 0);
	count = t.count;
	CHECK(enable(pf, 7) == OK && fake_pci.violations == 0 && t.count == count + 7);
	CHECK(fake_pci.now_tsc >= 100 * FAKE_PCI_MS && fake_pci.now_tsc < 110 * FAKE_PCI_MS);
	for (uint32_t i = 0; i < 7; i++) {
		const uint32_t vf = sriov_vf(&t, pf, i);
		const struct pci_function *f = &t.functions[vf];

		CHECK(vf != PCI_NO_FUNCTION);
		CHECK(f->addr == PCI_ADDR(0, 1, 0, 0) + 0x80 + 2 * i && f->vf_index == i);
		CHECK(f->vendor == 0x8086 && f->device == 0x10ca && f->class_code == 0x020000);
		CHECK(f->subsystem_vendor == 0x1af4 && f->subsystem_device == 0xcafe);
		CHECK(f->is_vf && f->is_usable && f->pf == pf && f->has_flr && f->msix_count == 3);
		CHECK(f->parent == t.functions[pf].parent && f->bars[0].bytes == KIB(16));
		CHECK(f->bars[3].base ==
		      t.functions[sriov_vf(&t, pf, 0)].bars[3].base + KIB(16) * i);
		CHECK(f->bars[0].kind == PCI_BAR_MEM64 && f->bars[1].kind == PCI_BAR_NONE);
	}
	CHECK(sriov_vf(&t, pf, 7) == PCI_NO_FUNCTION);
	CHECK(fake_pci_get(m.igb, IGB + 8, 2) == 0x19 && fake_pci_get(m.igb, IGB + 16, 2) == 7);
	CHECK(fake_pci_get(m.port[0], 0x54 + 0x28, 2) == 0x20); /* ARI Forwarding */
}

/* Slow and obvious: no byte of any BAR is another's, and all lie in the bridge's windows. */
static void bars_are_placed_where_nothing_is(void)
{
	start();
	CHECK(enable(index_of(1, 0, 0), 8) == OK && enable(index_of(2, 0, 0), 4) == OK);
	for (uint32_t i = 0; i < t.count * 6; i++)
		for (uint32_t j = 0; j < i; j++) {
			const struct pci_bar *a = &t.functions[i / 6].bars[i % 6];
			const struct pci_bar *b = &t.functions[j / 6].bars[j % 6];

			CHECK(a->kind < PCI_BAR_MEM32 || b->kind < PCI_BAR_MEM32 ||
			      a->base + a->bytes <= b->base || b->base + b->bytes <= a->base);
		}
	for (uint32_t i = 0; i < t.count; i++)
		for (uint32_t b = 0; b < 6; b++) {
			const struct pci_bar *bar = &t.functions[i].bars[b];

			if (!t.functions[i].is_vf || bar->kind == PCI_BAR_NONE)
				continue;
			CHECK(bar->base % bar->bytes == 0);
			CHECK(bar->base >=
			      (PCI_BUS(t.functions[i].addr) == 1 ? 0xfe800000 : 0xfe600000));
			CHECK(bar->base + bar->bytes <=
			      (PCI_BUS(t.functions[i].addr) == 1 ? 0xfea00000 : 0xfe800000));
		}
}

static void a_full_low_window_leads_to_the_high_one(void)
{
	start();
	fake_pci_window(m.port[0], 0xfe800000, 0xfe900000);
	fake_pci_set((int)m.igb, IGB + 0x24, 4, 0xc, 0xffe00000); /* 2 MiB for each VF */
	CHECK(enable(index_of(1, 0, 0), 8) == OK);
	CHECK(s.bars[0].base == GIB(32) && s.bars[3].base < GIB(4));
	start();
	fake_pci_set((int)m.igb, IGB + 0x24, 4, 0xc, 0xe0000000); /* 512 MiB: too much for both */
	CHECK(enable(index_of(1, 0, 0), 8) == ERR_INVAL && strstr(s.why, "no room"));
	start();
	fake_pci_set((int)m.igb, IGB + 0x24, 4, 0x4, 0xffe00000); /* not prefetchable */
	CHECK(enable(index_of(1, 0, 0), 8) == ERR_INVAL && strstr(s.why, "no room"));
}

static void firmwares_places_are_kept_if_they_are_sound(void)
{
	start();
	fake_pci_set(m.igb, IGB + 0x24, 4, 0xfe90000c, 0xffffc000);
	CHECK(enable(index_of(1, 0, 0), 8) == OK && s.bars[0].base == 0xfe900000);
	start();
	fake_pci_set(m.igb, IGB + 0x24, 4, 0xfe80000c, 0xffffc000); /* on its own BAR 0 */
	CHECK(enable(index_of(1, 0, 0), 8) == ERR_INVAL && strstr(s.why, "overlap"));
	start();
	fake_pci_set(m.igb, IGB + 0x24, 4, 0xfe9f000c, 0xffffc000); /* the last ones beyond */
	CHECK(enable(index_of(1, 0, 0), 8) == ERR_INVAL && strstr(s.why, "windows"));
	start();
	fake_pci_set(m.igb, IGB + 0x24, 4, 0xfe90000c, 0xffffc000);
	fake_pci_set(m.igb, IGB + 0x30, 4, 0xfe90400c, 0xffffc000); /* on each other */
	CHECK(enable(index_of(1, 0, 0), 8) == ERR_INVAL && strstr(s.why, "overlap"));
}

static void vfs_off_are_kept_as_such_and_used_again(void)
{
	uint32_t pf, count;

	start();
	pf = index_of(1, 0, 0);
	CHECK(enable(pf, 8) == OK);
	count = t.count;
	fake_pci.now_tsc = 0;
	CHECK(enable(pf, 0) == OK && fake_pci.now_tsc >= 1000 * FAKE_PCI_MS);
	CHECK(t.count == count && sriov_vf(&t, pf, 0) == PCI_NO_FUNCTION);
	CHECK(fake_pci_get(m.igb, IGB + 8, 2) == 0x10 && fake_pci_get(m.igb, IGB + 16, 2) == 0);
	CHECK(!t.functions[count - 1].is_usable && t.functions[count - 1].why);
	CHECK(enable(pf, 3) == OK && t.count == count && fake_pci.violations == 0);
	CHECK(sriov_vf(&t, pf, 2) != PCI_NO_FUNCTION && sriov_vf(&t, pf, 3) == PCI_NO_FUNCTION);
}

/* What firmware left on goes off first, with its second of rest. */
static void vfs_that_firmware_left_on_go_off_first(void)
{
	start();
	fake_pci.functions[m.igb].config[IGB + 8] = 9;
	fake_pci.functions[m.igb].config[IGB + 16] = 2;
	CHECK(enable(index_of(1, 0, 0), 8) == OK && fake_pci.violations == 0);
	CHECK(fake_pci.now_tsc >= 1100 * FAKE_PCI_MS);
}

static void vfs_may_take_a_second_to_answer(void)
{
	for (uint32_t ms = 0; ms <= 1400; ms += 100) {
		enum err e;

		start();
		for (uint32_t i = 0; i < fake_pci.count; i++)
			if (fake_pci.functions[i].vf_of == m.nvme)
				fake_pci.functions[i].rrs_ms = ms;
		fake_pci.has_rrs_visibility = ms % 200;
		e = enable(index_of(2, 0, 0), 4);
		CHECK(e == (ms <= 1000 ? OK : ERR_TIMEOUT) && fake_pci.violations == 0);
		CHECK((fake_pci_get(m.nvme, NVME + 8, 2) & 1) == (e == OK));
	}
}

static void refuse(enum err e, const char *words)
{
	const uint32_t count = t.count;

	CHECK(enable(index_of(1, 0, 0), 8) == e);
	CHECK(s.why && strstr(s.why, words));
	if (!s.why || !strstr(s.why, words))
		printf("said: %s\n", s.why ? s.why : "nothing");
	CHECK(!(fake_pci_get(m.igb, IGB + 8, 2) & 9) && t.count == count);
}

static void what_cannot_be_is_refused(void)
{
	start();
	CHECK(enable(index_of(1, 0, 0), 9) == ERR_RANGE);
	CHECK(enable(index_of(3, 0, 0), 1) == ERR_UNSUPPORTED);
	fake_pci_set(m.igb, IGB + 0xc, 4, 8 << 16 | 9, 0);
	refuse(ERR_INVAL, "InitialVFs");
	start();
	fake_pci_set(m.igb, IGB + 0x1c, 4, 2, 0);
	refuse(ERR_INVAL, "4 KiB");
	start();
	fake_pci.functions[m.igb].offset_ari = 0;
	refuse(ERR_INVAL, "First VF Offset");
	start();
	fake_pci.functions[m.igb].stride_ari = 0;
	refuse(ERR_INVAL, "Stride");
	start();
	fake_pci.functions[m.igb].offset_ari = 0xff00;
	refuse(ERR_INVAL, "last bus");
	start();
	fake_pci.functions[m.igb].offset_ari = 0x100;
	refuse(ERR_INVAL, "no bridge forwards");
	start();
	fake_pci_set(m.igb, IGB + 0x10, 2, 0, 0x7);
	refuse(ERR_INVAL, "NumVFs");
	start();
	fake_pci_set(m.igb, IGB + 0x24, 4, 1, 0xffffff00);
	refuse(ERR_INVAL, "I/O space");
	start();
	fake_pci_set(m.igb, IGB + 0x24, 4, 0, 0xfffff800);
	refuse(ERR_INVAL, "impossible size");
	start();
	fake_pci_set(m.igb, IGB + 0x24, 4, 6, 0xfffff000);
	refuse(ERR_INVAL, "reserved type");
	start();
	fake_pci_set(m.igb, IGB + 0x24, 4, 4, 0); /* 2^61 bytes, 8 times */
	fake_pci_set(m.igb, IGB + 0x28, 4, 0, 0xe0000000);
	refuse(ERR_INVAL, "impossible size");
	start();
	t.count = PCI_FUNCTION_MAX - 7;
	refuse(ERR_NOMEM, "more functions");
}

static void without_ari_vfs_beyond_function_7_are_refused(void)
{
	start();
	fake_pci_set(m.port[0], 0x54 + 0x24, 4, 0, 0);
	fake_pci_set(m.port[0], 0x54 + 0x28, 2, 0, 0);
	refuse(ERR_INVAL, "ARI");
	CHECK(enable(index_of(2, 0, 0), 4) == OK); /* NVMe's are functions 1 to 4 */
	start();
	fake_pci_set(m.port[1], 0x54 + 0x24, 4, 0, 0);
	fake_pci_set(m.port[1], 0x54 + 0x28, 2, 0, 0);
	CHECK(enable(index_of(2, 0, 0), 4) == OK);
	CHECK(fake_pci_get(m.nvme, NVME + 8, 2) == 9); /* no ARI Capable Hierarchy */
}

/* Offset and stride hold only once ARI is set: an implementation that reads them early fails. */
static void offset_and_stride_are_read_late(void)
{
	start();
	fake_pci.functions[m.nvme].offset_plain = 0;
	fake_pci.functions[m.nvme].stride_plain = 0;
	fake_pci_set(m.nvme, NVME + 0x14, 4, 0, 0);
	fake_pci.functions[m.nvme].offset_ari = 0x10;
	fake_pci.functions[m.nvme].stride_ari = 4;
	CHECK(enable(index_of(2, 0, 0), 4) == OK);
	CHECK(t.functions[sriov_vf(&t, index_of(2, 0, 0), 3)].addr == PCI_ADDR(0, 2, 0, 0) + 0x1c);
}

static void vfs_are_groups_of_their_own(void)
{
	uint32_t pf;

	start();
	pf = index_of(1, 0, 0);
	CHECK(enable(pf, 8) == OK);
	pci_form_groups(&t);
	for (uint32_t i = 0; i < 8; i++)
		for (uint32_t j = 0; j < t.count; j++)
			CHECK((t.functions[j].group == t.functions[sriov_vf(&t, pf, i)].group) ==
			      (j == sriov_vf(&t, pf, i)));
	start(); /* below a port without ACS all are one */
	fake_pci_set(m.port[0], 0x148, 2, 0xb, 0);
	memset(&t, 0, sizeof(t));
	pci_scan(&t);
	CHECK(enable(pf, 8) == OK);
	pci_form_groups(&t);
	CHECK(t.functions[sriov_vf(&t, pf, 7)].group == t.functions[pf].group);
	start(); /* a VF whose redirect is offered and does not go on */
	for (uint32_t i = 0; i < fake_pci.count; i++)
		if (fake_pci.functions[i].vf_of == m.igb && fake_pci.functions[i].vf_index == 1) {
			fake_pci_extended((int)i, 0xd, 0x180);
			fake_pci_set((int)i, 0x184, 2, 4, 0);
		}
	CHECK(enable(pf, 8) == OK);
	pci_form_groups(&t);
	CHECK(t.functions[sriov_vf(&t, pf, 1)].group == t.functions[pf].group);
	CHECK(t.functions[sriov_vf(&t, pf, 2)].group != t.functions[pf].group);
}

static void a_malformed_vf_is_not_usable_and_the_others_are(void)
{
	uint32_t pf;

	start();
	pf = index_of(1, 0, 0);
	for (uint32_t i = 0; i < fake_pci.count; i++)
		if (fake_pci.functions[i].vf_of == m.igb && fake_pci.functions[i].vf_index == 1)
			fake_pci_set((int)i, 0x84, 4, 0x3ff8 | 3, 0);
	CHECK(enable(pf, 3) == OK && sriov_vf(&t, pf, 1) == PCI_NO_FUNCTION);
	CHECK(sriov_vf(&t, pf, 0) != PCI_NO_FUNCTION && sriov_vf(&t, pf, 2) != PCI_NO_FUNCTION);
}

static void what_a_vf_was_given_since_is_seen(void)
{
	uint32_t pf, vf;

	start();
	pf = index_of(2, 0, 0);
	CHECK(enable(pf, 2) == OK);
	vf = sriov_vf(&t, pf, 1);
	CHECK(t.functions[vf].msix_count == 3);
	for (uint32_t i = 0; i < fake_pci.count; i++)
		if (fake_pci.functions[i].vf_of == m.nvme && fake_pci.functions[i].vf_index == 1)
			fake_pci_set((int)i, 0x82, 2, 8, 0);
	CHECK(pci_read_again(&t, vf) && t.functions[vf].msix_count == 9);
	CHECK(t.functions[vf].has_flr && t.functions[vf].caps.pcie == 0x40);
	CHECK(enable(pf, 0) == OK && !pci_read_again(&t, vf) && !t.functions[vf].is_usable);
}

int main(void)
{
	RUN(vfs_come_as_the_capability_says);
	RUN(bars_are_placed_where_nothing_is);
	RUN(a_full_low_window_leads_to_the_high_one);
	RUN(firmwares_places_are_kept_if_they_are_sound);
	RUN(vfs_off_are_kept_as_such_and_used_again);
	RUN(vfs_that_firmware_left_on_go_off_first);
	RUN(vfs_may_take_a_second_to_answer);
	RUN(what_cannot_be_is_refused);
	RUN(without_ari_vfs_beyond_function_7_are_refused);
	RUN(offset_and_stride_are_read_late);
	RUN(vfs_are_groups_of_their_own);
	RUN(a_malformed_vf_is_not_usable_and_the_others_are);
	RUN(what_a_vf_was_given_since_is_seen);
	return test_failed;
}
