/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fake/pci_machines.c - whole machines, as lspci shows them. */
#include "tests/fake/pci.h"

#define DEVFN(d, f) ((uint8_t)((d) << 3 | (f)))
#define ACS_ALL     0x1d /* Source Validation, both redirects, Upstream Forwarding */

static int add_port(int parent, uint8_t devfn, uint32_t type, uint8_t secondary,
		    uint8_t subordinate, bool has_acs)
{
	const int f = fake_pci_add_bridge(parent, devfn, 0x000c1b36, secondary, subordinate);

	fake_pci_pcie(f, 0x54, type, false);
	fake_pci_extended(f, 1, 0x100);
	if (has_acs)
		fake_pci_acs(f, 0x148, ACS_ALL);
	return f;
}

static int add_nvme(int parent, uint64_t bar)
{
	const int f = fake_pci_add(parent, 0, 0x00101b36, 0x010802);

	fake_pci_bar(f, 0, 4, KIB(16), bar);
	fake_pci_msix(f, 0x40, 9, 0, 0x2000, 0, 0x3000);
	fake_pci_pcie(f, 0x80, 0, true);
	fake_pci_pm(f, 0x60, true);
	return f;
}

struct fake_q35 fake_pci_q35(void)
{
	struct fake_q35 m;

	fake_pci_clear();
	m.host = fake_pci_add(FAKE_PCI_NONE, 0, 0x29c08086, 0x060000);
	for (uint8_t i = 0; i < 3; i++) {
		const uint32_t window = 0xfe800000u - i * 0x200000u;

		m.port[i] = add_port(FAKE_PCI_NONE, DEVFN(1 + i, 0), 4, (uint8_t)(1 + i),
				     (uint8_t)(1 + i), true);
		fake_pci_window(m.port[i], window, window + 0x200000);
		fake_pci_prefetch(m.port[i], GIB(32) + i * GIB(1), GIB(33) + i * GIB(1));
	}
	m.isa = fake_pci_add(FAKE_PCI_NONE, DEVFN(0x1f, 0), 0x29188086, 0x060100);
	fake_pci_multifunction(m.isa);
	m.sata = fake_pci_add(FAKE_PCI_NONE, DEVFN(0x1f, 2), 0x29228086, 0x010601);
	fake_pci_bar(m.sata, 5, 0, KIB(4), 0xfebd5000);
	fake_pci_bar(m.sata, 4, 1, 32, 0xc040);
	fake_pci_msi(m.sata, 0x80, 0, true, false);
	m.smbus = fake_pci_add(FAKE_PCI_NONE, DEVFN(0x1f, 3), 0x29308086, 0x0c0500);
	m.igb = fake_pci_add(m.port[0], 0, 0x10c98086, 0x020000);
	fake_pci_multifunction(m.igb); /* for its VFs */
	fake_pci_bar(m.igb, 0, 0, KIB(128), 0xfe800000);
	fake_pci_bar(m.igb, 1, 0, KIB(128), 0xfe820000);
	fake_pci_bar(m.igb, 3, 0, KIB(16), 0xfe840000);
	fake_pci_pm(m.igb, 0x40, true);
	fake_pci_msi(m.igb, 0x50, 0, true, true);
	fake_pci_msix(m.igb, 0x70, 10, 3, 0, 3, 0x2000);
	fake_pci_pcie(m.igb, 0xa0, 0, true);
	fake_pci_extended(m.igb, 1, 0x100);
	fake_pci_extended(m.igb, 0xe, 0x150);
	fake_pci_sriov(m.igb, 0x160, 8, 0x10ca, KIB(16), KIB(16));
	m.nvme = add_nvme(m.port[1], 0xfe600000);
	fake_pci_extended(m.nvme, 0xe, 0x100);
	fake_pci_sriov(m.nvme, 0x120, 4, 0x0010, KIB(16), 0);
	for (uint32_t i = 0; i < fake_pci.count; i++) {
		struct fake_pci_function *f = &fake_pci.functions[i];

		f->offset_plain = f->offset_ari = (int)i == m.igb ? 0x80 : 1;
		f->stride_plain = f->stride_ari = (int)i == m.igb ? 2 : 1;
		if (f->sriov) {
			fake_pci_set((int)i, f->sriov + 0x14u, 2, f->offset_plain, 0);
			fake_pci_set((int)i, f->sriov + 0x16u, 2, f->stride_plain, 0);
		}
		/* NVMe VFs have their table in BAR 0. */
		if (f->vf_of == m.nvme)
			fake_pci_set((int)i, 0x84, 4, 0x2000, 0),
				fake_pci_set((int)i, 0x88, 4, 0x3000, 0);
	}
	m.plain = fake_pci_add(m.port[2], 0, 0x10d38086, 0x020000);
	fake_pci_bar(m.plain, 0, 0, KIB(128), 0xfe400000);
	fake_pci_msix(m.plain, 0xa0, 5, 0, 0x10000, 0, 0x11000);
	fake_pci_pcie(m.plain, 0xb0, 0, false);
	return m;
}

