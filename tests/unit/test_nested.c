/* SPDX-License-Identifier: Apache-2.0 */
/* Nested tables against a page-by-page model, and words against the manuals' bit tables. */
#include <stdlib.h>
#include <string.h>
#include "arch/x86/nested.h"
#include "tests/test.h"

/* ---- A machine whose direct map is one array ---- */

#define POOL_PAGES 4096u
#define POOL_BASE  UINT64_C(0x7f00000000) /* host-physical address of pool[0] */

static _Alignas(4096) uint8_t pool[POOL_PAGES][4096];
static uint64_t pool_used, pool_limit;

void *arch_mem_at(hpa_t at)
{
	return &pool[0][0] + (at.v - POOL_BASE);
}

hpa_t arch_mem_hpa(const void *at)
{
	return (hpa_t){ POOL_BASE + (uint64_t)((const uint8_t *)at - &pool[0][0]) };
}

void *arch_mem_take_pages(uint64_t page_count)
{
	void *const at = pool[pool_used];

	if (pool_used + page_count > pool_limit)
		return NULL;
	pool_used += page_count;
	return at;
}

static part_id_t next_part; /* spaces are for ever, so each test takes new ones */

static part_id_t new_space(enum nested_format format, enum nested_page largest)
{
	nested_configure(format, largest, 40);
	pool_limit = POOL_PAGES;
	CHECK(arch_space_create(next_part) == OK);
	return next_part++;
}

static enum err map(part_id_t part, uint64_t gpa, uint64_t hpa, uint64_t bytes, uint32_t rights)
{
	return arch_space_map(part, (gpa_t){ gpa }, (hpa_t){ hpa }, bytes, rights);
}

/* ---- An independent walker: the manuals' algorithm for one address ---- */

struct found {
	uint64_t hpa;
	uint64_t word;
	uint64_t page_bytes;
	bool mapped;
};

static struct found translate(part_id_t part, uint64_t gpa, enum nested_format format)
{
	static const uint64_t size[] = { 1ull << 39, 1ull << 30, 1ull << 21, 1ull << 12 };
	uint64_t table = nested_root(part).v;

	for (int i = 0; i < 4; i++) {
		const uint64_t *words = arch_mem_at((hpa_t){ table });
		const uint64_t word = words[gpa / size[i] % 512];
		const bool present = format == NESTED_EPT ? (word & 7) != 0 : (word & 1) != 0;

		if (!present)
			return (struct found){ .page_bytes = size[i] };
		if (i == 3 || (word & 0x80))
			return (struct found){ (word & 0xffffffffff000) + gpa % size[i], word,
					       size[i], true };
		/* A table word must permit everything, or leaf rights would be cut. */
		CHECK((word & 7) == (format == NESTED_VTD ? 3 : 7));
		CHECK(format == NESTED_EPT || !(word >> 63));
		table = word & 0xffffffffff000;
	}
	return (struct found){ 0 };
}

static uint32_t rights_of(uint64_t word, enum nested_format format)
{
	if (format == NESTED_EPT)
		return (word & 1 ? SPACE_READ : 0u) | (word & 2 ? SPACE_WRITE : 0u) |
		       (word & 4 ? SPACE_EXEC : 0u) | (word & 0x38 ? 0u : SPACE_DEVICE);
	if (format == NESTED_VTD)
		return (word & 1 ? SPACE_READ : 0u) | (word & 2 ? SPACE_WRITE : 0u);
	return (word & 1 ? SPACE_READ : 0u) | (word & 2 ? SPACE_WRITE : 0u) |
	       (word >> 63 ? 0u : SPACE_EXEC) | ((word & 0x18) == 0x18 ? SPACE_DEVICE : 0u);
}

/* ---- Words ---- */

