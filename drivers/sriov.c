/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "drivers/pci_parts.h"
#include "drivers/sriov.h"

enum state { START, OFF, PREPARE, WAKING, ENDED };

#define OFF_MS     1000u
#define ENABLE_MS  100u
#define ANSWER_MS  1000u
#define BETWEEN_MS 10u

#define IS_OFF     "its PF has it disabled"

static uint64_t ticks(const struct sriov *s, uint64_t ms)
{
	return mul_div(s->tsc_hz, ms, 1000) + 1;
}

static struct pci_function *pf_of(const struct sriov *s)
{
	return &s->table->functions[s->pf];
}

static uint32_t read_cap(const struct sriov *s, uint32_t offset, uint32_t width)
{
	const struct pci_function *f = pf_of(s);

	return arch_pci_read(f->addr, f->caps.sriov + offset, width);
}

static void write_cap(const struct sriov *s, uint32_t offset, uint32_t width, uint32_t value)
{
	const struct pci_function *f = pf_of(s);

	arch_pci_write(f->addr, f->caps.sriov + offset, width, value);
}

static enum err go(struct sriov *s, enum state state, uint64_t due_tsc)
{
	s->state = (uint8_t)state;
	s->due_tsc = due_tsc;
	return ERR_BUSY;
}

static enum err end(struct sriov *s, enum err result, const char *why)
{
	s->state = ENDED;
	s->result = result;
	s->why = why;
	return result;
}

/* --- where VFs are -------------------------------------------------------------------------- */

static const struct pci_function *bridge_above(const struct sriov *s)
{
	const uint32_t up = pf_of(s)->parent;

	return up != PCI_NO_FUNCTION ? &s->table->functions[up] : NULL;
}

/* "ARI Capable Hierarchy" is in the lowest-numbered PF of the device. */
static pci_addr_t lowest_pf(const struct sriov *s, uint32_t *cap)
{
	const struct pci_function *lowest = pf_of(s);

	for (uint32_t i = 0; i < s->table->count; i++) {
		const struct pci_function *f = &s->table->functions[i];

		if (f->parent == pf_of(s)->parent && f->addr >> 8 == lowest->addr >> 8 &&
		    f->addr < lowest->addr && f->caps.sriov != 0 && !f->is_vf)
			lowest = f;
	}
	*cap = lowest->caps.sriov;
	return lowest->addr;
}

static void enable_ari(const struct sriov *s)
{
	const struct pci_function *const b = bridge_above(s);
	uint32_t cap, control;
	pci_addr_t at;

	if (b == NULL || !pci_is_port_above_link(b) || pf_of(s)->caps.ari == 0 ||
	    b->caps.pcie + PCIE_V2_BYTES > PCI_CONFIG_BYTES)
		return;
	if (arch_pci_read(b->addr, b->caps.pcie + PCIE_DEVCAP2, 4) & DEVCAP2_ARI)
		arch_pci_write(b->addr, b->caps.pcie + PCIE_DEVCTL2, 2,
			       arch_pci_read(b->addr, b->caps.pcie + PCIE_DEVCTL2, 2) |
				       DEVCTL2_ARI);
	if (!pci_forwards_ari(b))
		return;
	at = lowest_pf(s, &cap);
	control = arch_pci_read(at, cap + SRIOV_CONTROL, 2);
	if (!(control & SRIOV_ARI))
		arch_pci_write(at, cap + SRIOV_CONTROL, 2, control | SRIOV_ARI);
}

static uint32_t requester_of(const struct sriov *s, uint32_t vf)
{
	return PCI_REQUESTER(pf_of(s)->addr) + s->first_offset + vf * s->stride;
}

static pci_addr_t address_of(const struct sriov *s, uint32_t vf)
{
	return (pf_of(s)->addr & ~0xffffu) | requester_of(s, vf);
}

