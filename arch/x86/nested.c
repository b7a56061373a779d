/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/nested.h"
#include "core/lib/assert.h"

/* Both formats: 512 entries a table, levels of 9 bits above the 12 of the page offset. */
#define TABLE_ENTRIES      512u
#define LEVEL_BITS         9u
#define TOP_LEVEL          3u /* PML4; 0 is the table of 4 KiB pages */
#define GUEST_ADDRESS_BITS 48u
#define ENTRY_ADDRESS      UINT64_C(0x000ffffffffff000) /* bits 51:12 */
#define RIGHTS_ALL         (SPACE_READ | SPACE_WRITE | SPACE_EXEC)

/* SDM Vol. 3C, "Format of an EPT Page-Table Entry that Maps a 4-KByte Page". */
#define EPT_READ      BIT64(0)
#define EPT_WRITE     BIT64(1)
#define EPT_EXECUTE   BIT64(2)
#define EPT_MEMORY_WB (UINT64_C(6) << 3) /* 5:3, leaves only */
#define EPT_LARGE     BIT64(7)           /* in a directory: maps a page */

/* APM Vol. 2, "4-Kbyte PTE-Long Mode". PWT, PCD and PAT are 0: entry 0 of the host's PAT, WB. */
#define NPT_PRESENT    BIT64(0)
#define NPT_WRITE      BIT64(1)
#define NPT_USER       BIT64(2) /* "Nested Paging": all guest accesses are user accesses */
#define NPT_ACCESSED   BIT64(5)
#define NPT_DIRTY      BIT64(6)
#define NPT_LARGE      BIT64(7)
#define NPT_NO_EXECUTE BIT64(63)

static struct {
	enum nested_format format;
	enum nested_page largest;
	uint32_t physical_address_bits;
	hpa_t root[MAX_PARTITIONS]; /* 0: none; frame 0 is never in the pool */
} nested;

void nested_configure(enum nested_format format, enum nested_page largest,
		      uint32_t physical_address_bits)
{
	nested.format = format;
	nested.largest = largest;
	nested.physical_address_bits = physical_address_bits;
}

hpa_t nested_root(part_id_t part)
{
	return part < MAX_PARTITIONS ? nested.root[part] : (hpa_t){ 0 };
}

/* ---- Words ---- */

uint64_t nested_encode_table(enum nested_format format, uint64_t hpa)
{
	if (format == NESTED_EPT)
		return (hpa & ENTRY_ADDRESS) | EPT_READ | EPT_WRITE | EPT_EXECUTE;
	return (hpa & ENTRY_ADDRESS) | NPT_PRESENT | NPT_WRITE | NPT_USER | NPT_ACCESSED;
}

static uint64_t encode_ept_leaf(enum nested_page page, uint64_t hpa, uint32_t rights)
{
	return (hpa & ENTRY_ADDRESS) | EPT_MEMORY_WB | (page != NESTED_4K ? EPT_LARGE : 0) |
	       (rights & SPACE_READ ? EPT_READ : 0) | (rights & SPACE_WRITE ? EPT_WRITE : 0) |
	       (rights & SPACE_EXEC ? EPT_EXECUTE : 0);
}

static uint64_t encode_npt_leaf(enum nested_page page, uint64_t hpa, uint32_t rights)
{
	return (hpa & ENTRY_ADDRESS) | NPT_USER | NPT_ACCESSED |
	       (page != NESTED_4K ? NPT_LARGE : 0) | (rights & SPACE_READ ? NPT_PRESENT : 0) |
	       (rights & SPACE_WRITE ? NPT_WRITE | NPT_DIRTY : 0) |
	       (rights & SPACE_EXEC ? 0 : NPT_NO_EXECUTE);
}

uint64_t nested_encode_leaf(enum nested_format format, enum nested_page page, uint64_t hpa,
			    uint32_t rights)
{
	return format == NESTED_EPT ? encode_ept_leaf(page, hpa, rights)
				    : encode_npt_leaf(page, hpa, rights);
}

/* Bit 0 is "read" in one format and "present" in the other; no leaf exists without it. */
static bool entry_is_present(uint64_t entry)
{
	return entry & (nested.format == NESTED_EPT ? EPT_READ : NPT_PRESENT);
}

static bool entry_is_leaf(uint64_t entry, uint32_t level)
{
	return level == 0 || (entry & (nested.format == NESTED_EPT ? EPT_LARGE : NPT_LARGE));
}

