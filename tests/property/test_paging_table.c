/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Oracle: a list of what was mapped, asked page by page, and a walk of the tables written anew
 * from SDM Vol. 3A, "4-Level Paging": 9 bits a level from bit 39 down, P = bit 0, PS = bit 7.
 */
#include <stdlib.h>
#include <string.h>
#include "arch/x86/paging_table.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define FRAMES_HPA UINT64_C(0x7000000)
#define FRAMES     400u
#define ROUNDS     200u
#define MAPPINGS   12u
#define PROBES     400u

static uint8_t *frames_at;
static struct frame_range frames;
static struct pagetable pt;

static void fresh(bool has_1g)
{
	frames = (struct frame_range){ FRAMES_HPA, FRAMES_HPA + FRAMES * PAGE_BYTES };
	pt = (struct pagetable){ .window = (uint64_t)(uintptr_t)frames_at - FRAMES_HPA,
				 .frames = &frames,
				 .has_1g = has_1g };
	CHECK(pagetable_init(&pt) == OK);
}

/* The processor's walk. False: not present. */
static bool hardware_walk(uint64_t va, uint64_t *pa, uint64_t *entry)
{
	uint64_t table = pt.root;

	for (int shift = 39; shift >= 12; shift -= 9) {
		memcpy(entry, frames_at + (table - FRAMES_HPA) + (va >> shift & 511) * 8, 8);
		if (!(*entry & 1))
			return false;
		table = *entry & UINT64_C(0x000ffffffffff000);
		if (shift == 12 || (shift < 39 && (*entry & 0x80))) {
			const uint64_t offset = (UINT64_C(1) << shift) - 1;

			CHECK((table & offset) == 0); /* reserved bits */
			*pa = table + (va & offset);
			return true;
		}
	}
	return false;
}

struct mapping {
	uint64_t va, pa, bytes, attributes;
};

static const uint64_t kinds[] = { PAGE_CODE, PAGE_READONLY, PAGE_DATA, PAGE_DEVICE, PAGE_FIRMWARE };

/* Mostly near each other, so that they meet; with all sizes of pages possible. */
static struct mapping random_mapping(void)
{
	static const uint64_t bases[] = { 0, UINT64_C(0xffff800000000000),
					  UINT64_C(0xffffffff80000000) };
	static const uint64_t units[] = { PAGE_BYTES, MIB(2), GIB(1) };
	const uint64_t unit = units[random_below(3)];
	struct mapping m;

	m.va = bases[random_below(3)] + random_below(unit == GIB(1) ? 2 : 8) * unit;
	m.pa = random_below(8) * unit;
	if (unit < GIB(1) && random_below(3) == 0) /* else it takes too many tables */
		m.pa += PAGE_BYTES;
	m.bytes = random_between(1, 3) * unit / (random_below(4) == 0 ? 2 : 1);
	m.bytes = max_u64(align_down(m.bytes, PAGE_BYTES), PAGE_BYTES);
	if (m.va > UINT64_MAX - m.bytes)
		m.bytes = PAGE_BYTES;
	m.attributes = kinds[random_below(ARRAY_SIZE(kinds))];
	return m;
}

static bool meet(const struct mapping *a, const struct mapping *b)
{
	return a->va < b->va + b->bytes && b->va < a->va + a->bytes;
}

static bool meets_any(const struct mapping *list, uint32_t count, const struct mapping *m)
{
	for (uint32_t i = 0; i < count; i++) {
		if (meet(&list[i], m))
			return true;
	}
	return false;
}

static const struct mapping *mapping_of(const struct mapping *list, uint32_t count, uint64_t va)
{
	for (uint32_t i = 0; i < count; i++) {
		if (va - list[i].va < list[i].bytes)
			return &list[i];
	}
	return NULL;
}

static void probe(const struct mapping *list, uint32_t count, uint64_t va)
{
	const struct mapping *m = mapping_of(list, count, va);
	const uint64_t rights = PTE_W | PTE_NX | PTE_PCD | PTE_PWT;
	struct page_leaf leaf;
	uint64_t pa = 0, entry = 0;
	const bool found = hardware_walk(va, &pa, &entry);

	CHECK(found == (m != NULL));
	CHECK(pagetable_find(&pt, va, &leaf) == found);
	if (!found || m == NULL)
		return;
	CHECK(pa == m->pa + (va - m->va));
	CHECK((entry & rights) == m->attributes);
	CHECK(leaf.entry == entry && leaf.pa + (va - leaf.va) == pa && va - leaf.va < leaf.bytes);
}