/* Another bridge has the bus. */
static bool is_taken_bus(const struct sriov *s, uint32_t bus)
{
	const struct pci_table *t = s->table;

	for (uint32_t i = 0; i < t->count; i++) {
		const struct pci_function *f = &t->functions[i];

		if (f->is_bridge && f->is_usable && bus >= f->secondary_bus &&
		    bus <= f->subordinate_bus &&
		    PCI_SEGMENT(f->addr) == PCI_SEGMENT(pf_of(s)->addr) &&
		    !pci_is_below(t, s->pf, i))
			return true;
	}
	return false;
}

static const char *check_place(const struct sriov *s, uint32_t vf)
{
	const uint32_t requester = requester_of(s, vf);
	const uint32_t bus = requester >> 8, own_bus = PCI_BUS(pf_of(s)->addr);
	const struct pci_function *const b = bridge_above(s);
	const struct pci_function *there;

	if (requester > UINT16_MAX)
		return "its VFs would lie beyond the last bus";
	if (bus != own_bus && (b == NULL || bus > b->subordinate_bus))
		return "its VFs would lie on a bus that no bridge forwards";
	if (bus != own_bus && is_taken_bus(s, bus))
		return "its VFs would lie on another bridge's bus";
	if (bus == own_bus && (requester & 0xff) >= 8 && b != NULL && pci_is_port_above_link(b) &&
	    !pci_forwards_ari(b))
		return "its VFs need ARI, and the port above does not forward it";
	there = pci_find(s->table, address_of(s, vf));
	if (there != NULL && !(there->is_vf && there->pf == s->pf))
		return "a VF would lie where another function is";
	return NULL;
}

/* NumVFs and ARI are set: only now do First VF Offset and VF Stride hold. */
static const char *read_places(struct sriov *s)
{
	s->first_offset = read_cap(s, SRIOV_OFFSET, 2);
	s->stride = read_cap(s, SRIOV_STRIDE, 2);
	if (s->first_offset == 0)
		return "First VF Offset is 0";
	if (s->stride == 0 && s->count > 1)
		return "VF Stride is 0";
	for (uint32_t i = 0; i < s->count; i++) {
		const char *why = check_place(s, i);

		if (why != NULL)
			return why;
	}
	return NULL;
}

/* --- BARs ----------------------------------------------------------------------------------- */

struct window {
	uint64_t base, end; /* empty: base >= end */
};

static struct window memory_window(const struct pci_function *bridge)
{
	const uint32_t base = arch_pci_read(bridge->addr, CFG_MEMORY_BASE, 2);
	const uint32_t limit = arch_pci_read(bridge->addr, CFG_MEMORY_LIMIT, 2);

	if (WINDOW_ADDRESS(base) == 0) /* nobody has set it: RAM is there */
		return (struct window){ 0, 0 };
	return (struct window){ WINDOW_ADDRESS(base), WINDOW_ADDRESS(limit) + MIB(1) };
}

static struct window prefetch_window(const struct pci_function *bridge)
{
	const uint32_t base = arch_pci_read(bridge->addr, CFG_PREFETCH_BASE, 2);
	const uint32_t limit = arch_pci_read(bridge->addr, CFG_PREFETCH_LIMIT, 2);
	struct window w = { WINDOW_ADDRESS(base), WINDOW_ADDRESS(limit) };

	if (WINDOW_IS_64(base)) {
		w.base |= (uint64_t)arch_pci_read(bridge->addr, CFG_PREFETCH_BASE_HI, 4) << 32;
		w.end |= (uint64_t)arch_pci_read(bridge->addr, CFG_PREFETCH_LIM_HI, 4) << 32;
	}
	w.end += MIB(1);
	return w.base != 0 ? w : (struct window){ 0, 0 };
}

static bool is_within(struct window w, uint64_t base, uint64_t bytes)
{
	return base >= w.base && base < w.end && bytes <= w.end - base;
}

/* Every bridge above forwards it. */
static bool is_forwarded(const struct sriov *s, uint64_t base, uint64_t bytes)
{
	const struct pci_table *t = s->table;

	for (uint32_t up = pf_of(s)->parent; up != PCI_NO_FUNCTION; up = t->functions[up].parent)
		if (!is_within(memory_window(&t->functions[up]), base, bytes) &&
		    !is_within(prefetch_window(&t->functions[up]), base, bytes))
			return false;
	return true;
}