/* SDM Vol. 3C, tables "Format of an EPT ... Entry": R 0, W 1, X 2, type 5:3, page 7. */
static void ept_words_have_the_manuals_bits(void)
{
	const uint32_t rwx = SPACE_READ | SPACE_WRITE | SPACE_EXEC;

	CHECK(nested_encode_table(NESTED_EPT, 0x123456000) == 0x123456007);
	CHECK(nested_encode_leaf(NESTED_EPT, NESTED_4K, 0x5000, SPACE_READ) == 0x5031);
	CHECK(nested_encode_leaf(NESTED_EPT, NESTED_4K, 0x5000, rwx) == 0x5037);
	CHECK(nested_encode_leaf(NESTED_EPT, NESTED_2M, 0x200000, rwx) == 0x2000b7);
	CHECK(nested_encode_leaf(NESTED_EPT, NESTED_1G, 0x40000000, SPACE_READ | SPACE_EXEC) ==
	      0x400000b5);
	/* "Memory Type Used for Translated Guest-Physical Addresses": 0 is uncacheable. */
	CHECK(nested_encode_leaf(NESTED_EPT, NESTED_2M, 0x200000,
				 SPACE_READ | SPACE_WRITE | SPACE_DEVICE) == 0x200083);
}

/* APM Vol. 2, "Long-Mode Page Translation": P 0, R/W 1, U/S 2, A 5, D 6, PS 7, NX 63. */
static void npt_words_have_the_manuals_bits(void)
{
	const uint32_t rwx = SPACE_READ | SPACE_WRITE | SPACE_EXEC;

	CHECK(nested_encode_table(NESTED_NPT, 0x123456000) == 0x123456027);
	CHECK(nested_encode_leaf(NESTED_NPT, NESTED_4K, 0x5000, SPACE_READ) == 0x8000000000005025);
	CHECK(nested_encode_leaf(NESTED_NPT, NESTED_4K, 0x5000, rwx) == 0x5067);
	CHECK(nested_encode_leaf(NESTED_NPT, NESTED_2M, 0x200000, rwx) == 0x2000e7);
	CHECK(nested_encode_leaf(NESTED_NPT, NESTED_1G, 0x40000000, SPACE_READ | SPACE_EXEC) ==
	      0x400000a5);
	/* PWT 3, PCD 4: entry 3 of the PAT. */
	CHECK(nested_encode_leaf(NESTED_NPT, NESTED_4K, 0x5000,
				 SPACE_READ | SPACE_WRITE | SPACE_DEVICE) == 0x800000000000507f);
}

/* VT-d, "Second-Level Paging Entries": R 0, W 1, page 7; the rest ignored or reserved. */
static void vtd_words_have_the_specifications_bits(void)
{
	CHECK(nested_encode_table(NESTED_VTD, 0x123456000) == 0x123456003);
	CHECK(nested_encode_leaf(NESTED_VTD, NESTED_4K, 0x5000, SPACE_READ) == 0x5001);
	CHECK(nested_encode_leaf(NESTED_VTD, NESTED_4K, 0x5000, SPACE_READ | SPACE_WRITE) ==
	      0x5003);
	CHECK(nested_encode_leaf(NESTED_VTD, NESTED_2M, 0x200000, SPACE_READ) == 0x200081);
	CHECK(nested_encode_leaf(NESTED_VTD, NESTED_1G, 0x40000000, SPACE_READ | SPACE_WRITE) ==
	      0x40000083);
}

/* ---- Spaces ---- */

static void a_space_is_created_once_and_only_after_configuration(void)
{
	pool_limit = POOL_PAGES;
	CHECK(arch_space_create(0) == ERR_UNSUPPORTED);
	new_space(NESTED_EPT, NESTED_1G);
	CHECK(arch_space_create(0) == ERR_INVAL);
	CHECK(arch_space_create(MAX_PARTITIONS) == ERR_INVAL);
	CHECK(nested_root(MAX_PARTITIONS).v == 0);
	CHECK(map(MAX_PARTITIONS - 1, 0, 0, 4096, SPACE_READ) == ERR_INVAL);
}

