/* SPDX-License-Identifier: Apache-2.0 */
/* drivers/pci_caps.c - lists of capabilities: hostile until proved otherwise. */
#include "drivers/pci_parts.h"

struct kind {
	uint16_t id;
	uint16_t bytes; /* at least */
	uint16_t field; /* of struct pci_caps */
};

static const struct kind kinds[] = {
	{ CAP_PM, 8, offsetof(struct pci_caps, pm) },
	{ CAP_VPD, 8, offsetof(struct pci_caps, vpd) },
	{ CAP_MSI, 10, offsetof(struct pci_caps, msi) },
	{ CAP_PCIE, 12, offsetof(struct pci_caps, pcie) },
	{ CAP_MSIX, 12, offsetof(struct pci_caps, msix) },
	{ CAP_AF, 6, offsetof(struct pci_caps, af) },
};

static const struct kind extended_kinds[] = {
	{ CAP_AER, 44, offsetof(struct pci_caps, aer) },
	{ CAP_SERIAL, 12, offsetof(struct pci_caps, serial) },
	{ CAP_ACS, 8, offsetof(struct pci_caps, acs) },
	{ CAP_ARI, 8, offsetof(struct pci_caps, ari) },
	{ CAP_ATS, 8, offsetof(struct pci_caps, ats) },
	{ CAP_SRIOV, SRIOV_BYTES, offsetof(struct pci_caps, sriov) },
	{ CAP_PRI, 16, offsetof(struct pci_caps, pri) },
	{ CAP_PASID, 8, offsetof(struct pci_caps, pasid) },
	{ CAP_DPC, 8, offsetof(struct pci_caps, dpc) },
};

/* The first of a kind counts. False: it does not fit in configuration space. */
static bool note(struct pci_caps *caps, const struct kind *list, size_t count, uint32_t id,
		 uint32_t at, uint32_t space)
{
	for (size_t i = 0; i < count; i++) {
		uint16_t *const field = (uint16_t *)((char *)caps + list[i].field);

		if (list[i].id != id)
			continue;
		if (at + list[i].bytes > space)
			return false;
		if (*field == 0)
			*field = (uint16_t)at;
	}
	return true;
}

/* "Capabilities List": 8-bit links to multiples of 4, so that there are 48 at most. */
static const char *walk_list(struct pci_function *f)
{
	uint64_t seen = 0;
	uint32_t at;

	if (!(arch_pci_read(f->addr, CFG_STATUS, 2) & STATUS_CAPABILITIES))
		return NULL;
	at = arch_pci_read(f->addr, CFG_CAPABILITIES, 1) & ~3u;
	while (at != 0) {
		const uint32_t header = arch_pci_read(f->addr, at, 2);

		if (at < CAPABILITY_FIRST)
			return "capability list points into the header";
		if (seen & BIT64(at / 4))
			return "capability list loops";
		if (header == 0xffff)
			return "capability list leads to nothing";
		seen |= BIT64(at / 4);
		if (!note(&f->caps, kinds, ARRAY_SIZE(kinds), header & 0xff, at, PCI_CONFIG_BYTES))
			return "a capability runs out of configuration space";
		at = header >> 8 & ~3u;
	}
	return NULL;
}

/* "PCI Express Extended Capability Header": id 15:0, version 19:16, next 31:20. */
static const char *walk_extended(struct pci_function *f)
{
	uint64_t seen[PCI_EXTENDED_BYTES / 4 / 64] = { 0 };
	uint32_t at = CAP_EXTENDED_FIRST;

	do {
		const uint32_t header = arch_pci_read(f->addr, at, 4);
		const uint32_t word = at / 4;

		if (header == 0 || (at == CAP_EXTENDED_FIRST && header == UINT32_MAX))
			return NULL;
		if (seen[word / 64] & BIT64(word % 64))
			return "extended capability list loops";
		if (header == UINT32_MAX)
			return "extended capability list leads to nothing";
		seen[word / 64] |= BIT64(word % 64);
		if (!note(&f->caps, extended_kinds, ARRAY_SIZE(extended_kinds), header & 0xffff, at,
			  PCI_EXTENDED_BYTES))
			return "an extended capability runs out of configuration space";
		at = header >> 20 & ~3u;
		if (at != 0 && at < CAP_EXTENDED_FIRST)
			return "extended capability list points below 100H";
	} while (at != 0);
	return NULL;
}

