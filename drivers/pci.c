/* SPDX-License-Identifier: Apache-2.0 */
/* drivers/pci.c - the scan, and what the header of a function says. */
#include <string.h>
#include "core/lib/fmt.h"
#include "drivers/pci_parts.h"

#define BUS_COUNT        256u
#define DEVICES_PER_BUS  32u
#define FUNCTIONS        8u
#define CLASS_HOST       0x0600u
#define CLASS_OF(f)      ((f)->class_code >> 8)
#define BRIDGE_BAR_COUNT 2u

void pci_remark(const struct pci_table *t, pci_addr_t at, const char *what)
{
	char line[PCI_REMARK_BYTES];

	if (t->remark == NULL)
		return;
	fmt_text(line, sizeof(line), "PCI %04x:%02x:%02x.%x: %s", PCI_SEGMENT(at), PCI_BUS(at),
		 PCI_DEVICE(at), PCI_FUNCTION(at), what);
	t->remark(line);
}

bool pci_is_extended(pci_addr_t addr)
{
	struct pci_bus_range ranges[PCI_SEGMENT_RANGE_MAX];
	const uint32_t count = arch_pci_ranges(ranges);

	for (uint32_t i = 0; i < count; i++)
		if (ranges[i].segment == PCI_SEGMENT(addr) &&
		    ranges[i].first_bus <= PCI_BUS(addr) && ranges[i].last_bus >= PCI_BUS(addr))
			return ranges[i].is_extended;
	return false;
}

bool pci_is_port_above_link(const struct pci_function *f)
{
	return f->is_bridge && (f->pcie_type == PCIE_ROOT_PORT || f->pcie_type == PCIE_DOWNSTREAM);
}

/* --- BARs ----------------------------------------------------------------------------------- */

/* What is left of all ones shows the size. */
static uint32_t probe(pci_addr_t addr, uint32_t reg)
{
	const uint32_t before = arch_pci_read(addr, reg, 4);
	uint32_t after;

	arch_pci_write(addr, reg, 4, UINT32_MAX);
	after = arch_pci_read(addr, reg, 4);
	arch_pci_write(addr, reg, 4, before);
	return after;
}

/* The bits that take a 1 are one block that ends at the top: a power of two. */
static bool set_size(struct pci_bar *bar, uint64_t mask, uint64_t top)
{
	bar->bytes = mask & -mask;
	return mask == top - bar->bytes + 1 && (bar->base & (bar->bytes - 1)) == 0;
}

/* I/O space may be decoded with 16 bits only. */
static bool size_io(pci_addr_t addr, uint32_t reg, uint32_t value, struct pci_bar *bar)
{
	const uint32_t mask = probe(addr, reg) & BAR_IO_ADDRESS;

	if (mask == 0)
		return true;
	bar->kind = PCI_BAR_IO;
	bar->base = value & BAR_IO_ADDRESS;
	return set_size(bar, mask, mask >> 16 != 0 ? UINT32_MAX : UINT16_MAX);
}

static bool size_memory_32(pci_addr_t addr, uint32_t reg, uint32_t value, struct pci_bar *bar)
{
	const uint32_t mask = probe(addr, reg) & BAR_MEMORY_ADDRESS;

	if (mask == 0)
		return true;
	bar->kind = PCI_BAR_MEM32;
	bar->base = value & BAR_MEMORY_ADDRESS;
	return set_size(bar, mask, UINT32_MAX);
}

static bool size_memory_64(pci_addr_t addr, uint32_t reg, uint32_t value, struct pci_bar *bar)
{
	const uint64_t high = arch_pci_read(addr, reg + 4, 4);
	const uint64_t mask =
		(uint64_t)probe(addr, reg + 4) << 32 | (probe(addr, reg) & BAR_MEMORY_ADDRESS);

	if (mask == 0)
		return true;
	bar->kind = PCI_BAR_MEM64;
	bar->base = high << 32 | (value & BAR_MEMORY_ADDRESS);
	return set_size(bar, mask, UINT64_MAX);
}

