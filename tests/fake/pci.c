/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "core/lib/assert.h"
#include "tests/fake/pci.h"

/* Written from the specifications, with numbers of its own: drivers/pci_regs.h is on trial. */

struct fake_pci_machine fake_pci;

typedef struct fake_pci_function function;

static uint32_t get(const uint8_t *bytes, uint32_t offset, uint32_t width)
{
	uint32_t value = 0;

	for (uint32_t i = 0; i < width; i++)
		value |= (uint32_t)bytes[offset + i] << 8 * i;
	return value;
}

static void put(uint8_t *bytes, uint32_t offset, uint32_t width, uint32_t value)
{
	for (uint32_t i = 0; i < width; i++)
		bytes[offset + i] = (uint8_t)(value >> 8 * i);
}

/* --- where a function is -------------------------------------------------------------------- */

static uint32_t link_type(const function *f)
{
	return f->pcie ? f->config[f->pcie + 2] >> 4 : 0xff;
}

static bool is_port(const function *f)
{
	return link_type(f) == 4 || link_type(f) == 6;
}

static bool has_vfs_on(const function *pf)
{
	return pf->sriov && (pf->config[pf->sriov + 8] & 1);
}

static uint32_t bus_of(const function *f)
{
	return f->parent == FAKE_PCI_NONE ? f->root_bus
					  : fake_pci.functions[f->parent].config[0x19];
}

static uint32_t requester_of(const function *f)
{
	const function *pf;

	if (f->vf_of == FAKE_PCI_NONE)
		return bus_of(f) << 8 | f->devfn;
	pf = &fake_pci.functions[f->vf_of];
	return (requester_of(pf) + get(pf->config, pf->sriov + 0x14u, 2) +
		(uint32_t)f->vf_index * get(pf->config, pf->sriov + 0x16u, 2)) &
	       0xffff;
}

/* Bridges pass on what is for their buses; a link has device 0 only, unless ARI is forwarded. */
static bool is_reached(const function *f, uint32_t requester)
{
	for (int up = f->parent; up != FAKE_PCI_NONE; up = fake_pci.functions[up].parent) {
		const function *b = &fake_pci.functions[up];
		const bool is_direct = (requester >> 8) == b->config[0x19];

		if (requester >> 8 < b->config[0x19] || requester >> 8 > b->config[0x1a])
			return false;
		if (b->config[0x3e] & 0x40)
			return false;
		if (is_direct && is_port(b) && (requester & 0xff) >= 8 &&
		    !(b->config[b->pcie + 0x28] & 0x20))
			return false;
	}
	return true;
}

static function *find(pci_addr_t addr)
{
	for (uint32_t i = 0; i < fake_pci.count; i++) {
		function *f = &fake_pci.functions[i];

		if (!f->exists || f->segment != addr >> 16 || requester_of(f) != (addr & 0xffff) ||
		    !is_reached(f, addr & 0xffff))
			continue;
		if (f->vf_of != FAKE_PCI_NONE) {
			const function *pf = &fake_pci.functions[f->vf_of];

			if (!has_vfs_on(pf) ||
			    (uint32_t)f->vf_index >= get(pf->config, pf->sriov + 0x10u, 2))
				continue;
		}
		return f;
	}
	return NULL;
}

/* --- resets --------------------------------------------------------------------------------- */

static void place_vfs(function *pf)
{
	const bool ari = pf->config[pf->sriov + 8] & 0x10;

	put(pf->config, pf->sriov + 0x14u, 2, ari ? pf->offset_ari : pf->offset_plain);
	put(pf->config, pf->sriov + 0x16u, 2, ari ? pf->stride_ari : pf->stride_plain);
}