static void bad_ranges_are_refused_and_change_nothing(void)
{
	const part_id_t p = new_space(NESTED_NPT, NESTED_2M);
	const uint64_t used = pool_used;
	struct nested_extent e;

	CHECK(map(p, 1, 0x1000, 0x1000, SPACE_READ) == ERR_INVAL);
	CHECK(map(p, 0, 0x1001, 0x1000, SPACE_READ) == ERR_INVAL);
	CHECK(map(p, 0, 0x1000, 0x800, SPACE_READ) == ERR_INVAL);
	CHECK(map(p, 0, 0x1000, 0, SPACE_READ) == ERR_INVAL);
	CHECK(map(p, 0, 0x1000, 0x1000, 0) == ERR_INVAL);
	CHECK(map(p, 0, 0x1000, 0x1000, SPACE_WRITE) == ERR_INVAL);
	CHECK(map(p, 0, 0x1000, 0x1000, SPACE_READ | 16) == ERR_INVAL);
	CHECK(map(p, 0, 0x1000, 0x1000, SPACE_READ | SPACE_EXEC | SPACE_DEVICE) == ERR_INVAL);
	CHECK(map(p, 0xfffffffffffff000, 0, 0x2000, SPACE_READ) == ERR_INVAL);
	CHECK(map(p, 0, 0xfffffffffffff000, 0x2000, SPACE_READ) == ERR_INVAL);
	CHECK(map(p, (1ull << 48) - 0x1000, 0, 0x2000, SPACE_READ) == ERR_RANGE);
	CHECK(map(p, 0, (1ull << 40) - 0x1000, 0x2000, SPACE_READ) == ERR_RANGE);
	CHECK(pool_used == used);
	CHECK(!nested_next(p, 0, &e));
	CHECK(map(p, (1ull << 48) - 0x1000, (1ull << 40) - 0x1000, 0x1000, SPACE_READ) == OK);
}

static void an_empty_pool_is_reported(void)
{
	const part_id_t p = new_space(NESTED_EPT, NESTED_2M);

	pool_limit = pool_used + 2; /* a 4 KiB page needs three tables under the root */
	CHECK(map(p, 0, 0, 4096, SPACE_READ) == ERR_NOMEM);
	pool_limit = pool_used;
	CHECK(arch_space_create(next_part) == ERR_NOMEM);
}

static void the_largest_page_that_fits_is_used(void)
{
	static const enum nested_page largest[] = { NESTED_4K, NESTED_2M, NESTED_1G };
	static const uint64_t size[] = { 4096, 2 << 20, 1 << 30 };

	for (int i = 0; i < 3; i++) {
		const part_id_t p = new_space(NESTED_EPT, largest[i]);
		const uint64_t bytes = i == 0 ? 4 * 4096 : 2 * size[i];

		/* Aligned both: exactly the largest page. Off by one page: never larger than 4K. */
		CHECK(map(p, 4 * size[2], 8 * size[2], bytes, SPACE_READ) == OK);
		CHECK(translate(p, 4 * size[2], NESTED_EPT).page_bytes == size[i]);
		CHECK(map(p, 12 * size[2], 8 * size[2] + 4096, 2 << 20, SPACE_READ) == OK);
		CHECK(translate(p, 12 * size[2], NESTED_EPT).page_bytes == 4096);
	}
}

/* ---- Random building against a model that knows every page ---- */

#define MODEL_PAGES (3u * 512u) /* around a 1 GiB boundary */
#define MODEL_BASE  ((1ull << 30) - 600 * 4096ull)

static struct {
	uint64_t hpa;
	uint32_t rights; /* 0: not mapped */
} model[MODEL_PAGES];

static void check_against_model(part_id_t part, enum nested_format format)
{
	for (uint32_t i = 0; i < MODEL_PAGES; i++) {
		const struct found f = translate(part, MODEL_BASE + i * 4096ull, format);

		CHECK(f.mapped == (model[i].rights != 0));
		if (!f.mapped)
			continue;
		CHECK(f.hpa == model[i].hpa);
		CHECK(rights_of(f.word, format) == model[i].rights);
	}
}