bool pci_size_bars(pci_addr_t addr, uint32_t first, uint32_t count, struct pci_bar *bars,
		   const char **why)
{
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t reg = first + 4 * i;
		const uint32_t value = arch_pci_read(addr, reg, 4);
		const bool is_64 = !(value & BAR_IO) && BAR_TYPE(value) == BAR_TYPE_64;
		bool is_sound;

		*why = "a BAR of a reserved type, or one cut off";
		bars[i] = (struct pci_bar){ 0 };
		if ((!(value & BAR_IO) && BAR_TYPE(value) > BAR_TYPE_64) ||
		    (is_64 && i + 1 == count))
			return false;
		if (value & BAR_IO)
			is_sound = size_io(addr, reg, value, &bars[i]);
		else if (is_64)
			is_sound = size_memory_64(addr, reg, value, &bars[i]);
		else
			is_sound = size_memory_32(addr, reg, value, &bars[i]);
		bars[i].is_prefetchable = !(value & BAR_IO) && (value & BAR_PREFETCHABLE);
		*why = "a BAR whose size is no power of two, or that is not aligned to it";
		if (!is_sound)
			return false;
		if (is_64)
			bars[++i] = (struct pci_bar){ 0 };
	}
	return true;
}

static void read_bars(struct pci_function *f, uint32_t count)
{
	const uint32_t command = arch_pci_read(f->addr, CFG_COMMAND, 2);
	const uint32_t silent = command & ~(COMMAND_IO | COMMAND_MEMORY);
	const char *why = NULL;
	bool is_sound;

	if (CLASS_OF(f) == CLASS_HOST)
		return;
	if (silent != command)
		arch_pci_write(f->addr, CFG_COMMAND, 2, silent);
	is_sound = pci_size_bars(f->addr, CFG_BAR(0), count, f->bars, &why);
	if (silent != command)
		arch_pci_write(f->addr, CFG_COMMAND, 2, command);
	if (!is_sound)
		pci_refuse(f, why);
}

/* --- one function --------------------------------------------------------------------------- */

static bool is_present(pci_addr_t addr)
{
	const uint32_t id = arch_pci_read(addr, CFG_VENDOR, 4);

	return (id & 0xffff) != VENDOR_NONE && id != 0;
}

static void read_header(struct pci_function *f)
{
	const uint32_t class = arch_pci_read(f->addr, CFG_REVISION, 4);

	f->class_code = class >> 8;
	f->revision = (uint8_t) class;
	f->header_type = (uint8_t)HEADER_LAYOUT(arch_pci_read(f->addr, CFG_HEADER, 1));
	f->is_multifunction =
		arch_pci_read(f->addr & ~(FUNCTIONS - 1), CFG_HEADER, 1) & HEADER_MULTI;
}

/* What a layout has beyond the common part. */
static void read_layout(struct pci_function *f)
{
	if (f->header_type == LAYOUT_DEVICE) {
		const uint32_t subsystem = arch_pci_read(f->addr, CFG_SUBSYSTEM, 4);

		f->subsystem_vendor = (uint16_t)subsystem;
		f->subsystem_device = (uint16_t)(subsystem >> 16);
		read_bars(f, PCI_BAR_COUNT);
	} else if (f->header_type == LAYOUT_BRIDGE) {
		f->is_bridge = true;
		f->secondary_bus = (uint8_t)arch_pci_read(f->addr, CFG_SECONDARY, 1);
		f->subordinate_bus = (uint8_t)arch_pci_read(f->addr, CFG_SUBORDINATE, 1);
		read_bars(f, BRIDGE_BAR_COUNT);
	} else {
		pci_refuse(f, f->header_type == LAYOUT_CARDBUS ? "a CardBus bridge"
							       : "a header of unknown layout");
	}
}

bool pci_read_function(pci_addr_t addr, struct pci_function *f)
{
	if (!is_present(addr))
		return false;
	memset(f, 0, sizeof(*f));
	f->addr = addr;
	f->is_usable = true;
	f->pcie_type = PCI_CONVENTIONAL;
	f->parent = f->pf = PCI_NO_FUNCTION;
	f->vendor = (uint16_t)arch_pci_read(addr, CFG_VENDOR, 2);
	f->device = (uint16_t)arch_pci_read(addr, CFG_DEVICE, 2);
	if (f->vendor == VENDOR_NOT_READY) {
		pci_refuse(f, "not ready yet, and firmware has long left it");
		return true;
	}
	read_header(f);
	pci_read_capabilities(f);
	read_layout(f);
	pci_check_msix(f);
	return true;
}