static void reset_function(function *f, bool is_conventional)
{
	f->resets++;
	memcpy(f->config, f->reset, sizeof(f->config));
	if (f->sriov)
		place_vfs(f);
	if (f->changes_identity)
		put(f->config, 2, 2, 0x1234);
	if (f->forgets_bars)
		memset(f->mask + 0x10, 0, 24);
	f->silent_until = fake_pci.now_tsc + (uint64_t)f->silent_ms * FAKE_PCI_MS;
	f->rrs_until = f->silent_until + (uint64_t)f->rrs_ms * FAKE_PCI_MS;
	f->forbidden_until =
		fake_pci.now_tsc + (uint64_t)(is_conventional ? 1000 : 100) * FAKE_PCI_MS;
	if (f->never_returns)
		f->silent_until = UINT64_MAX;
}

static bool is_below(const function *f, int bridge)
{
	int up = f->parent;

	while (up != FAKE_PCI_NONE && up != bridge)
		up = fake_pci.functions[up].parent;
	return up != FAKE_PCI_NONE;
}

static void reset_bus(int bridge)
{
	for (uint32_t i = 0; i < fake_pci.count; i++)
		if (is_below(&fake_pci.functions[i], bridge))
			reset_function(&fake_pci.functions[i],
				       !is_port(&fake_pci.functions[bridge]));
}

static void wake_vfs(int pf)
{
	for (uint32_t i = 0; i < fake_pci.count; i++) {
		function *f = &fake_pci.functions[i];

		if (f->vf_of == pf) {
			reset_function(f, false);
			f->resets = 0;
		}
	}
}

/* --- accesses ------------------------------------------------------------------------------- */

static bool covers(uint32_t offset, uint32_t width, uint32_t byte)
{
	return offset <= byte && byte < offset + width;
}

static void watch_bars(const function *f, uint32_t offset)
{
	const bool decodes = f->config[4] & 3;
	const bool vf_decodes = f->sriov && (f->config[f->sriov + 8] & 9);

	if (offset >= 0x10 && offset < 0x28 && (f->config[0xe] & 0x7f) == 0 && decodes)
		fake_pci.violations++;
	if (f->sriov && offset >= f->sriov + 0x24u && offset < f->sriov + 0x3cu && vf_decodes)
		fake_pci.violations++;
	if (f->sriov && (offset == f->sriov + 0x10u || offset == f->sriov + 0x20u) && vf_decodes &&
	    (f->config[f->sriov + 8] & 1))
		fake_pci.violations++;
}

static void after_write(function *f, uint32_t offset, uint32_t width, uint32_t value,
			const uint8_t *before)
{
	const int index = (int)(f - fake_pci.functions);

	if ((before[4] & 4) && !(f->config[4] & 4))
		f->pending_until = fake_pci.now_tsc + (uint64_t)f->pending_ms * FAKE_PCI_MS;
	if (f->pcie && covers(offset, width, f->pcie + 9u) &&
	    (value >> 8 * (f->pcie + 9u - offset) & 0x80) && (f->config[f->pcie + 7] & 0x10)) {
		reset_function(f, false);
		return;
	}
	if (f->af && covers(offset, width, f->af + 4u) &&
	    (value >> 8 * (f->af + 4u - offset) & 1)) {
		reset_function(f, false);
		return;
	}
	if (f->pm && (before[f->pm + 4] & 3) == 3 && (f->config[f->pm + 4] & 3) == 0 &&
	    !(f->config[f->pm + 4] & 8)) {
		reset_function(f, false);
		f->forbidden_until = fake_pci.now_tsc + 10 * FAKE_PCI_MS;
	}
	if ((f->config[0xe] & 0x7f) == 1 && (before[0x3e] & 0x40) && !(f->config[0x3e] & 0x40))
		reset_bus(index);
	if (f->sriov && (before[f->sriov + 8] & 1) == 0 && has_vfs_on(f))
		wake_vfs(index);
	if (f->sriov)
		place_vfs(f);
}

