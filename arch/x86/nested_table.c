/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/nested_table.h"
#include "core/lib/assert.h"

/* All formats: 512 entries a table, levels of 9 bits above the 12 of the page offset. */
#define TABLE_ENTRIES 512u
#define LEVEL_BITS    9u
#define ENTRY_ADDRESS UINT64_C(0x000ffffffffff000) /* bits 51:12 */

/* SDM Vol. 3C, "Format of an EPT Page-Table Entry that Maps a 4-KByte Page". */
#define EPT_READ      BIT64(0)
#define EPT_WRITE     BIT64(1)
#define EPT_EXECUTE   BIT64(2)
#define EPT_MEMORY    (UINT64_C(7) << 3) /* 5:3, leaves only */
#define EPT_MEMORY_UC (UINT64_C(0) << 3)
#define EPT_MEMORY_WB (UINT64_C(6) << 3)
#define EPT_LARGE     BIT64(7) /* in a directory: maps a page */

/* APM Vol. 2, "4-Kbyte PTE-Long Mode". PAT, PCD, PWT: entry 0 of the host's PAT is WB, 3 is UC. */
#define NPT_PRESENT    BIT64(0)
#define NPT_WRITE      BIT64(1)
#define NPT_USER       BIT64(2) /* "Nested Paging": all guest accesses are user accesses */
#define NPT_MEMORY_UC  (BIT64(4) | BIT64(3)) /* PCD, PWT */
#define NPT_ACCESSED   BIT64(5)
#define NPT_DIRTY      BIT64(6)
#define NPT_LARGE      BIT64(7)
#define NPT_NO_EXECUTE BIT64(63)

/* VT-d, "Second-Level Paging Entries", legacy mode. */
#define VTD_SL_READ  BIT64(0)
#define VTD_SL_WRITE BIT64(1)
#define VTD_SL_LARGE BIT64(7)

/* Bit 0 is "read" in two formats and "present" in one; no leaf exists without it. */
#define ENTRY_PRESENT BIT64(0)
_Static_assert(EPT_READ == ENTRY_PRESENT && NPT_PRESENT == ENTRY_PRESENT &&
		       VTD_SL_READ == ENTRY_PRESENT,
	       "the formats agree on what is present");
#define ENTRY_LARGE BIT64(7)
_Static_assert(EPT_LARGE == ENTRY_LARGE && NPT_LARGE == ENTRY_LARGE && VTD_SL_LARGE == ENTRY_LARGE,
	       "the formats agree on what is a page");

/* ---- Words ---- */

uint64_t nested_encode_table(enum nested_format format, uint64_t hpa)
{
	switch (format) {
	case NESTED_EPT:
		return (hpa & ENTRY_ADDRESS) | EPT_READ | EPT_WRITE | EPT_EXECUTE;
	case NESTED_VTD:
		return (hpa & ENTRY_ADDRESS) | VTD_SL_READ | VTD_SL_WRITE;
	default:
		return (hpa & ENTRY_ADDRESS) | NPT_PRESENT | NPT_WRITE | NPT_USER | NPT_ACCESSED;
	}
}

static uint64_t encode_ept_leaf(enum nested_page page, uint64_t hpa, uint32_t rights)
{
	return (hpa & ENTRY_ADDRESS) | (rights & SPACE_DEVICE ? EPT_MEMORY_UC : EPT_MEMORY_WB) |
	       (page != NESTED_4K ? EPT_LARGE : 0) | (rights & SPACE_READ ? EPT_READ : 0) |
	       (rights & SPACE_WRITE ? EPT_WRITE : 0) | (rights & SPACE_EXEC ? EPT_EXECUTE : 0);
}

static uint64_t encode_npt_leaf(enum nested_page page, uint64_t hpa, uint32_t rights)
{
	return (hpa & ENTRY_ADDRESS) | NPT_USER | NPT_ACCESSED |
	       (rights & SPACE_DEVICE ? NPT_MEMORY_UC : 0) | (page != NESTED_4K ? NPT_LARGE : 0) |
	       (rights & SPACE_READ ? NPT_PRESENT : 0) |
	       (rights & SPACE_WRITE ? NPT_WRITE | NPT_DIRTY : 0) |
	       (rights & SPACE_EXEC ? 0 : NPT_NO_EXECUTE);
}