bool pci_read_again(struct pci_table *t, uint32_t function)
{
	struct pci_function *f = &t->functions[function];

	if (arch_pci_read(f->addr, CFG_COMMAND, 4) == UINT32_MAX) {
		pci_refuse(f, "it does not answer any more");
		return false;
	}
	f->msix_count = f->msi_count = 0;
	pci_read_capabilities(f);
	pci_check_msix(f);
	if (!f->is_usable)
		pci_remark(t, f->addr, f->why);
	return f->is_usable;
}

/* --- the tree ------------------------------------------------------------------------------- */

#define NOWHERE PCI_FUNCTION_MAX /* behind a bridge that was refused */

struct scan {
	struct pci_table *table;
	const struct pci_bus_range *range;
	uint32_t owner[BUS_COUNT]; /* the nearest bridge that forwards to this bus, or NOWHERE */
};

/* Bridges are met in the order of their primary buses: the range is still its parent's alone. */
static const char *check_buses(const struct scan *s, const struct pci_function *f)
{
	if (f->secondary_bus == 0)
		return "a bridge that firmware gave no buses";
	if (f->secondary_bus <= PCI_BUS(f->addr) || f->subordinate_bus < f->secondary_bus)
		return "a bridge to buses that cannot be below it";
	if (f->subordinate_bus > s->range->last_bus)
		return "a bridge to buses that configuration space does not show";
	for (uint32_t b = f->secondary_bus; b <= f->subordinate_bus; b++)
		if (s->owner[b] != f->parent)
			return "a bridge to buses outside its parent's, or to another's";
	return NULL;
}

static void bury(struct scan *s, uint32_t bridge)
{
	for (uint32_t b = 0; b < BUS_COUNT; b++)
		if (s->owner[b] == bridge)
			s->owner[b] = NOWHERE;
}

/*
 * What a refused bridge leads to must not be taken for a root bus, nor for what is behind the one
 * beside it that claims the same bus.
 */
static void refuse_bridge(struct scan *s, struct pci_function *f)
{
	struct pci_table *const t = s->table;

	for (uint32_t b = f->secondary_bus; b <= f->subordinate_bus; b++) {
		const uint32_t other = s->owner[b];

		if (b <= PCI_BUS(f->addr))
			continue;
		if (other == f->parent) {
			s->owner[b] = NOWHERE;
		} else if (other < t->count && t->functions[other].parent == f->parent &&
			   PCI_BUS(t->functions[other].addr) == PCI_BUS(f->addr)) {
			pci_refuse(&t->functions[other], "a bridge to another's buses");
			pci_remark(t, t->functions[other].addr, t->functions[other].why);
			bury(s, other);
		}
	}
}

static void claim_buses(struct scan *s, uint32_t index)
{
	struct pci_function *const f = &s->table->functions[index];

	pci_refuse(f, check_buses(s, f));
	if (!f->is_usable)
		refuse_bridge(s, f);
	for (uint32_t b = f->secondary_bus; f->is_usable && b <= f->subordinate_bus; b++)
		s->owner[b] = index;
}

static void add_function(struct scan *s, pci_addr_t at, uint32_t parent)
{
	struct pci_table *const t = s->table;
	struct pci_function *f;

	if (t->count == PCI_FUNCTION_MAX) {
		t->left_out += is_present(at);
		return;
	}
	f = &t->functions[t->count];
	if (!pci_read_function(at, f))
		return;
	f->parent = parent;
	if (f->is_bridge)
		claim_buses(s, t->count);
	if (!f->is_usable)
		pci_remark(t, at, f->why);
	t->count++;
}

