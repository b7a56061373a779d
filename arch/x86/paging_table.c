/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/paging_table.h"
#include <string.h>

#define LEVEL_TOP      3u /* PML4; leaves are on levels 0 (4 KiB), 1 (2 MiB), 2 (1 GiB) */
#define INDEX_BITS     9u
#define PAGE_SHIFT     12u
#define VA_BITS        48u
#define PA_LIMIT       BIT64(46)
#define CANONICAL_HIGH UINT64_C(0xffff000000000000)
#define CODE_RANGE_MAX 8u

#define PTE_TABLE      (PTE_P | PTE_W | PTE_A)

static uint32_t level_shift(uint32_t level)
{
	return PAGE_SHIFT + level * INDEX_BITS;
}

static uint64_t level_bytes(uint32_t level)
{
	return BIT64(level_shift(level));
}

static uint64_t *table_at(const struct pagetable *pt, uint64_t pa)
{
	return (uint64_t *)(uintptr_t)(pa + pt->window);
}

static uint64_t *slot(const struct pagetable *pt, uint64_t table, uint32_t level, uint64_t va)
{
	return table_at(pt, table) + (va >> level_shift(level) & (BIT64(INDEX_BITS) - 1));
}

static bool is_leaf(uint64_t entry, uint32_t level)
{
	return level == 0 || (entry & PTE_PS);
}

static uint64_t canonical(uint64_t va)
{
	return va & BIT64(VA_BITS - 1) ? va | CANONICAL_HIGH : va & ~CANONICAL_HIGH;
}

uint64_t frame_take(struct frame_range *frames, uint64_t page_count, uint64_t window)
{
	const uint64_t at = frames->next;

	if (page_count > (frames->end - at) / PAGE_BYTES)
		return 0;
	frames->next += page_count * PAGE_BYTES;
	memset((void *)(uintptr_t)(at + window), 0, page_count * PAGE_BYTES);
	return at;
}

enum err pagetable_init(struct pagetable *pt)
{
	pt->root = frame_take(pt->frames, 1, pt->window);
	return pt->root != 0 ? OK : ERR_NOMEM;
}

static uint64_t leaf_entry(uint64_t pa, uint64_t attributes, uint32_t level)
{
	/* Set now what the processor would otherwise write later. */
	const uint64_t used = PTE_A | (attributes & PTE_W ? PTE_D : 0);

	return pa | attributes | used | PTE_P | (level > 0 ? PTE_PS : 0);
}

/* A leaf of `level` becomes a table of 512 leaves of the level below, mapping the same. */
static enum err split(struct pagetable *pt, uint64_t *entry, uint32_t level)
{
	const uint64_t pa = *entry & PTE_ADDRESS;
	const uint64_t attributes = *entry & ~(PTE_ADDRESS | PTE_PS | PTE_P);
	const uint64_t table = frame_take(pt->frames, 1, pt->window);

	if (table == 0)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < BIT32(INDEX_BITS); i++)
		table_at(pt, table)[i] =
			leaf_entry(pa + i * level_bytes(level - 1), attributes, level - 1);
	*entry = table | PTE_TABLE;
	return OK;
}

/* The table that `entry` of `level` points to, made where there is none. */
static enum err descend(struct pagetable *pt, uint64_t *entry, uint32_t level, uint64_t *table)
{
	if (!(*entry & PTE_P)) {
		const uint64_t fresh = frame_take(pt->frames, 1, pt->window);

		if (fresh == 0)
			return ERR_NOMEM;
		*entry = fresh | PTE_TABLE;
	} else if (is_leaf(*entry, level)) {
		return ERR_INVAL;
	}
	*table = *entry & PTE_ADDRESS;
	return OK;
}

/* Maps one leaf of `level`. A table is already there: ERR_BUSY, a smaller leaf may still fit. */
static enum err map_leaf(struct pagetable *pt, uint64_t va, uint64_t entry, uint32_t level)
{
	uint64_t table = pt->root;
	uint64_t *at = slot(pt, table, LEVEL_TOP, va);

	for (uint32_t l = LEVEL_TOP; l > level; l--) {
		const enum err e = descend(pt, at, l, &table);

		if (e != OK)
			return e;
		at = slot(pt, table, l - 1, va);
	}
	if (*at & PTE_P)
		return is_leaf(*at, level) ? ERR_INVAL : ERR_BUSY;
	*at = entry;
	return OK;
}

/* The largest level whose pages fit the addresses and what is left to be mapped. */
static uint32_t best_level(const struct pagetable *pt, uint64_t va, uint64_t pa, uint64_t bytes)
{
	uint32_t level = pt->has_1g ? 2 : 1;

	while (level > 0 && (((va | pa) & (level_bytes(level) - 1)) || bytes < level_bytes(level)))
		level--;
	return level;
}