static void what_is_mapped_is_what_was_asked_for(void)
{
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct mapping list[MAPPINGS];
		uint32_t count = 0;

		fresh(round % 2);
		while (count < MAPPINGS) {
			const struct mapping m = random_mapping();

			if (meets_any(list, count, &m)) {
				CHECK(pagetable_map(&pt, m.va, m.pa, m.bytes, m.attributes) ==
				      ERR_INVAL);
				break; /* what a refused mapping leaves behind is not promised */
			}
			CHECK(pagetable_map(&pt, m.va, m.pa, m.bytes, m.attributes) == OK);
			list[count++] = m;
			probe(list, count, m.va);
			probe(list, count, m.va + m.bytes - PAGE_BYTES);
		}
		if (count < MAPPINGS)
			continue;
		for (uint32_t i = 0; i < PROBES; i++) {
			const struct mapping m = random_mapping();

			probe(list, count, m.va + random_below(m.bytes / PAGE_BYTES) * PAGE_BYTES);
		}
	}
}

static void large_pages_are_used_where_they_fit(void)
{
	struct page_leaf leaf;

	for (uint32_t has_1g = 0; has_1g < 2; has_1g++) {
		fresh(has_1g);
		CHECK(pagetable_map(&pt, GIB(1) - MIB(2) - PAGE_BYTES, GIB(1) - MIB(2) - PAGE_BYTES,
				    GIB(1) + MIB(2) + 2 * PAGE_BYTES, PAGE_DATA) == OK);
		CHECK(pagetable_find(&pt, GIB(1) - MIB(2) - 1, &leaf) && leaf.bytes == PAGE_BYTES);
		CHECK(pagetable_find(&pt, GIB(1) - MIB(2), &leaf) && leaf.bytes == MIB(2));
		CHECK(pagetable_find(&pt, GIB(1), &leaf) &&
		      leaf.bytes == (has_1g ? GIB(1) : MIB(2)));
		CHECK(pagetable_find(&pt, GIB(2), &leaf) && leaf.bytes == PAGE_BYTES);
		CHECK(!pagetable_find(&pt, GIB(2) + PAGE_BYTES, &leaf));
	}
}

static void taking_a_page_away_takes_nothing_else(void)
{
	for (uint32_t round = 0; round < 50; round++) {
		const uint64_t hole = GIB(1) + random_below(GIB(1) / PAGE_BYTES) * PAGE_BYTES;
		struct mapping list[2] = { { GIB(1), GIB(4), hole - GIB(1), PAGE_DATA },
					   { hole + PAGE_BYTES, GIB(4) + hole - GIB(1) + PAGE_BYTES,
					     GIB(2) - hole - PAGE_BYTES, PAGE_DATA } };

		fresh(true);
		CHECK(pagetable_map(&pt, GIB(1), GIB(4), GIB(1), PAGE_DATA) == OK);
		CHECK(pagetable_unmap(&pt, hole) == OK);
		CHECK(pagetable_unmap(&pt, hole) == ERR_INVAL);
		probe(list, 2, hole);
		for (uint64_t va = hole - 2 * MIB(2); va < hole + 2 * MIB(2); va += PAGE_BYTES)
			probe(list, 2, va);
		for (uint32_t i = 0; i < PROBES; i++)
			probe(list, 2, GIB(1) + random_below(GIB(1) / PAGE_BYTES) * PAGE_BYTES);
	}
}

static void nonsense_is_refused(void)
{
	static const struct mapping bad[] = {
		{ 1, 0, PAGE_BYTES, 0 },
		{ 0, 1, PAGE_BYTES, 0 },
		{ 0, 0, 1, 0 },
		{ 0, 0, 0, 0 },
		{ UINT64_C(0x0000800000000000), 0, PAGE_BYTES, 0 }, /* not canonical */
		{ UINT64_C(0xffff7ffffffff000), 0, PAGE_BYTES, 0 },
		{ UINT64_C(0x00007ffffffff000), 0, 2 * PAGE_BYTES, 0 }, /* runs out of its half */
		{ UINT64_C(0xfffffffffffff000), 0, 2 * PAGE_BYTES, 0 }, /* wraps */
		{ 0, BIT64(46), PAGE_BYTES, 0 },
		{ 0, BIT64(46) - PAGE_BYTES, 2 * PAGE_BYTES, 0 },
		{ 0, UINT64_MAX - PAGE_BYTES + 1, PAGE_BYTES, 0 },
	};

	fresh(true);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(pagetable_map(&pt, bad[i].va, bad[i].pa, bad[i].bytes, PAGE_DATA) ==
		      ERR_INVAL);
	CHECK(pagetable_map(&pt, UINT64_C(0xfffffffffffff000), 0, PAGE_BYTES, PAGE_DATA) == OK);
	CHECK(pagetable_map(&pt, UINT64_C(0x00007ffffffff000), 0, PAGE_BYTES, PAGE_DATA) == OK);
}

