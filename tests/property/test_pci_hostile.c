/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration space that lies, at random: the scan ends, stays in its table, leaves what it
 * probed as it was, and what it calls usable keeps what drivers/pci.h promises of it.
 */
#include <string.h>
#include "drivers/pci.h"
#include "drivers/pci_reset.h"
#include "drivers/sriov.h"
#include "tests/fake/pci.h"
#include "tests/property/random.h"
#include "tests/test.h"

static struct pci_table t;
static struct fake_pci_machine before;

/* A few bytes of a few functions, and what software may write of them. */
static void spoil(void)
{
	for (uint64_t n = random_between(1, 30); n > 0; n--) {
		struct fake_pci_function *f = &fake_pci.functions[random_below(fake_pci.count)];
		const uint32_t space = random_below(3) ? 0x40 : random_below(2) ? 0x100 : 0x1000;
		const uint32_t offset = (uint32_t)random_below(space);

		f->config[offset] = f->reset[offset] = (uint8_t)random_u64();
		if (random_below(3) == 0)
			f->mask[offset] = (uint8_t)random_u64();
	}
}

static void check_function(const struct pci_function *f)
{
	if (!f->is_usable) {
		CHECK(f->why != NULL);
		return;
	}
	CHECK(f->parent == PCI_NO_FUNCTION ||
	      (f->parent < t.count && t.functions[f->parent].is_bridge));
	for (uint32_t i = 0; i < PCI_BAR_COUNT; i++) {
		const struct pci_bar *b = &f->bars[i];

		if (b->kind == PCI_BAR_NONE)
			continue;
		CHECK(b->bytes && (b->bytes & (b->bytes - 1)) == 0);
		CHECK((b->base & (b->bytes - 1)) == 0);
		CHECK(b->kind != PCI_BAR_MEM64 || i + 1 < PCI_BAR_COUNT);
	}
	if (f->msix_count != 0) {
		const struct pci_bar *b = &f->bars[f->msix_table_bar];

		CHECK(f->msix_count <= 2048 && b->kind >= PCI_BAR_MEM32);
		CHECK(f->msix_table_offset + 16ull * f->msix_count <= b->bytes);
	}
	CHECK(f->msi_count <= 32);
	CHECK(!f->caps.pcie || (f->caps.pcie >= 0x40 && f->caps.pcie <= 0xf4));
	CHECK(!f->caps.sriov || (f->caps.sriov >= 0x100 && f->caps.sriov <= 0xfc0));
}

/* Resets and VFs of whatever it is: they end, by their own rules. */
static void drive(void)
{
	struct pci_reset r;
	struct sriov s;
	uint64_t again;
	uint32_t steps = 0;
	const uint32_t i = (uint32_t)random_below(t.count);

	if (pci_reset_begin(&r, &t, i, FAKE_PCI_HZ) == OK)
		while (pci_reset_step(&r, fake_pci.now_tsc, &again) == ERR_BUSY && steps++ < 400)
			fake_pci.now_tsc = again;
	CHECK(steps < 400);
	steps = 0;
	if (sriov_begin(&s, &t, i, (uint32_t)random_below(9), FAKE_PCI_HZ) == OK)
		while (sriov_step(&s, fake_pci.now_tsc, &again) == ERR_BUSY && steps++ < 400)
			fake_pci.now_tsc = again;
	CHECK(steps < 400);
	pci_form_groups(&t);
	for (uint32_t k = 0; k < t.count; k++) {
		CHECK(t.functions[k].group < t.count);
		check_function(&t.functions[k]);
	}
}

static uint32_t usable, refused;

static void lies_are_survived(void)
{
	for (uint32_t n = 0; n < 300; n++) {
		if (random_below(2))
			(void)fake_pci_q35();
		else
			(void)fake_pci_server();
		spoil();
		memset(&t, 0, sizeof(t));
		before = fake_pci;
		pci_scan(&t);
		for (uint32_t i = 0; i < fake_pci.count; i++)
			CHECK(memcmp(before.functions[i].config + 0x40,
				     fake_pci.functions[i].config + 0x40, 4096 - 0x40) == 0);
		for (uint32_t i = 0; i < t.count; i++) {
			check_function(&t.functions[i]);
			usable += t.functions[i].is_usable;
			refused += !t.functions[i].is_usable;
		}
		pci_form_groups(&t);
		if (t.count != 0)
			drive();
	}
	printf("%u functions usable, %u refused\n", usable, refused);
	CHECK(usable > 1000 && refused > 100);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(lies_are_survived);
	return test_failed;
}