static uint64_t encode_vtd_leaf(enum nested_page page, uint64_t hpa, uint32_t rights)
{
	return (hpa & ENTRY_ADDRESS) | (page != NESTED_4K ? VTD_SL_LARGE : 0) |
	       (rights & SPACE_READ ? VTD_SL_READ : 0) | (rights & SPACE_WRITE ? VTD_SL_WRITE : 0);
}

uint64_t nested_encode_leaf(enum nested_format format, enum nested_page page, uint64_t hpa,
			    uint32_t rights)
{
	switch (format) {
	case NESTED_EPT:
		return encode_ept_leaf(page, hpa, rights);
	case NESTED_VTD:
		return encode_vtd_leaf(page, hpa, rights);
	default:
		return encode_npt_leaf(page, hpa, rights);
	}
}

static bool entry_is_leaf(uint64_t entry, uint32_t level)
{
	return level == 0 || (entry & ENTRY_LARGE);
}

static uint32_t entry_rights(enum nested_format format, uint64_t entry)
{
	switch (format) {
	case NESTED_EPT:
		return (entry & EPT_READ ? SPACE_READ : 0u) |
		       (entry & EPT_WRITE ? SPACE_WRITE : 0u) |
		       (entry & EPT_EXECUTE ? SPACE_EXEC : 0u) |
		       ((entry & EPT_MEMORY) == EPT_MEMORY_UC ? SPACE_DEVICE : 0u);
	case NESTED_VTD:
		return (entry & VTD_SL_READ ? SPACE_READ : 0u) |
		       (entry & VTD_SL_WRITE ? SPACE_WRITE : 0u);
	default:
		return (entry & NPT_PRESENT ? SPACE_READ : 0u) |
		       (entry & NPT_WRITE ? SPACE_WRITE : 0u) |
		       (entry & NPT_NO_EXECUTE ? 0u : SPACE_EXEC) |
		       (entry & NPT_MEMORY_UC ? SPACE_DEVICE : 0u);
	}
}

/* ---- Walks ---- */

static uint64_t level_bytes(uint32_t level)
{
	return UINT64_C(1) << (12 + LEVEL_BITS * level);
}

static uint32_t table_index(uint64_t gpa, uint32_t level)
{
	return (uint32_t)(gpa >> (12 + LEVEL_BITS * level)) & (TABLE_ENTRIES - 1);
}

static uint64_t *table_at(uint64_t entry)
{
	return arch_mem_at((hpa_t){ entry & ENTRY_ADDRESS });
}

/* What the table at the root, and so the whole space, covers. */
static uint64_t space_end(const struct nested_space *s)
{
	return level_bytes(s->level_count);
}

struct step {
	uint64_t entry; /* 0: nothing is mapped here */
	uint32_t level; /* the size that `entry`, or the hole, covers */
};

static struct step walk(const struct nested_space *s, uint64_t gpa)
{
	const uint64_t *table = arch_mem_at(s->root);

	for (uint32_t level = s->level_count - 1;; level--) {
		const uint64_t entry = table[table_index(gpa, level)];

		if (!(entry & ENTRY_PRESENT))
			return (struct step){ 0, level };
		if (entry_is_leaf(entry, level))
			return (struct step){ entry, level };
		table = table_at(entry);
	}
}

bool nested_space_next(const struct nested_space *s, uint64_t from_gpa, struct nested_extent *out)
{
	uint64_t gpa = align_down(from_gpa, PAGE_BYTES);

	*out = (struct nested_extent){ 0 };
	while (gpa < space_end(s)) {
		const struct step at = walk(s, gpa);
		const uint64_t bytes = level_bytes(at.level);
		const uint64_t offset = gpa & (bytes - 1);
		const uint64_t hpa = (at.entry & ENTRY_ADDRESS) + offset;
		const uint32_t rights = entry_rights(s->format, at.entry);

		if (at.entry != 0 && out->bytes == 0)
			*out = (struct nested_extent){ gpa, hpa, 0, rights };
		else if (out->bytes != 0 &&
			 (at.entry == 0 || hpa != out->hpa + out->bytes || rights != out->rights))
			return true;
		if (at.entry != 0)
			out->bytes += bytes - offset;
		gpa += bytes - offset;
	}
	return out->bytes != 0;
}