static const char *read_msi(struct pci_function *f)
{
	const uint32_t control = arch_pci_read(f->addr, f->caps.msi + MSI_CONTROL, 2);
	const uint32_t bytes = 10 + (control & MSI_64 ? 4u : 0) + (control & MSI_MASKS ? 10u : 0);

	if (MSI_CAPABLE(control) > MSI_CAPABLE_MAX)
		return "MSI: a reserved number of messages";
	if (f->caps.msi + bytes > PCI_CONFIG_BYTES)
		return "MSI: runs out of configuration space";
	f->msi_count = (uint8_t)(1u << MSI_CAPABLE(control));
	return NULL;
}

static const char *read_msix(struct pci_function *f)
{
	const uint32_t table = arch_pci_read(f->addr, f->caps.msix + MSIX_TABLE, 4);
	const uint32_t pba = arch_pci_read(f->addr, f->caps.msix + MSIX_PBA, 4);

	if (MSIX_BAR(table) >= PCI_BAR_COUNT || MSIX_BAR(pba) >= PCI_BAR_COUNT)
		return "MSI-X: no such BAR";
	f->msix_count =
		(uint16_t)MSIX_COUNT(arch_pci_read(f->addr, f->caps.msix + MSIX_CONTROL, 2));
	f->msix_table_bar = (uint8_t)MSIX_BAR(table);
	f->msix_table_offset = MSIX_OFFSET(table);
	f->msix_pba_bar = (uint8_t)MSIX_BAR(pba);
	f->msix_pba_offset = MSIX_OFFSET(pba);
	return NULL;
}

static void read_pcie(struct pci_function *f)
{
	const uint32_t at = f->caps.pcie;

	f->pcie_type = (uint8_t)PCIE_TYPE(arch_pci_read(f->addr, at + PCIE_FLAGS, 2));
	f->has_flr = arch_pci_read(f->addr, at + PCIE_DEVCAP, 4) & DEVCAP_FLR;
}

/* "Advanced Features Capability": both bits, or a reset could not be waited for. */
static bool has_af_reset(const struct pci_function *f)
{
	const uint32_t both = AF_PENDS | AF_RESETS;

	return f->caps.af != 0 && (arch_pci_read(f->addr, f->caps.af + AF_CAPS, 1) & both) == both;
}

void pci_refuse(struct pci_function *f, const char *why)
{
	if (why == NULL || !f->is_usable)
		return;
	f->is_usable = false;
	f->why = why;
}

void pci_read_capabilities(struct pci_function *f)
{
	f->caps = (struct pci_caps){ 0 };
	f->pcie_type = PCI_CONVENTIONAL;
	pci_refuse(f, walk_list(f));
	if (f->caps.pcie != 0)
		read_pcie(f);
	if (f->caps.pcie != 0 && pci_is_extended(f->addr))
		pci_refuse(f, walk_extended(f));
	if (f->caps.msi != 0)
		pci_refuse(f, read_msi(f));
	if (f->caps.msix != 0)
		pci_refuse(f, read_msix(f));
	f->has_flr |= has_af_reset(f);
}

static bool fits(const struct pci_bar *bar, uint32_t offset, uint64_t bytes)
{
	return (bar->kind == PCI_BAR_MEM32 || bar->kind == PCI_BAR_MEM64) && offset < bar->bytes &&
	       bytes <= bar->bytes - offset;
}

/* "MSI-X Table", "MSI-X PBA": quadwords of 64 pending bits each. */
void pci_check_msix(struct pci_function *f)
{
	const uint32_t count = f->msix_count;
	const uint64_t pba_bytes = align_up(count, 64) / 8;

	if (count == 0)
		return;
	if (!fits(&f->bars[f->msix_table_bar], f->msix_table_offset, count * MSIX_ENTRY_BYTES))
		pci_refuse(f, "MSI-X: the table lies outside its BAR");
	else if (!fits(&f->bars[f->msix_pba_bar], f->msix_pba_offset, pba_bytes))
		pci_refuse(f, "MSI-X: the pending bits lie outside their BAR");
	else if (f->msix_table_bar == f->msix_pba_bar &&
		 f->msix_table_offset < f->msix_pba_offset + pba_bytes &&
		 f->msix_pba_offset < f->msix_table_offset + count * MSIX_ENTRY_BYTES)
		pci_refuse(f, "MSI-X: table and pending bits overlap");
}