/* Differences wrap where one begins before the other. */
static bool meets(uint64_t base, uint64_t bytes, uint64_t other, uint64_t other_bytes)
{
	return other != 0 && (base - other < other_bytes || other - base < bytes);
}

static uint64_t end_of(uint64_t base, uint64_t bytes)
{
	uint64_t end;

	return __builtin_add_overflow(base, bytes, &end) ? UINT64_MAX : end;
}

static bool is_own_vf(const struct sriov *s, const struct pci_function *f)
{
	return f->is_vf && (f->pf == s->pf || !f->is_usable);
}

/* The end of a BAR, or of a sibling bridge's window, that meets this range; 0: it is free. */
static uint64_t end_of_what_meets(const struct sriov *s, uint64_t base, uint64_t bytes)
{
	const struct pci_table *t = s->table;

	for (uint32_t i = 0; i < t->count; i++) {
		const struct pci_function *f = &t->functions[i];

		for (uint32_t b = 0; b < PCI_BAR_COUNT && !is_own_vf(s, f); b++)
			if (f->bars[b].kind >= PCI_BAR_MEM32 &&
			    meets(base, bytes, f->bars[b].base, f->bars[b].bytes))
				return end_of(f->bars[b].base, f->bars[b].bytes);
		if (f->is_bridge && f->is_usable && f->parent == pf_of(s)->parent) {
			const struct window w[] = { memory_window(f), prefetch_window(f) };

			for (uint32_t k = 0; k < 2; k++)
				if (w[k].base < w[k].end &&
				    meets(base, bytes, w[k].base, w[k].end - w[k].base))
					return w[k].end;
		}
	}
	for (uint32_t b = 0; b < PCI_BAR_COUNT; b++) /* those of this PF that have their place */
		if (meets(base, bytes, s->bars[b].base, s->bars[b].bytes * s->count))
			return end_of(s->bars[b].base, s->bars[b].bytes * s->count);
	return 0;
}

/* The lowest gap of the window; 0: there is none. Each turn leaves a BAR or a window behind. */
static uint64_t find_gap(const struct sriov *s, struct window w, uint64_t bytes, uint64_t alignment)
{
	uint64_t at = align_up(max_u64(w.base, 1), alignment);

	while (at >= w.base && is_within(w, at, bytes)) {
		const uint64_t end = end_of_what_meets(s, at, bytes);

		if (end == 0)
			return at;
		if (end > UINT64_MAX - alignment)
			return 0;
		at = align_up(end, alignment);
	}
	return 0;
}

static const char *place_bar(struct sriov *s, struct pci_bar *bar, uint64_t bytes)
{
	const struct pci_function *const b = bridge_above(s);
	uint64_t at;

	if (b == NULL)
		return "firmware has not placed its VF BARs, and no bridge shows where there is room";
	at = find_gap(s, memory_window(b), bytes, bar->bytes);
	if (at == 0 && bar->is_prefetchable)
		at = find_gap(s, prefetch_window(b), bytes, bar->bytes);
	if (at == 0 || (bar->kind == PCI_BAR_MEM32 && at + bytes > GIB(4)))
		return "no room for its VF BARs in the windows of the bridge above";
	bar->base = at;
	return NULL;
}

static const char *check_bar(struct sriov *s, struct pci_bar *bar)
{
	uint64_t bytes, end;
	struct pci_bar placed;
	bool is_free;

	if (bar->kind == PCI_BAR_IO)
		return "a VF BAR in I/O space";
	if (bar->bytes < PAGE_BYTES || __builtin_mul_overflow(bar->bytes, s->count, &bytes) ||
	    __builtin_add_overflow(bar->base, bytes, &end))
		return "a VF BAR of an impossible size";
	if (bar->base == 0) {
		const char *why = place_bar(s, bar, bytes);

		if (why != NULL)
			return why;
	}
	if (!is_forwarded(s, bar->base, bytes))
		return "its VF BARs lie outside the windows of a bridge above";
	placed = *bar;
	bar->base = 0; /* not in its own way */
	is_free = end_of_what_meets(s, placed.base, bytes) == 0;
	*bar = placed;
	return is_free ? NULL : "its VF BARs overlap another function's";
}