static void running_out_of_frames_is_an_error(void)
{
	fresh(false);
	frames.end = frames.next + 2 * PAGE_BYTES;
	CHECK(pagetable_map(&pt, 0, 0, PAGE_BYTES, PAGE_DATA) == ERR_NOMEM);
	CHECK(frame_take(&frames, 1, pt.window) == 0);
	fresh(false);
	CHECK(frame_take(&frames, UINT64_MAX, pt.window) == 0);
	CHECK(frame_take(&frames, FRAMES, pt.window) == 0);
	CHECK(frame_take(&frames, FRAMES - 1, pt.window) == FRAMES_HPA + PAGE_BYTES);
}

/* The image's sections, its RAM without them, devices: nothing is wrong. Then, what would be. */
static void map_like_the_hypervisor(void)
{
	fresh(true);
	CHECK(pagetable_map(&pt, UINT64_C(0xffffffff80000000), MIB(16), KIB(64), PAGE_CODE) == OK);
	CHECK(pagetable_map(&pt, UINT64_C(0xffffffff80010000), MIB(16) + KIB(64), KIB(32),
			    PAGE_READONLY) == OK);
	CHECK(pagetable_map(&pt, UINT64_C(0xffff800000000000), 0, MIB(16), PAGE_DATA) == OK);
	CHECK(pagetable_map(&pt, UINT64_C(0xffff800000000000) + MIB(16) + KIB(96),
			    MIB(16) + KIB(96), GIB(4) - MIB(16) - KIB(96), PAGE_DATA) == OK);
	CHECK(pagetable_map(&pt, UINT64_C(0xffffc000fee00000), 0xfee00000, PAGE_BYTES,
			    PAGE_DEVICE) == OK);
}

static void write_xor_execute_is_proved(void)
{
	struct page_leaf culprit;

	map_like_the_hypervisor();
	CHECK(!pagetable_breaks_wx(&pt, &culprit));
}

static void a_page_writable_and_executable_is_found(void)
{
	static const uint64_t places[] = { 0, GIB(1), UINT64_C(0xfffffffffffff000) };
	struct page_leaf culprit;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		map_like_the_hypervisor();
		CHECK(pagetable_map(&pt, places[i], GIB(8), PAGE_BYTES, PTE_W) == OK);
		CHECK(pagetable_breaks_wx(&pt, &culprit));
		CHECK(culprit.va == places[i]);
	}
}

static void a_writable_alias_of_code_is_found(void)
{
	static const uint64_t text[] = { MIB(16), MIB(16) + KIB(60) };
	struct page_leaf culprit;

	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		map_like_the_hypervisor();
		CHECK(pagetable_map(&pt, UINT64_C(0xffff800000000000) + text[i], text[i],
				    PAGE_BYTES, PAGE_READONLY) == OK);
		CHECK(!pagetable_breaks_wx(&pt, &culprit));
		CHECK(pagetable_map(&pt, GIB(64), text[i], PAGE_BYTES, PAGE_DATA) == OK);
		CHECK(pagetable_breaks_wx(&pt, &culprit));
		CHECK(culprit.va == GIB(64));
	}
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	frames_at = aligned_alloc(PAGE_BYTES, FRAMES * PAGE_BYTES);
	RUN(what_is_mapped_is_what_was_asked_for);
	RUN(large_pages_are_used_where_they_fit);
	RUN(taking_a_page_away_takes_nothing_else);
	RUN(nonsense_is_refused);
	RUN(running_out_of_frames_is_an_error);
	RUN(write_xor_execute_is_proved);
	RUN(a_page_writable_and_executable_is_found);
	RUN(a_writable_alias_of_code_is_found);
	free(frames_at);
	return test_failed;
}