/* ---- Building ---- */

static void written(const struct nested_space *s, const void *at, uint64_t bytes)
{
	if (s->written)
		s->written(at, bytes);
}

/* A zeroed table; hardware must find it so, too. */
static void *take_table(const struct nested_space *s)
{
	void *const table = arch_mem_take_pages(1);

	if (table)
		written(s, table, PAGE_BYTES);
	return table;
}

enum err nested_space_create(struct nested_space *s)
{
	void *root;

	ASSERT(s->level_count > 0 && s->level_count <= NESTED_LEVELS_MAX);
	root = take_table(s);
	if (!root)
		return ERR_NOMEM;
	s->root = arch_mem_hpa(root);
	return OK;
}

static enum err check_range(const struct nested_space *s, uint64_t gpa, uint64_t hpa,
			    uint64_t bytes)
{
	uint64_t gpa_end, hpa_end;

	if (bytes == 0 || (gpa | hpa | bytes) % PAGE_BYTES != 0)
		return ERR_INVAL;
	if (__builtin_add_overflow(gpa, bytes, &gpa_end) ||
	    __builtin_add_overflow(hpa, bytes, &hpa_end))
		return ERR_INVAL;
	if (gpa_end > space_end(s) || hpa_end > BIT64(s->physical_address_bits))
		return ERR_RANGE;
	while (gpa < gpa_end) {
		const struct step at = walk(s, gpa);

		if (at.entry != 0)
			return ERR_INVAL;
		gpa = align_down(gpa, level_bytes(at.level)) + level_bytes(at.level);
	}
	return OK;
}

static uint32_t largest_level(const struct nested_space *s, uint64_t gpa, uint64_t hpa,
			      uint64_t bytes)
{
	uint32_t level = (uint32_t)s->largest;

	while (level > 0 &&
	       (((gpa | hpa) & (level_bytes(level) - 1)) != 0 || bytes < level_bytes(level)))
		level--;
	return level;
}

/* The entry for `gpa` in the table of `level`, with the tables above it; NULL: no frames left. */
static uint64_t *entry_for(const struct nested_space *s, uint64_t gpa, uint32_t level)
{
	uint64_t *table = arch_mem_at(s->root);

	for (uint32_t l = s->level_count - 1; l > level; l--) {
		uint64_t *const entry = &table[table_index(gpa, l)];

		if (!(*entry & ENTRY_PRESENT)) {
			void *const page = take_table(s);

			if (!page)
				return NULL;
			*entry = nested_encode_table(s->format, arch_mem_hpa(page).v);
			written(s, entry, sizeof(*entry));
		}
		table = table_at(*entry);
	}
	return &table[table_index(gpa, level)];
}

/* Write or execute without read is a misconfiguration or unsupported in one of the formats. */
static bool are_rights(enum nested_format format, uint32_t rights)
{
	const uint32_t no_code = SPACE_READ | SPACE_WRITE;

	if (!(rights & SPACE_READ))
		return false;
	if (format == NESTED_VTD)
		return (rights & ~no_code) == 0;
	return (rights & ~(no_code | SPACE_EXEC)) == 0 || (rights & ~(no_code | SPACE_DEVICE)) == 0;
}

enum err nested_space_map(const struct nested_space *s, uint64_t gpa, uint64_t hpa, uint64_t bytes,
			  uint32_t rights)
{
	enum err e;

	if (!are_rights(s->format, rights))
		return ERR_INVAL;
	e = check_range(s, gpa, hpa, bytes);
	if (e != OK)
		return e;
	for (uint64_t done = 0; done < bytes;) {
		const uint64_t to = hpa + done;
		const uint32_t level = largest_level(s, gpa + done, to, bytes - done);
		uint64_t *const entry = entry_for(s, gpa + done, level);

		if (!entry)
			return ERR_NOMEM;
		if (*entry & ENTRY_PRESENT) /* an empty table, left by an ERR_NOMEM */
			return ERR_INVAL;
		*entry = nested_encode_leaf(s->format, (enum nested_page)level, to, rights) |
			 s->leaf_bits;
		written(s, entry, sizeof(*entry));
		done += level_bytes(level);
	}
	return OK;
}