struct fake_server fake_pci_server(void)
{
	struct fake_server m;

	fake_pci_clear();
	m.host = fake_pci_add(FAKE_PCI_NONE, 0, 0x20208086, 0x060000);
	m.port[0] = add_port(FAKE_PCI_NONE, DEVFN(1, 0), 4, 1, 8, true);
	m.port[1] = add_port(FAKE_PCI_NONE, DEVFN(2, 0), 4, 9, 9, true);
	fake_pci_multifunction(m.port[1]);
	m.port[2] = add_port(FAKE_PCI_NONE, DEVFN(2, 1), 4, 10, 10, true);
	m.upstream = add_port(m.port[0], 0, 5, 2, 8, false);
	for (uint8_t i = 0; i < 3; i++)
		m.downstream[i] = add_port(m.upstream, DEVFN(i, 0), 6, (uint8_t)(3 + i),
					   (uint8_t)(3 + i), true);
	m.disk[0] = add_nvme(m.downstream[0], 0x90000000);
	m.disk[1] = add_nvme(m.downstream[1], 0x90100000);
	m.gpu = fake_pci_add(m.downstream[2], 0, 0x1b8010de, 0x030000);
	fake_pci_multifunction(m.gpu);
	fake_pci_bar(m.gpu, 0, 0, MIB(16), 0x91000000);
	fake_pci_bar(m.gpu, 1, 0xc, GIB(8), GIB(64));
	fake_pci_pcie(m.gpu, 0x78, 1, false);
	m.sound = fake_pci_add(m.downstream[2], 1, 0x10f010de, 0x040300);
	fake_pci_bar(m.sound, 0, 0, KIB(16), 0x92000000);
	fake_pci_pcie(m.sound, 0x78, 0, false);
	for (uint8_t i = 0; i < 2; i++) {
		m.nic[i] = fake_pci_add(m.port[1], i, 0x15288086, 0x020000);
		fake_pci_bar(m.nic[i], 0, 0xc, MIB(2), GIB(80) + i * MIB(2));
		fake_pci_pcie(m.nic[i], 0xa0, 0, true);
		fake_pci_multifunction(m.nic[i]);
	}
	/* PCI Express to PCI: what is behind has its requester ID. */
	m.bridge = add_port(m.port[2], 0, 7, 11, 11, false);
	fake_pci_set(m.port[2], 0x1a, 1, 11, 0xff);
	m.legacy[0] = fake_pci_add(m.bridge, DEVFN(1, 0), 0x12298086, 0x020000);
	fake_pci_bar(m.legacy[0], 0, 0, KIB(4), 0x93000000);
	fake_pci_pm(m.legacy[0], 0xdc, false);
	m.legacy[1] = fake_pci_add(m.bridge, DEVFN(2, 0), 0x00461000, 0x010000);
	fake_pci_bar(m.legacy[1], 0, 0, KIB(4), 0x93001000);
	/* The second processor's root bus. */
	m.second_host = fake_pci_add(FAKE_PCI_NONE, 0, 0x20208086, 0x060000);
	for (uint8_t i = 0; i < 2; i++) {
		m.uncore[i] = fake_pci_add(FAKE_PCI_NONE, DEVFN(4, i), 0x20218086, 0x088000);
		fake_pci_bar(m.uncore[i], 0, 4, KIB(16), GIB(100) + i * KIB(16));
		fake_pci_pcie(m.uncore[i], 0x40, 9, true);
		fake_pci_multifunction(m.uncore[i]);
		fake_pci.functions[m.uncore[i]].root_bus = 0x80;
	}
	fake_pci.functions[m.second_host].root_bus = 0x80;
	return m;
}