uint32_t arch_pci_read(pci_addr_t addr, uint32_t offset, uint32_t width)
{
	function *f = find(addr);
	uint32_t value;

	ASSERT((width == 1 || width == 2 || width == 4) && offset % width == 0);
	if (f == NULL || offset + width > 4096)
		return UINT32_MAX >> (32 - 8 * width);
	if (fake_pci.now_tsc < f->forbidden_until)
		fake_pci.violations++;
	if (fake_pci.now_tsc < f->silent_until)
		return UINT32_MAX >> (32 - 8 * width);
	if (fake_pci.now_tsc < f->rrs_until) {
		if (offset == 0 && fake_pci.has_rrs_visibility)
			return 0xffff0001u & UINT32_MAX >> (32 - 8 * width);
		return UINT32_MAX >> (32 - 8 * width);
	}
	value = get(f->config, offset, width);
	if (f->pcie && covers(offset, width, f->pcie + 0xau) && fake_pci.now_tsc < f->pending_until)
		value |= 0x20u << 8 * (f->pcie + 0xau - offset);
	return value;
}

void arch_pci_write(pci_addr_t addr, uint32_t offset, uint32_t width, uint32_t value)
{
	function *f = find(addr);
	uint8_t before[4096];

	ASSERT((width == 1 || width == 2 || width == 4) && offset % width == 0);
	fake_pci.writes++;
	if (f == NULL || offset + width > 4096)
		return;
	if (fake_pci.now_tsc < f->forbidden_until)
		fake_pci.violations++;
	if (fake_pci.now_tsc < f->rrs_until || fake_pci.now_tsc < f->silent_until)
		return;
	watch_bars(f, offset);
	memcpy(before, f->config, sizeof(before));
	for (uint32_t i = 0; i < width; i++) {
		const uint8_t mask = f->mask[offset + i];

		f->config[offset + i] =
			(uint8_t)((before[offset + i] & ~mask) | ((value >> 8 * i) & mask));
	}
	after_write(f, offset, width, value, before);
}

uint32_t arch_pci_ranges(struct pci_bus_range ranges[PCI_SEGMENT_RANGE_MAX])
{
	for (uint32_t i = 0; ranges != NULL && i < fake_pci.range_count; i++)
		ranges[i] = fake_pci.ranges[i];
	return fake_pci.range_count;
}

enum err arch_pci_init(const char **missing)
{
	return OK;
}

/* --- building ------------------------------------------------------------------------------- */

void fake_pci_clear(void)
{
	memset(&fake_pci, 0, sizeof(fake_pci));
	fake_pci.range_count = 1;
	fake_pci.ranges[0] = (struct pci_bus_range){ 0, 0, 255, true };
	fake_pci.has_rrs_visibility = true;
}

void fake_pci_set(int f, uint32_t offset, uint32_t width, uint32_t value, uint32_t mask)
{
	put(fake_pci.functions[f].config, offset, width, value);
	put(fake_pci.functions[f].reset, offset, width, value);
	put(fake_pci.functions[f].mask, offset, width, mask);
}

uint32_t fake_pci_get(int f, uint32_t offset, uint32_t width)
{
	return get(fake_pci.functions[f].config, offset, width);
}

int fake_pci_add(int parent, uint8_t devfn, uint32_t id, uint32_t class_code)
{
	const int i = (int)fake_pci.count++;
	function *f = &fake_pci.functions[i];

	ASSERT(i < FAKE_PCI_MAX);
	f->exists = true;
	f->parent = parent;
	f->devfn = devfn;
	f->vf_of = FAKE_PCI_NONE;
	fake_pci_set(i, 0, 4, id, 0);
	fake_pci_set(i, 4, 2, 0, 0x0547); /* IO, memory, master, parity, SERR, INTx */
	fake_pci_set(i, 8, 4, class_code << 8 | 1, 0);
	fake_pci_set(i, 0xc, 2, 0, 0xffff);
	fake_pci_set(i, 0x2c, 4, 0x11001af4, 0);
	fake_pci_set(i, 0x3c, 1, 0, 0xff);
	return i;
}