static bool is_range_valid(uint64_t va, uint64_t pa, uint64_t bytes)
{
	uint64_t last;

	if (((va | pa | bytes) & (PAGE_BYTES - 1)) || bytes == 0)
		return false;
	if (pa >= PA_LIMIT || bytes > PA_LIMIT - pa)
		return false;
	return !__builtin_add_overflow(va, bytes - 1, &last) && va == canonical(va) &&
	       last == canonical(last) && va >> 63 == last >> 63;
}

enum err pagetable_map(struct pagetable *pt, uint64_t va, uint64_t pa, uint64_t bytes,
		       uint64_t attributes)
{
	if (!is_range_valid(va, pa, bytes))
		return ERR_INVAL;
	while (bytes > 0) {
		uint32_t level = best_level(pt, va, pa, bytes);
		enum err e;

		while ((e = map_leaf(pt, va, leaf_entry(pa, attributes, level), level)) == ERR_BUSY)
			level--;
		if (e != OK)
			return e;
		va += level_bytes(level);
		pa += level_bytes(level);
		bytes -= level_bytes(level);
	}
	return OK;
}

enum err pagetable_unmap(struct pagetable *pt, uint64_t va)
{
	uint64_t table = pt->root;

	for (uint32_t level = LEVEL_TOP;; level--) {
		uint64_t *const entry = slot(pt, table, level, va);

		if (!(*entry & PTE_P))
			return ERR_INVAL;
		if (level == 0) {
			*entry = 0;
			return OK;
		}
		if (is_leaf(*entry, level)) {
			const enum err e = split(pt, entry, level);

			if (e != OK)
				return e;
		}
		table = *entry & PTE_ADDRESS;
	}
}

/* The leaf that maps `va`; if none does, *hole is the size of the empty slot that says so. */
static bool walk(const struct pagetable *pt, uint64_t va, struct page_leaf *leaf, uint64_t *hole)
{
	uint64_t table = pt->root;

	for (uint32_t level = LEVEL_TOP;; level--) {
		const uint64_t entry = *slot(pt, table, level, va);

		if (!(entry & PTE_P)) {
			*hole = level_bytes(level);
			return false;
		}
		if (is_leaf(entry, level)) {
			*leaf = (struct page_leaf){ .va = align_down(va, level_bytes(level)),
						    .pa = entry & PTE_ADDRESS,
						    .bytes = level_bytes(level),
						    .entry = entry };
			return true;
		}
		table = entry & PTE_ADDRESS;
	}
}

bool pagetable_find(const struct pagetable *pt, uint64_t va, struct page_leaf *leaf)
{
	uint64_t hole;

	return va == canonical(va) && walk(pt, va, leaf, &hole);
}

bool pagetable_next(const struct pagetable *pt, uint64_t va, struct page_leaf *leaf)
{
	uint64_t at = va & ~CANONICAL_HIGH; /* the 48 bits that count, without the gap */
	uint64_t hole;

	while (at < BIT64(VA_BITS)) {
		if (walk(pt, canonical(at), leaf, &hole))
			return true;
		at = align_down(at, hole) + hole;
	}
	return false;
}

/* The address behind a leaf; 0: that was the last one of the address space. */
static uint64_t behind(const struct page_leaf *leaf)
{
	const uint64_t at = (leaf->va & ~CANONICAL_HIGH) + leaf->bytes;

	return at < BIT64(VA_BITS) ? canonical(at) : 0;
}

struct code_ranges {
	uint32_t count;
	struct {
		uint64_t pa, end;
	} ranges[CODE_RANGE_MAX];
};

/* False: it has no room for one more. */
static bool remember_code(struct code_ranges *code, const struct page_leaf *leaf)
{
	for (uint32_t i = 0; i < code->count; i++) {
		if (code->ranges[i].end == leaf->pa) {
			code->ranges[i].end += leaf->bytes;
			return true;
		}
	}
	if (code->count == CODE_RANGE_MAX)
		return false;
	code->ranges[code->count].pa = leaf->pa;
	code->ranges[code->count++].end = leaf->pa + leaf->bytes;
	return true;
}

static bool overlaps_code(const struct code_ranges *code, const struct page_leaf *leaf)
{
	for (uint32_t i = 0; i < code->count; i++) {
		if (leaf->pa < code->ranges[i].end && code->ranges[i].pa < leaf->pa + leaf->bytes)
			return true;
	}
	return false;
}

bool pagetable_breaks_wx(const struct pagetable *pt, struct page_leaf *culprit)
{
	struct code_ranges code = { .count = 0 };
	uint64_t va = 0;

	while (pagetable_next(pt, va, culprit)) {
		if (!(culprit->entry & PTE_NX) &&
		    ((culprit->entry & PTE_W) || !remember_code(&code, culprit)))
			return true;
		va = behind(culprit);
		if (va == 0)
			break;
	}
	va = 0;
	while (pagetable_next(pt, va, culprit)) {
		if ((culprit->entry & PTE_W) && overlaps_code(&code, culprit))
			return true;
		va = behind(culprit);
		if (va == 0)
			break;
	}
	return false;
}
