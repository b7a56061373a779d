/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/vtd/scope.h"

/* Configuration space */
#define PCI_VENDOR        0x00u
#define PCI_VENDOR_NOBODY 0xffffu
#define PCI_HEADER        0x0eu
#define PCI_HEADER_TYPE   0x7fu
#define PCI_HEADER_BRIDGE 0x01u
#define PCI_SECONDARY     0x19u
#define PCI_SUBORDINATE   0x1au

/* "PCI Express Extended Capability Header" */
#define PCI_EXT_FIRST    0x100u
#define PCI_EXT_ID(h)    ((h)&0xffffu)
#define PCI_EXT_NEXT(h)  ((h) >> 20 & 0xffcu)
#define PCI_EXT_LIST_MAX 64u /* longer lists are loops */
#define PCI_EXT_SRIOV    0x10u
/* "SR-IOV Extended Capability" */
#define SRIOV_NUM_VFS      0x10u
#define SRIOV_FIRST_OFFSET 0x14u
#define SRIOV_STRIDE       0x16u
#define SRIOV_CAPABILITY   (PCI_EXTENDED_BYTES - 0x40u) /* the last place for one */

/* ---- Paths ---- */

static bool is_there(pci_addr_t a)
{
	return arch_pci_read(a, PCI_VENDOR, 2) != PCI_VENDOR_NOBODY;
}

static bool is_bridge(pci_addr_t a)
{
	return (arch_pci_read(a, PCI_HEADER, 1) & PCI_HEADER_TYPE) == PCI_HEADER_BRIDGE;
}

static struct vtd_place resolve(const struct dmar_scope *s)
{
	struct vtd_place p = { .first_bus = 1, .last_bus = 0 };
	uint32_t bus = s->start_bus;

	for (uint32_t i = 0; i < s->hop_count; i++) {
		uint32_t below;

		p.at = PCI_ADDR((pci_addr_t)s->segment, bus, 0u, 0u) | s->devfns[i];
		if (!is_there(p.at))
			return p;
		if (i == s->hop_count - 1u)
			break;
		below = arch_pci_read(p.at, PCI_SECONDARY, 1);
		if (!is_bridge(p.at) || below <= bus)
			return p;
		bus = below;
	}
	p.is_there = true;
	if (s->is_bridge && is_bridge(p.at) && arch_pci_read(p.at, PCI_SECONDARY, 1) > bus) {
		p.first_bus = (uint8_t)arch_pci_read(p.at, PCI_SECONDARY, 1);
		p.last_bus = (uint8_t)arch_pci_read(p.at, PCI_SUBORDINATE, 1);
	}
	return p;
}

void vtd_scope_resolve(const struct dmar *d, struct vtd_place places[DMAR_SCOPE_MAX])
{
	for (uint32_t i = 0; i < d->scope_count; i++)
		places[i] = resolve(&d->scopes[i]);
}

/* ---- Virtual functions ---- */

static uint32_t find_sriov(pci_addr_t function)
{
	uint32_t at = PCI_EXT_FIRST;

	for (uint32_t i = 0; i < PCI_EXT_LIST_MAX && at >= PCI_EXT_FIRST && at <= SRIOV_CAPABILITY;
	     i++) {
		const uint32_t header = arch_pci_read(function, at, 4);

		if (header == 0 || header == UINT32_MAX)
			return 0;
		if (PCI_EXT_ID(header) == PCI_EXT_SRIOV)
			return at;
		at = PCI_EXT_NEXT(header);
	}
	return 0;
}

/* VF n, from 0 on, has the requester ID of its PF + first offset + n * stride. */
static bool is_virtual_of(pci_addr_t physical, pci_addr_t function)
{
	const uint32_t at = find_sriov(physical);
	uint32_t count, stride, first;

	if (at == 0 || PCI_SEGMENT(physical) != PCI_SEGMENT(function))
		return false;
	count = arch_pci_read(physical, at + SRIOV_NUM_VFS, 2);
	stride = arch_pci_read(physical, at + SRIOV_STRIDE, 2);
	first = PCI_REQUESTER(physical) + arch_pci_read(physical, at + SRIOV_FIRST_OFFSET, 2);
	if (count == 0 || PCI_REQUESTER(function) < first)
		return false;
	if (stride == 0)
		return PCI_REQUESTER(function) == first;
	return (PCI_REQUESTER(function) - first) % stride == 0 &&
	       (PCI_REQUESTER(function) - first) / stride < count;
}

/* ---- Units ---- */

#define COVER_NOT   UINT32_MAX
#define COVER_EXACT 0u

/* How closely: COVER_EXACT, or the number of buses below the bridge in question. */
static uint32_t cover(const struct vtd_place *p, pci_addr_t function)
{
	if (!p->is_there)
		return COVER_NOT;
	if (p->at == function)
		return COVER_EXACT;
	if (PCI_SEGMENT(p->at) != PCI_SEGMENT(function) || PCI_BUS(function) < p->first_bus ||
	    PCI_BUS(function) > p->last_bus)
		return COVER_NOT;
	return 1u + p->last_bus - p->first_bus;
}

static uint32_t cover_of_unit(const struct dmar_unit *u, const struct vtd_place *places,
			      pci_addr_t function)
{
	uint32_t closest = COVER_NOT;

	for (uint32_t i = 0; i < u->scope_count; i++)
		closest = (uint32_t)min_u64(closest, cover(&places[u->first_scope + i], function));
	return closest;
}

static bool names_physical(const struct dmar_unit *u, const struct vtd_place *places,
			   pci_addr_t function)
{
	for (uint32_t i = 0; i < u->scope_count; i++) {
		const struct vtd_place *const p = &places[u->first_scope + i];

		if (p->is_there && p->first_bus > p->last_bus && is_virtual_of(p->at, function))
			return true;
	}
	return false;
}

uint32_t vtd_scope_unit(const struct dmar *d, const struct vtd_place places[DMAR_SCOPE_MAX],
			pci_addr_t function)
{
	uint32_t closest = COVER_NOT, unit = VTD_NO_UNIT;

	for (uint32_t i = 0; i < d->unit_count; i++) {
		const uint32_t c = cover_of_unit(&d->units[i], places, function);

		if (c < closest) {
			closest = c;
			unit = i;
		}
	}
	for (uint32_t i = 0; i < d->unit_count && unit == VTD_NO_UNIT; i++) {
		if (names_physical(&d->units[i], places, function))
			unit = i;
	}
	for (uint32_t i = 0; i < d->unit_count && unit == VTD_NO_UNIT; i++) {
		if (d->units[i].has_rest && d->units[i].segment == PCI_SEGMENT(function))
			unit = i;
	}
	return unit;
}

bool vtd_scope_has_reserved(const struct dmar *d, const struct vtd_place places[DMAR_SCOPE_MAX],
			    pci_addr_t function)
{
	for (uint32_t i = 0; i < d->reserved_count; i++) {
		const struct dmar_reserved *const m = &d->reserved[i];

		for (uint32_t k = 0; k < m->scope_count; k++) {
			if (cover(&places[m->first_scope + k], function) != COVER_NOT)
				return true;
		}
	}
	return false;
}