static uint32_t entry_rights(uint64_t entry)
{
	if (nested.format == NESTED_EPT)
		return (entry & EPT_READ ? SPACE_READ : 0u) |
		       (entry & EPT_WRITE ? SPACE_WRITE : 0u) |
		       (entry & EPT_EXECUTE ? SPACE_EXEC : 0u);
	return (entry & NPT_PRESENT ? SPACE_READ : 0u) | (entry & NPT_WRITE ? SPACE_WRITE : 0u) |
	       (entry & NPT_NO_EXECUTE ? 0u : SPACE_EXEC);
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

struct step {
	uint64_t entry; /* 0: nothing is mapped here */
	uint32_t level; /* the size that `entry`, or the hole, covers */
};

static struct step walk(hpa_t root, uint64_t gpa)
{
	const uint64_t *table = arch_mem_at(root);

	for (uint32_t level = TOP_LEVEL;; level--) {
		const uint64_t entry = table[table_index(gpa, level)];

		if (!entry_is_present(entry))
			return (struct step){ 0, level };
		if (entry_is_leaf(entry, level))
			return (struct step){ entry, level };
		table = table_at(entry);
	}
}

bool nested_next(part_id_t part, uint64_t from_gpa, struct nested_extent *out)
{
	const hpa_t root = nested_root(part);
	uint64_t gpa = align_down(from_gpa, PAGE_BYTES);

	*out = (struct nested_extent){ 0 };
	while (root.v != 0 && gpa < BIT64(GUEST_ADDRESS_BITS)) {
		const struct step s = walk(root, gpa);
		const uint64_t bytes = level_bytes(s.level);
		const uint64_t offset = gpa & (bytes - 1);
		const uint64_t hpa = (s.entry & ENTRY_ADDRESS) + offset;
		const uint32_t rights = entry_rights(s.entry);

		if (s.entry != 0 && out->bytes == 0)
			*out = (struct nested_extent){ gpa, hpa, 0, rights };
		else if (out->bytes != 0 &&
			 (s.entry == 0 || hpa != out->hpa + out->bytes || rights != out->rights))
			return true;
		if (s.entry != 0)
			out->bytes += bytes - offset;
		gpa += bytes - offset;
	}
	return out->bytes != 0;
}

/* ---- Building ---- */

enum err arch_space_create(part_id_t part)
{
	void *root;

	if (nested.format == NESTED_NONE)
		return ERR_UNSUPPORTED;
	if (part >= MAX_PARTITIONS || nested.root[part].v != 0)
		return ERR_INVAL;
	root = arch_mem_take_pages(1);
	if (!root)
		return ERR_NOMEM;
	nested.root[part] = arch_mem_hpa(root);
	return OK;
}

static enum err check_range(hpa_t root, uint64_t gpa, uint64_t hpa, uint64_t bytes)
{
	uint64_t gpa_end, hpa_end;

	if (root.v == 0 || bytes == 0 || (gpa | hpa | bytes) % PAGE_BYTES != 0)
		return ERR_INVAL;
	if (__builtin_add_overflow(gpa, bytes, &gpa_end) ||
	    __builtin_add_overflow(hpa, bytes, &hpa_end))
		return ERR_INVAL;
	if (gpa_end > BIT64(GUEST_ADDRESS_BITS) || hpa_end > BIT64(nested.physical_address_bits))
		return ERR_RANGE;
	while (gpa < gpa_end) {
		const struct step s = walk(root, gpa);

		if (s.entry != 0)
			return ERR_INVAL;
		gpa = align_down(gpa, level_bytes(s.level)) + level_bytes(s.level);
	}
	return OK;
}

static uint32_t largest_level(uint64_t gpa, uint64_t hpa, uint64_t bytes)
{
	uint32_t level = (uint32_t)nested.largest;

	while (level > 0 &&
	       (((gpa | hpa) & (level_bytes(level) - 1)) != 0 || bytes < level_bytes(level)))
		level--;
	return level;
}

/* The entry for `gpa` in the table of `level`, with the tables above it; NULL: no frames left. */
static uint64_t *entry_for(hpa_t root, uint64_t gpa, uint32_t level)
{
	uint64_t *table = arch_mem_at(root);

	for (uint32_t l = TOP_LEVEL; l > level; l--) {
		uint64_t *const entry = &table[table_index(gpa, l)];

		if (!entry_is_present(*entry)) {
			void *const page = arch_mem_take_pages(1);

			if (!page)
				return NULL;
			*entry = nested_encode_table(nested.format, arch_mem_hpa(page).v);
		}
		table = table_at(*entry);
	}
	return &table[table_index(gpa, level)];
}

enum err arch_space_map(part_id_t part, gpa_t gpa, hpa_t hpa, uint64_t bytes, uint32_t rights)
{
	const hpa_t root = nested_root(part);
	enum err e;

	/* Write or execute without read is a misconfiguration or unsupported in one of both. */
	if (!(rights & SPACE_READ) || (rights & ~(uint32_t)RIGHTS_ALL) != 0)
		return ERR_INVAL;
	e = check_range(root, gpa.v, hpa.v, bytes);
	if (e != OK)
		return e;
	for (uint64_t done = 0; done < bytes;) {
		const uint64_t to = hpa.v + done;
		const uint32_t level = largest_level(gpa.v + done, to, bytes - done);
		uint64_t *const entry = entry_for(root, gpa.v + done, level);

		if (!entry)
			return ERR_NOMEM;
		if (entry_is_present(*entry)) /* an empty table, left by an ERR_NOMEM */
			return ERR_INVAL;
		*entry = nested_encode_leaf(nested.format, (enum nested_page)level, to, rights);
		done += level_bytes(level);
	}
	return OK;
}