static void write_bar(const struct sriov *s, uint32_t i)
{
	const uint64_t base = s->bars[i].base;

	write_cap(s, SRIOV_BAR(i), 4, (uint32_t)base);
	if (s->bars[i].kind == PCI_BAR_MEM64)
		write_cap(s, SRIOV_BAR(i + 1), 4, (uint32_t)(base >> 32));
}

/* VF Memory Space Enable is off: they may be sized. */
static const char *read_bars(struct sriov *s)
{
	const struct pci_function *f = pf_of(s);
	struct pci_bar found[PCI_BAR_COUNT];
	const char *why;

	if (!pci_size_bars(f->addr, f->caps.sriov + SRIOV_BAR(0), PCI_BAR_COUNT, found, &why))
		return why;
	memset(s->bars, 0, sizeof(s->bars));
	for (uint32_t i = 0; i < PCI_BAR_COUNT; i++) {
		if (found[i].kind == PCI_BAR_NONE)
			continue;
		why = check_bar(s, &found[i]);
		if (why != NULL)
			return why;
		s->bars[i] = found[i];
		write_bar(s, i);
	}
	return NULL;
}

/* --- on and off ----------------------------------------------------------------------------- */

/* Entries of this PF that are there already, and room for the rest. */
static bool has_room(const struct sriov *s)
{
	uint32_t needed = 0;

	for (uint32_t i = 0; i < s->count; i++)
		needed += pci_find(s->table, address_of(s, i)) == NULL;
	return needed <= PCI_FUNCTION_MAX - s->table->count;
}

static void disable(struct sriov *s)
{
	const uint32_t control = read_cap(s, SRIOV_CONTROL, 2);

	write_cap(s, SRIOV_CONTROL, 2, control & ~(SRIOV_ENABLE | SRIOV_MEMORY));
	for (uint32_t i = 0; i < s->table->count; i++) {
		struct pci_function *f = &s->table->functions[i];

		if (f->is_vf && f->pf == s->pf) {
			f->is_usable = false;
			f->why = IS_OFF;
		}
	}
}

static enum err start(struct sriov *s, uint64_t now_tsc)
{
	if (read_cap(s, SRIOV_CONTROL, 2) & (SRIOV_ENABLE | SRIOV_MEMORY)) {
		disable(s);
		return go(s, OFF, now_tsc + ticks(s, OFF_MS));
	}
	return go(s, OFF, now_tsc);
}

static enum err off(struct sriov *s, uint64_t now_tsc)
{
	write_cap(s, SRIOV_COUNT, 2, 0);
	return s->count == 0 ? end(s, OK, NULL) : go(s, PREPARE, now_tsc);
}

static enum err prepare(struct sriov *s, uint64_t now_tsc)
{
	const char *why;

	write_cap(s, SRIOV_PAGE, 4, SRIOV_PAGE_4K);
	enable_ari(s);
	write_cap(s, SRIOV_COUNT, 2, s->count);
	why = read_cap(s, SRIOV_COUNT, 2) != s->count ? "it does not take NumVFs" : read_places(s);
	if (why == NULL)
		why = read_bars(s);
	if (why != NULL) {
		write_cap(s, SRIOV_COUNT, 2, 0);
		return end(s, ERR_INVAL, why);
	}
	if (!has_room(s)) {
		write_cap(s, SRIOV_COUNT, 2, 0);
		return end(s, ERR_NOMEM, "more functions than this image holds");
	}
	write_cap(s, SRIOV_CONTROL, 2, read_cap(s, SRIOV_CONTROL, 2) | SRIOV_ENABLE | SRIOV_MEMORY);
	s->limit_tsc = now_tsc + ticks(s, ANSWER_MS);
	return go(s, WAKING, now_tsc + ticks(s, ENABLE_MS));
}

static bool answers(const struct sriov *s, uint32_t vf)
{
	const pci_addr_t at = address_of(s, vf);

	return (arch_pci_read(at, CFG_VENDOR, 4) & 0xffff) != VENDOR_NOT_READY &&
	       arch_pci_read(at, CFG_COMMAND, 4) != UINT32_MAX;
}