/* A bus reset or lost power would lose its numbers; what is tested resets endpoints. */
int fake_pci_add_bridge(int parent, uint8_t devfn, uint32_t id, uint8_t secondary,
			uint8_t subordinate)
{
	const int i = fake_pci_add(parent, devfn, id, 0x060400);

	fake_pci_set(i, 0xe, 1, 1, 0);
	fake_pci_set(i, 0x18, 4, (uint32_t)subordinate << 16 | (uint32_t)secondary << 8, 0xffffff);
	fake_pci_set(i, 0x20, 4, 0x0000fff0, 0xfff0fff0);
	fake_pci_set(i, 0x24, 4, 0x0001fff1, 0xfff0fff0);
	fake_pci_set(i, 0x28, 4, 0, UINT32_MAX);
	fake_pci_set(i, 0x2c, 4, 0, UINT32_MAX);
	fake_pci_set(i, 0x3e, 2, 0, 0x7f);
	return i;
}

void fake_pci_multifunction(int f)
{
	fake_pci_set(f, 0xe, 1, fake_pci_get(f, 0xe, 1) | 0x80, 0);
}

static void add_bar(int f, uint32_t at, uint32_t type, uint64_t bytes, uint64_t base)
{
	const uint64_t mask = ~(bytes - 1);

	fake_pci_set(f, at, 4, type, (uint32_t)mask & ~0xfu);
	if ((type & 7) == 4)
		fake_pci_set(f, at + 4, 4, 0, (uint32_t)(mask >> 32));
	put(fake_pci.functions[f].config, at, 4, (uint32_t)base | type);
	if ((type & 7) == 4)
		put(fake_pci.functions[f].config, at + 4, 4, (uint32_t)(base >> 32));
}

void fake_pci_bar(int f, uint32_t index, uint32_t type, uint64_t bytes, uint64_t base)
{
	add_bar(f, 0x10 + 4 * index, type, bytes, base);
	put(fake_pci.functions[f].config, 4, 2, 0x0006);
}

uint32_t fake_pci_cap(int f, uint8_t id, uint32_t at)
{
	function *it = &fake_pci.functions[f];

	fake_pci_set(f, it->last_cap ? it->last_cap + 1u : 0x34, 1, at, 0);
	fake_pci_set(f, 6, 2, 0x10, 0);
	fake_pci_set(f, at, 2, id, 0);
	it->last_cap = (uint16_t)at;
	return at;
}

uint32_t fake_pci_extended(int f, uint16_t id, uint32_t at)
{
	function *it = &fake_pci.functions[f];

	if (it->last_extended)
		fake_pci_set(f, it->last_extended, 4,
			     fake_pci_get(f, it->last_extended, 4) | at << 20, 0);
	fake_pci_set(f, at, 4, id | 1u << 16, 0);
	it->last_extended = (uint16_t)at;
	return at;
}

void fake_pci_pcie(int f, uint32_t at, uint32_t type, bool has_flr)
{
	const bool is_downstream = type == 4 || type == 6;

	fake_pci_cap(f, 0x10, at);
	fake_pci.functions[f].pcie = (uint16_t)at;
	fake_pci_set(f, at + 2, 2, 2 | type << 4, 0);
	fake_pci_set(f, at + 4, 4, 0x8000 | (has_flr ? 1u << 28 : 0), 0);
	fake_pci_set(f, at + 8, 2, 0x2810, 0x7fff);
	fake_pci_set(f, at + 0xc, 4, is_downstream ? 1u << 20 : 0, 0);
	fake_pci_set(f, at + 0x10, 2, 0, 0x01ff);
	fake_pci_set(f, at + 0x12, 2, is_downstream ? 1u << 13 : 0, 0);
	fake_pci_set(f, at + 0x24, 4, is_downstream ? 0x20 : 0, 0);
	fake_pci_set(f, at + 0x28, 2, 0, is_downstream ? 0x20 : 0x001f);
}

void fake_pci_acs(int f, uint32_t at, uint16_t offered)
{
	fake_pci_extended(f, 0xd, at);
	fake_pci_set(f, at + 4, 2, offered, 0);
	fake_pci_set(f, at + 6, 2, 0, offered);
}

void fake_pci_msi(int f, uint32_t at, uint32_t log2_count, bool is_64, bool has_masks)
{
	fake_pci_cap(f, 5, at);
	fake_pci_set(f, at + 2, 2, log2_count << 1 | (is_64 ? 0x80u : 0) | (has_masks ? 0x100u : 0),
		     0x71);
}