/* Extents are those of the model, maximal and in order; outside the model there is nothing. */
static void check_extents(part_id_t part)
{
	struct nested_extent e;
	uint64_t at = 0;
	uint32_t i = 0;

	while (nested_next(part, at, &e)) {
		while (i < MODEL_PAGES && model[i].rights == 0)
			i++;
		CHECK(i < MODEL_PAGES && e.gpa == MODEL_BASE + i * 4096ull);
		for (uint64_t off = 0; off < e.bytes && i < MODEL_PAGES; off += 4096, i++)
			CHECK(model[i].rights == e.rights && model[i].hpa == e.hpa + off);
		if (i < MODEL_PAGES)
			CHECK(model[i].rights != e.rights || model[i].hpa != e.hpa + e.bytes);
		at = e.gpa + e.bytes;
	}
	while (i < MODEL_PAGES && model[i].rights == 0)
		i++;
	CHECK(i == MODEL_PAGES);
}

static void map_at_random(part_id_t part, enum nested_format format)
{
	const uint32_t third = rand() & 1 ? SPACE_EXEC : SPACE_DEVICE;
	const uint32_t optional = SPACE_WRITE | (format == NESTED_VTD ? 0u : third);
	const uint32_t first = (uint32_t)rand() % MODEL_PAGES;
	const uint32_t left = MODEL_PAGES - first;
	const uint32_t count = 1 + (uint32_t)rand() % (left < 700 ? left : 700);
	const uint32_t rights = SPACE_READ | ((uint32_t)rand() & optional);
	/* Often congruent modulo 2 MiB, so that large pages happen. */
	const uint64_t hpa = (rand() & 1 ? MODEL_BASE + first * 4096ull + (4ull << 30)
					 : (uint64_t)(rand() & 0xfffff) * 4096);
	bool is_free = true;
	enum err e;

	for (uint32_t i = first; i < first + count; i++)
		is_free = is_free && model[i].rights == 0;
	e = map(part, MODEL_BASE + first * 4096ull, hpa, count * 4096ull, rights);
	CHECK(e == (is_free ? OK : ERR_INVAL));
	for (uint32_t i = first; is_free && i < first + count; i++) {
		model[i].hpa = hpa + (i - first) * 4096ull;
		model[i].rights = rights;
	}
}

static void tables_equal_the_model_after_random_maps(void)
{
	srand(1);
	static const enum nested_format formats[] = { NESTED_EPT, NESTED_NPT, NESTED_VTD };

	for (int round = 0; round < 9; round++) {
		const enum nested_format format = formats[round % 3];
		const part_id_t p = new_space(format, (enum nested_page)(round / 3));

		memset(model, 0, sizeof(model));
		for (int i = 0; i < 12; i++) {
			map_at_random(p, format);
			check_against_model(p, format);
		}
		check_extents(p);
	}
}

static void an_extent_ends_where_rights_change(void)
{
	const part_id_t p = new_space(NESTED_EPT, NESTED_2M);
	struct nested_extent e;

	CHECK(map(p, 0x1000, 0x5000, 0x1000, SPACE_READ) == OK);
	CHECK(map(p, 0x2000, 0x6000, 0x1000, SPACE_READ) == OK);
	CHECK(map(p, 0x3000, 0x7000, 0x1000, SPACE_READ | SPACE_WRITE) == OK);
	CHECK(nested_next(p, 0, &e) && e.gpa == 0x1000 && e.hpa == 0x5000 && e.bytes == 0x2000);
	CHECK(nested_next(p, 0x3000, &e) && e.gpa == 0x3000 && e.bytes == 0x1000);
	CHECK(e.rights == (SPACE_READ | SPACE_WRITE));
}

/* Two spaces given disjoint memory reach disjoint memory, and none reaches the tables. */
static void no_frame_is_reached_twice(void)
{
	const part_id_t a = new_space(NESTED_NPT, NESTED_1G);
	const part_id_t b = new_space(NESTED_NPT, NESTED_1G);
	const part_id_t both[] = { a, b };
	struct nested_extent x, y;

	CHECK(map(a, 0, 0x40000000, 0xa0000, 7) == OK);
	CHECK(map(a, 0x100000, 0x40100000, 0x7f00000, 7) == OK);
	CHECK(map(b, 0, 0x48000000, 0xa0000, 7) == OK);
	CHECK(map(b, 0x100000, 0x48100000, 0x7f00000, 7) == OK);
	for (uint64_t i = 0; nested_next(a, i, &x); i = x.gpa + x.bytes)
		for (uint64_t j = 0; nested_next(b, j, &y); j = y.gpa + y.bytes)
			CHECK(x.hpa + x.bytes <= y.hpa || y.hpa + y.bytes <= x.hpa);
	for (int p = 0; p < 2; p++)
		for (uint64_t i = 0; nested_next(both[p], i, &x); i = x.gpa + x.bytes)
			CHECK(x.hpa + x.bytes <= POOL_BASE);
}

