/* SPDX-License-Identifier: Apache-2.0 */
/* drivers/pci_group.c - who cannot be told from whom. The rules are in drivers/pci.h. */
#include "drivers/pci_parts.h"

enum acs { ACS_LACKS, ACS_PARTLY_ON, ACS_ON, ACS_ALL_ON };

struct grouping {
	struct pci_table *t;
	uint8_t acs[PCI_FUNCTION_MAX]; /* enum acs */
};

/* What is offered goes on. "ACS Capability Register": what is not offered is not needed there. */
static enum acs enable_acs(const struct pci_function *f)
{
	const uint32_t at = f->caps.acs;
	uint32_t offered, on;

	if (at == 0)
		return ACS_LACKS;
	offered = arch_pci_read(f->addr, at + ACS_CAPS, 2) & ACS_WANTED;
	on = arch_pci_read(f->addr, at + ACS_CONTROL, 2);
	if ((on & offered) != offered) {
		arch_pci_write(f->addr, at + ACS_CONTROL, 2, on | offered);
		on = arch_pci_read(f->addr, at + ACS_CONTROL, 2);
	}
	if ((on & offered) != offered)
		return ACS_PARTLY_ON;
	return offered == ACS_WANTED ? ACS_ALL_ON : ACS_ON;
}

/* A port without Source Validation lets requests pass as another's. */
static enum acs acs_of(const struct pci_function *f)
{
	const enum acs acs = f->is_usable ? enable_acs(f) : ACS_LACKS;

	if (pci_is_port_above_link(f) && acs == ACS_ON &&
	    !(arch_pci_read(f->addr, f->caps.acs + ACS_CONTROL, 2) & ACS_SOURCE))
		return ACS_LACKS;
	return acs;
}

static bool is_same_device(const struct pci_table *t, uint32_t i, uint32_t j)
{
	const struct pci_function *a = &t->functions[i], *b = &t->functions[j];

	if (a->is_vf || b->is_vf || a->parent != b->parent || a->addr >> 8 != b->addr >> 8)
		return false;
	return (a->parent != PCI_NO_FUNCTION && pci_is_port_above_link(&t->functions[a->parent])) ||
	       a->addr >> 3 == b->addr >> 3;
}

/* Rule 4, and 2 where a port is its device's only function. */
static bool device_is_apart(const struct grouping *g, uint32_t i)
{
	const struct pci_table *t = g->t;
	bool lacks = g->acs[i] < ACS_ON, is_alone = true;

	for (uint32_t j = 0; j < t->count; j++) {
		if (j == i || !is_same_device(t, i, j))
			continue;
		is_alone = false;
		lacks |= g->acs[j] < ACS_ON;
	}
	return !lacks || (is_alone && !pci_is_port_above_link(&t->functions[i]));
}

/* Rule 3. */
static bool switch_is_apart(const struct grouping *g, uint32_t port)
{
	const struct pci_table *t = g->t;

	for (uint32_t j = 0; j < t->count; j++)
		if (t->functions[j].parent == t->functions[port].parent &&
		    !(t->functions[j].pcie_type == PCIE_DOWNSTREAM && g->acs[j] == ACS_ALL_ON))
			return false;
	return true;
}

/* The highest bridge with which `i` is one group, or itself. */
static uint32_t anchor_of(const struct grouping *g, uint32_t i)
{
	const struct pci_function *const functions = g->t->functions;
	uint32_t anchor = i;

	for (uint32_t up = functions[i].parent; up != PCI_NO_FUNCTION; up = functions[up].parent) {
		switch (functions[up].pcie_type) {
		case PCIE_ROOT_PORT:
		case PCIE_UPSTREAM:
			if (!device_is_apart(g, up))
				anchor = up;
			break;
		case PCIE_DOWNSTREAM:
			if (functions[up].parent == PCI_NO_FUNCTION) /* that is no switch */
				anchor = up;
			else if (!switch_is_apart(g, up))
				anchor = functions[up].parent;
			break;
		default:
			anchor = up;
		}
	}
	return anchor;
}

static void merge(struct pci_table *t, uint32_t a, uint32_t b)
{
	const uint32_t from = t->functions[a].group, to = t->functions[b].group;

	for (uint32_t i = 0; i < t->count && from != to; i++)
		if (t->functions[i].group == from)
			t->functions[i].group = to;
}

/* Anchors as names become 0, 1, .. in the order of the table. */
static void number_groups(struct pci_table *t)
{
	uint32_t number[PCI_FUNCTION_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < t->count; i++)
		number[i] = PCI_NO_FUNCTION;
	for (uint32_t i = 0; i < t->count; i++) {
		uint32_t *const mine = &number[t->functions[i].group];

		if (*mine == PCI_NO_FUNCTION)
			*mine = count++;
		t->functions[i].group = *mine;
	}
}

void pci_form_groups(struct pci_table *t)
{
	struct grouping g = { .t = t };

	for (uint32_t i = 0; i < t->count; i++)
		g.acs[i] = (uint8_t)acs_of(&t->functions[i]);
	for (uint32_t i = 0; i < t->count; i++)
		t->functions[i].group = anchor_of(&g, i);
	for (uint32_t i = 0; i < t->count; i++) {
		const struct pci_function *const f = &t->functions[i];

		/* Rule 3's own ports: they are what is below the upstream port. */
		if (f->pcie_type == PCIE_DOWNSTREAM && f->parent != PCI_NO_FUNCTION &&
		    !switch_is_apart(&g, i))
			merge(t, i, f->parent);
		if (f->is_vf && g.acs[i] == ACS_PARTLY_ON)
			merge(t, i, f->pf);
		if (f->is_vf || device_is_apart(&g, i))
			continue;
		for (uint32_t j = 0; j < t->count; j++)
			if (is_same_device(t, i, j))
				merge(t, i, j);
	}
	number_groups(t);
}