/* "VF Configuration Space": vendor and device read as all ones, BARs as 0. */
static void fill(const struct sriov *s, uint32_t vf, struct pci_function *f)
{
	const struct pci_function *pf = pf_of(s);
	const pci_addr_t at = address_of(s, vf);
	const uint32_t class = arch_pci_read(at, CFG_REVISION, 4);

	*f = (struct pci_function){
		.addr = at,
		.vendor = pf->vendor,
		.device = (uint16_t)read_cap(s, SRIOV_DEVICE, 2),
		.subsystem_vendor = pf->subsystem_vendor,
		.subsystem_device = (uint16_t)(arch_pci_read(at, CFG_SUBSYSTEM, 4) >> 16),
		.class_code = class >> 8,
		.revision = (uint8_t) class,
		.is_usable = true,
		.is_vf = true,
		.parent = pf->parent,
		.pf = s->pf,
		.vf_index = (uint16_t)vf,
	};
	for (uint32_t i = 0; i < PCI_BAR_COUNT; i++) {
		f->bars[i] = s->bars[i];
		f->bars[i].base += vf * s->bars[i].bytes;
	}
	pci_read_capabilities(f);
	pci_check_msix(f);
	if (!f->is_usable)
		pci_remark(s->table, at, f->why);
}

static enum err waking(struct sriov *s, uint64_t now_tsc)
{
	for (uint32_t i = 0; i < s->count; i++) {
		if (answers(s, i))
			continue;
		if (now_tsc < s->limit_tsc)
			return go(s, WAKING, now_tsc + ticks(s, BETWEEN_MS));
		disable(s);
		return end(s, ERR_TIMEOUT, "a VF does not answer");
	}
	for (uint32_t i = 0; i < s->count; i++) {
		struct pci_function *f = pci_find(s->table, address_of(s, i));

		if (f == NULL)
			f = &s->table->functions[s->table->count++];
		fill(s, i, f);
	}
	return end(s, OK, NULL);
}

enum err sriov_step(struct sriov *s, uint64_t now_tsc, uint64_t *again_tsc)
{
	static enum err (*const steps[])(struct sriov *, uint64_t) = {
		[START] = start, [OFF] = off, [PREPARE] = prepare, [WAKING] = waking
	};
	enum err e = ERR_BUSY;

	if (s->state == ENDED)
		e = s->result;
	else if (now_tsc >= s->due_tsc)
		e = steps[s->state](s, now_tsc);
	*again_tsc = e == ERR_BUSY ? s->due_tsc : TSC_NEVER;
	return e;
}

enum err sriov_begin(struct sriov *s, struct pci_table *t, uint32_t pf, uint32_t count,
		     uint64_t tsc_hz)
{
	const struct pci_function *f = &t->functions[pf];
	uint32_t initial, total;

	*s = (struct sriov){ .table = t, .pf = pf, .count = count, .tsc_hz = tsc_hz };
	if (!f->is_usable)
		return end(s, ERR_INVAL, f->why);
	if (f->caps.sriov == 0 || f->is_vf)
		return end(s, ERR_UNSUPPORTED, "it has no SR-IOV capability");
	initial = read_cap(s, SRIOV_INITIAL, 2);
	total = read_cap(s, SRIOV_TOTAL, 2);
	if (initial > total)
		return end(s, ERR_INVAL, "InitialVFs is larger than TotalVFs");
	if (!(read_cap(s, SRIOV_PAGES, 4) & SRIOV_PAGE_4K))
		return end(s, ERR_INVAL, "its VFs do not know pages of 4 KiB");
	if (count > initial)
		return end(s, ERR_RANGE, "it has fewer VFs than that");
	return OK;
}

uint32_t sriov_vf(const struct pci_table *t, uint32_t pf, uint32_t vf_index)
{
	for (uint32_t i = 0; i < t->count; i++) {
		const struct pci_function *f = &t->functions[i];

		if (f->is_vf && f->is_usable && f->pf == pf && f->vf_index == vf_index)
			return i;
	}
	return PCI_NO_FUNCTION;
}