bool pci_forwards_ari(const struct pci_function *bridge)
{
	const uint32_t at = bridge->caps.pcie;

	return pci_is_port_above_link(bridge) && at + PCIE_V2_BYTES <= PCI_CONFIG_BYTES &&
	       PCIE_VERSION(arch_pci_read(bridge->addr, at + PCIE_FLAGS, 2)) >= 2 &&
	       (arch_pci_read(bridge->addr, at + PCIE_DEVCTL2, 2) & DEVCTL2_ARI);
}

/* "ARI Device": function 0 links to the next, in rising order. */
static void scan_ari(struct scan *s, uint32_t first, uint32_t parent)
{
	struct pci_table *const t = s->table;
	uint32_t ari = t->functions[first].caps.ari;
	pci_addr_t at = t->functions[first].addr;

	while (ari != 0) {
		const uint32_t next = arch_pci_read(at, ari + ARI_NEXT, 1);
		const uint32_t count = t->count;

		if (next == 0)
			return;
		if (next <= (at & 0xff)) {
			pci_remark(t, at, "ARI: the next function is none: the rest is left out");
			return;
		}
		at = (at & ~0xffu) | next;
		add_function(s, at, parent);
		if (t->count == count)
			return;
		ari = t->functions[count].caps.ari;
	}
}

static void scan_device(struct scan *s, pci_addr_t at, uint32_t parent)
{
	struct pci_table *const t = s->table;
	const uint32_t first = t->count;
	const uint32_t header = arch_pci_read(at, CFG_HEADER, 1);

	if (!is_present(at))
		return;
	add_function(s, at, parent);
	if (parent != PCI_NO_FUNCTION && first < t->count && t->functions[first].caps.ari != 0 &&
	    pci_forwards_ari(&t->functions[parent])) {
		scan_ari(s, first, parent);
		return;
	}
	for (uint32_t i = 1; i < FUNCTIONS && (header & HEADER_MULTI); i++)
		add_function(s, at + i, parent);
}

/* Is it a root bus, or the one right below a bridge? Other buses of a bridge lead nowhere. */
static void scan_bus(struct scan *s, uint32_t bus)
{
	const uint32_t parent = s->owner[bus];
	uint32_t count = DEVICES_PER_BUS;

	if (parent == NOWHERE)
		return;
	if (parent != PCI_NO_FUNCTION) {
		const struct pci_function *const bridge = &s->table->functions[parent];

		if (bridge->secondary_bus != bus)
			return;
		if (pci_is_port_above_link(bridge))
			count = 1;
	}
	for (uint32_t i = 0; i < count; i++)
		scan_device(s, PCI_ADDR((uint32_t)s->range->segment, bus, i, 0), parent);
}

void pci_scan(struct pci_table *t)
{
	struct pci_bus_range ranges[PCI_SEGMENT_RANGE_MAX];
	const uint32_t count = arch_pci_ranges(ranges);

	t->count = t->left_out = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct scan s = { .table = t, .range = &ranges[i] };

		for (uint32_t b = 0; b < BUS_COUNT; b++)
			s.owner[b] = PCI_NO_FUNCTION;
		for (uint32_t b = ranges[i].first_bus; b <= ranges[i].last_bus; b++)
			scan_bus(&s, b);
	}
}

struct pci_function *pci_find(struct pci_table *t, pci_addr_t addr)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (t->functions[i].addr == addr)
			return &t->functions[i];
	return NULL;
}

bool pci_is_below(const struct pci_table *t, uint32_t function, uint32_t bridge)
{
	uint32_t up = t->functions[function].parent;

	while (up != PCI_NO_FUNCTION && up != bridge)
		up = t->functions[up].parent;
	return up != PCI_NO_FUNCTION;
}

/* "Command Register": of a bridge, Memory Space Enable and Bus Master Enable are for both ways. */
void pci_open_path(const struct pci_table *t, uint32_t function)
{
	const uint32_t wanted = COMMAND_MEMORY | COMMAND_MASTER;

	for (uint32_t up = t->functions[function].parent; up != PCI_NO_FUNCTION;
	     up = t->functions[up].parent) {
		const pci_addr_t at = t->functions[up].addr;
		const uint32_t command = arch_pci_read(at, CFG_COMMAND, 2);

		if ((command & wanted) != wanted)
			arch_pci_write(at, CFG_COMMAND, 2, command | wanted);
	}
}