/* ---- Spaces as devices have them ---- */

static uint8_t seen_by_hardware[POOL_PAGES][4096];

static void remember_written(const void *at, uint64_t bytes)
{
	const uint64_t offset = (uint64_t)((const uint8_t *)at - &pool[0][0]);

	CHECK(offset < sizeof(pool) && bytes <= sizeof(pool) - offset);
	memcpy(&seen_by_hardware[0][0] + offset, at, bytes);
}

static void every_word_is_announced(void)
{
	struct nested_space s = { .format = NESTED_VTD,
				  .largest = NESTED_2M,
				  .level_count = 3,
				  .physical_address_bits = 39,
				  .leaf_bits = BIT64(11),
				  .written = remember_written };
	const uint64_t from = pool_used;

	pool_limit = POOL_PAGES;
	memset(seen_by_hardware, 0xff, sizeof(seen_by_hardware));
	CHECK(nested_space_create(&s) == OK);
	CHECK(nested_space_map(&s, 0x1ff000, 0x3ff000, 0x402000, SPACE_READ) == OK);
	CHECK(pool_used == from + 4); /* root, directory, two tables */
	CHECK(memcmp(seen_by_hardware[from], pool[from], (pool_used - from) * 4096) == 0);
	CHECK(*(const uint64_t *)pool[from + 1] == POOL_BASE + (from + 2) * 4096 + 3);
	CHECK(((const uint64_t *)pool[from + 1])[1] == (0x400000 | BIT64(11) | 0x81));
}

static void three_levels_end_at_39_bits(void)
{
	struct nested_space s = { .format = NESTED_VTD,
				  .largest = NESTED_1G,
				  .level_count = 3,
				  .physical_address_bits = 46 };
	struct nested_extent e;

	CHECK(nested_space_create(&s) == OK);
	CHECK(nested_space_map(&s, BIT64(39) - 4096, 0, 8192, SPACE_READ) == ERR_RANGE);
	CHECK(nested_space_map(&s, BIT64(39) - BIT64(30), BIT64(45), BIT64(30), SPACE_READ) == OK);
	CHECK(((const uint64_t *)arch_mem_at(s.root))[511] == (BIT64(45) | 0x81));
	CHECK(nested_space_next(&s, 0, &e) && e.gpa == BIT64(39) - BIT64(30) &&
	      e.bytes == BIT64(30));
	CHECK(!nested_space_next(&s, BIT64(39), &e));
}

static void devices_execute_nothing(void)
{
	struct nested_space s = { .format = NESTED_VTD,
				  .level_count = 4,
				  .physical_address_bits = 46 };

	CHECK(nested_space_create(&s) == OK);
	CHECK(nested_space_map(&s, 0, 0, 4096, SPACE_READ | SPACE_EXEC) == ERR_INVAL);
}

int main(void)
{
	RUN(a_space_is_created_once_and_only_after_configuration);
	RUN(bad_ranges_are_refused_and_change_nothing);
	RUN(an_empty_pool_is_reported);
	RUN(ept_words_have_the_manuals_bits);
	RUN(npt_words_have_the_manuals_bits);
	RUN(vtd_words_have_the_specifications_bits);
	RUN(the_largest_page_that_fits_is_used);
	RUN(tables_equal_the_model_after_random_maps);
	RUN(an_extent_ends_where_rights_change);
	RUN(no_frame_is_reached_twice);
	RUN(every_word_is_announced);
	RUN(three_levels_end_at_39_bits);
	RUN(devices_execute_nothing);
	return test_failed;
}
