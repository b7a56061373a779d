/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Oracle: a map of 64 pages, each with its own type, painted page by page. Random paintings,
 * unaligned, overlapping, empty and wrapping ones among them, must leave the same.
 */
#include <string.h>
#include "arch/x86/boot_map.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define PAGES      64u
#define ROUNDS     20000u
#define PAINTS_MAX 40u
#define NOBODY     0u

static uint32_t slow[PAGES];

static uint32_t slow_rank(uint32_t type)
{
	const uint32_t order[] = { NOBODY,        BOOT_MEM_USABLE,   BOOT_MEM_FILE,
				   BOOT_MEM_ACPI, BOOT_MEM_RESERVED, BOOT_MEM_IMAGE };
	uint32_t i = 0;

	while (order[i] != type)
		i++;
	return i;
}

static void slow_paint(uint64_t base, uint64_t bytes, uint32_t type)
{
	if (bytes == 0 || base + bytes < base)
		return;
	for (uint64_t p = 0; p < PAGES; p++) {
		const uint64_t from = p * PAGE_BYTES, to = from + PAGE_BYTES;
		const bool touched = base < to && from < base + bytes;
		const bool covered = base <= from && to <= base + bytes;

		if ((type == BOOT_MEM_USABLE ? covered : touched) &&
		    slow_rank(type) > slow_rank(slow[p]))
			slow[p] = type;
	}
}

static uint32_t type_at(const struct boot_info *info, uint64_t at)
{
	for (uint32_t i = 0; i < info->mem_count; i++) {
		if (at >= info->mem[i].base && at - info->mem[i].base < info->mem[i].bytes)
			return info->mem[i].type;
	}
	return NOBODY;
}

static bool is_well_formed(const struct boot_info *info)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < info->mem_count; i++) {
		const struct boot_mem *m = &info->mem[i];

		if (m->bytes == 0 || m->base < end || (m->base | m->bytes) % PAGE_BYTES != 0)
			return false;
		if (i > 0 && m->base == end && m->type == info->mem[i - 1].type)
			return false;
		end = m->base + m->bytes;
	}
	return true;
}

static void random_paint(struct boot_info *info)
{
	uint64_t base = random_below(PAGES * PAGE_BYTES);
	uint64_t bytes = random_below(12 * PAGE_BYTES);
	const uint32_t type = (uint32_t)random_between(BOOT_MEM_USABLE, BOOT_MEM_FILE);

	if (random_below(2) == 0) {
		base = align_down(base, PAGE_BYTES);
		bytes = align_down(bytes, PAGE_BYTES);
	}
	if (random_below(20) == 0)
		bytes = UINT64_MAX - random_below(base + 1); /* wraps, for most bases */
	if (base + bytes >= base && bytes > PAGES * PAGE_BYTES)
		return;
	CHECK(boot_map_paint(info, base, bytes, type) == OK);
	slow_paint(base, bytes, type);
}

static void every_page_has_the_type_of_highest_rank(void)
{
	static struct boot_info info;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		const uint64_t paints = random_between(1, PAINTS_MAX);

		info.mem_count = 0;
		memset(slow, 0, sizeof(slow));
		for (uint64_t i = 0; i < paints; i++)
			random_paint(&info);
		CHECK(is_well_formed(&info));
		for (uint64_t p = 0; p < PAGES; p++)
			CHECK(type_at(&info, p * PAGE_BYTES) == slow[p]);
	}
}

static void a_full_map_refuses_and_keeps_what_it_had(void)
{
	static struct boot_info info, before;
	uint64_t base = 0;

	info.mem_count = 0;
	for (uint32_t i = 0; i < BOOT_MEM_MAX; i++, base += 2 * PAGE_BYTES)
		CHECK(boot_map_paint(&info, base, PAGE_BYTES, BOOT_MEM_USABLE) == OK);
	before = info;
	CHECK(boot_map_paint(&info, base, PAGE_BYTES, BOOT_MEM_USABLE) == ERR_NOMEM);
	CHECK(memcmp(&info, &before, sizeof(info)) == 0);
	/* What makes it no longer still goes. */
	CHECK(boot_map_paint(&info, PAGE_BYTES, PAGE_BYTES, BOOT_MEM_USABLE) == OK);
	CHECK(info.mem_count == BOOT_MEM_MAX - 1);
}

/* The log's place: the first choice, the second, any below 4 GiB, none. */
static void the_log_goes_where_memory_is(void)
{
	static const uint64_t places[] = BOOT_LOG_PLACES;
	static const struct {
		uint64_t base, bytes, expected;
	} cases[] = {
		{ MIB(1), MIB(127), MIB(16) - BOOT_LOG_BYTES },
		{ MIB(1), MIB(9), MIB(8) - BOOT_LOG_BYTES },
		{ MIB(32), MIB(1), MIB(33) - BOOT_LOG_BYTES },
		{ MIB(32), BOOT_LOG_BYTES, MIB(32) },
		{ MIB(32), BOOT_LOG_BYTES - PAGE_BYTES, 0 },
		{ 0, MIB(1) - PAGE_BYTES, 0 },
		{ GIB(4), MIB(64), 0 },
	};

	CHECK(places[0] + BOOT_LOG_BYTES == MIB(16));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		static struct boot_info info;

		memset(&info, 0, sizeof(info));
		CHECK(boot_map_paint(&info, cases[i].base, cases[i].bytes, BOOT_MEM_USABLE) == OK);
		boot_map_place_log(&info);
		CHECK(info.log_base == cases[i].expected);
		if (cases[i].expected != 0)
			CHECK(boot_map_has(&info, info.log_base, info.log_bytes, BOOT_MEM_IMAGE));
	}
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(every_page_has_the_type_of_highest_rank);
	RUN(a_full_map_refuses_and_keeps_what_it_had);
	RUN(the_log_goes_where_memory_is);
	return test_failed;
}