void fake_pci_msix(int f, uint32_t at, uint32_t count, uint32_t table_bar, uint32_t table,
		   uint32_t pba_bar, uint32_t pba)
{
	fake_pci_cap(f, 0x11, at);
	fake_pci_set(f, at + 2, 2, count - 1, 0xc000);
	fake_pci_set(f, at + 4, 4, table | table_bar, 0);
	fake_pci_set(f, at + 8, 4, pba | pba_bar, 0);
}

void fake_pci_pm(int f, uint32_t at, bool no_soft_reset)
{
	fake_pci_cap(f, 1, at);
	fake_pci.functions[f].pm = (uint16_t)at;
	fake_pci_set(f, at + 4, 2, no_soft_reset ? 8 : 0, 3);
}

void fake_pci_af(int f, uint32_t at)
{
	fake_pci_cap(f, 0x13, at);
	fake_pci.functions[f].af = (uint16_t)at;
	fake_pci_set(f, at + 2, 2, 6 | 3 << 8, 0);
}

void fake_pci_window(int f, uint32_t base, uint32_t end)
{
	fake_pci_set(f, 0x20, 2, base >> 16, 0xfff0);
	fake_pci_set(f, 0x22, 2, (end - 1) >> 16 & 0xfff0, 0xfff0);
}

void fake_pci_prefetch(int f, uint64_t base, uint64_t end)
{
	fake_pci_set(f, 0x24, 2, ((uint32_t)base >> 16 & 0xfff0) | 1, 0xfff0);
	fake_pci_set(f, 0x26, 2, ((uint32_t)(end - 1) >> 16 & 0xfff0) | 1, 0xfff0);
	fake_pci_set(f, 0x28, 4, (uint32_t)(base >> 32), UINT32_MAX);
	fake_pci_set(f, 0x2c, 4, (uint32_t)((end - 1) >> 32), UINT32_MAX);
}

/* "VF Configuration Space": IDs all ones, BARs zero. */
static void add_vf(int pf, int index)
{
	const function *p = &fake_pci.functions[pf];
	const int vf = fake_pci_add(p->parent, 0, UINT32_MAX, get(p->config, 8, 4) >> 8);

	fake_pci.functions[vf].root_bus = p->root_bus;
	fake_pci.functions[vf].segment = p->segment;
	fake_pci.functions[vf].vf_of = pf;
	fake_pci.functions[vf].vf_index = index;
	fake_pci_set(vf, 4, 2, 0, 4);
	fake_pci_set(vf, 0x2c, 4, 0xcafe1af4, 0);
	fake_pci_pcie(vf, 0x40, 0, true);
	fake_pci_msix(vf, 0x80, 3, 3, 0, 3, 0x2000);
	fake_pci_extended(vf, 0xe, 0x100);
}

void fake_pci_sriov(int pf, uint32_t at, uint32_t total, uint16_t vf_device, uint64_t bytes0,
		    uint64_t bytes3)
{
	function *f = &fake_pci.functions[pf];

	fake_pci_extended(pf, 0x10, at);
	f->sriov = (uint16_t)at;
	fake_pci_set(pf, at + 8, 2, 0, 0x19);
	fake_pci_set(pf, at + 0xc, 4, total | total << 16, 0);
	fake_pci_set(pf, at + 0x10, 2, 0, 0xffff);
	fake_pci_set(pf, at + 0x18, 4, (uint32_t)vf_device << 16, 0);
	fake_pci_set(pf, at + 0x1c, 4, 0x553, 0);
	fake_pci_set(pf, at + 0x20, 4, 1, 0x553);
	add_bar(pf, at + 0x24, 0xc, bytes0, 0);
	if (bytes3 != 0)
		add_bar(pf, at + 0x30, 0xc, bytes3, 0);
	place_vfs(f);
	for (uint32_t i = 0; i < total; i++)
		add_vf(pf, (int)i);
}
