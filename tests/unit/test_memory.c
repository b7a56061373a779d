/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_memory.c - no page is offered twice, or that was not usable. */
#include <string.h>
#include "core/memory.h"
#include "tests/test.h"

static struct boot_info boot;
static struct board board;

static void add(uint64_t base, uint64_t bytes, enum boot_mem_type type)
{
	boot.mem[boot.mem_count++] = (struct boot_mem){ base, bytes, type, 0 };
}

static void make_pc(void)
{
	boot = (struct boot_info){ .image_base = MIB(16), .image_bytes = MIB(1) };
	add(0, KIB(640), BOOT_MEM_USABLE);
	add(KIB(640), KIB(384), BOOT_MEM_RESERVED);
	add(MIB(1), MIB(15), BOOT_MEM_USABLE);
	add(MIB(16), MIB(1), BOOT_MEM_IMAGE);
	add(MIB(17), MIB(3), BOOT_MEM_USABLE);
	add(MIB(20), MIB(2), BOOT_MEM_FILE);
	add(MIB(22), MIB(100), BOOT_MEM_USABLE);
	add(GIB(3), GIB(1), BOOT_MEM_RESERVED);
	add(GIB(4), GIB(1), BOOT_MEM_USABLE);
}

static bool is_offered(uint64_t page)
{
	for (uint32_t i = 0; i < board.memory_count; i++)
		if (page >= board.memory[i].base &&
		    page < board.memory[i].base + board.memory[i].bytes)
			return true;
	return false;
}

static bool is_usable(uint64_t page)
{
	for (uint32_t i = 0; i < boot.mem_count; i++)
		if (page >= boot.mem[i].base && page < boot.mem[i].base + boot.mem[i].bytes)
			return boot.mem[i].type == BOOT_MEM_USABLE;
	return false;
}

/* Oracle: the map, page by page. */
static void every_page_is_ours_or_offered_or_neither(void)
{
	for (uint64_t pool_bytes = MIB(1); pool_bytes <= MIB(64); pool_bytes *= 2) {
		hpa_t pool;

		make_pc();
		CHECK(memory_choose_pool(&boot, pool_bytes, &pool) == OK);
		memory_offer(&boot, pool, pool_bytes, &board);
		for (uint64_t page = 0; page < MIB(130); page += PAGE_BYTES) {
			bool in_pool = page >= pool.v && page < pool.v + pool_bytes;

			CHECK(!in_pool || is_usable(page));
			CHECK(is_offered(page) == (is_usable(page) && page >= MIB(1) && !in_pool));
		}
		CHECK(is_offered(GIB(4)) && is_offered(GIB(5) - PAGE_BYTES));
		CHECK(!is_offered(GIB(5)));
	}
}

static void a_pool_that_fits_nowhere_below_4_gib_is_refused(void)
{
	hpa_t pool;

	make_pc();
	CHECK(memory_choose_pool(&boot, MIB(100), &pool) == OK);
	CHECK(memory_choose_pool(&boot, MIB(100) + PAGE_BYTES, &pool) == ERR_NOMEM);
}

/*
 * Oracle: the tables that 2 MiB leaves need for RAM of this size (arch/guest.h), counted entry by
 * entry; and of each virtual CPU the five frames that everybody has, and its XSAVE area.
 */
static uint64_t count_tables(uint64_t ram_bytes)
{
	static uint8_t has_directory[1024];
	uint64_t count = 1 + 2, gib; /* the root; tables for the hole and the APIC page */

	memset(has_directory, 0, sizeof(has_directory));
	has_directory[3] = 1; /* FEE00000H */
	for (uint64_t at = 0; at < ram_bytes; at += MIB(2)) {
		gib = (at < GIB(3) ? at : at + GIB(1)) / GIB(1);
		has_directory[gib] = 1;
	}
	for (gib = 0; gib < 1024; gib++) {
		count += has_directory[gib];
		if (has_directory[gib] && gib % 512 == 0)
			count++; /* its PDPT */
	}
	return count;
}

static void the_pool_holds_what_each_partition_is_made_of(void)
{
	static const uint64_t sizes[] = { MIB(2),          MIB(512), GIB(1),
					  GIB(1) + MIB(2), GIB(3),   GIB(3) + MIB(2),
					  GIB(4),          GIB(511), GIB(511) + MIB(2),
					  GIB(512) };
	static struct cpu_claim claims[CONFIG_VCPU_MAX];
	struct config none = { 0 };
	const uint64_t base = memory_pool_bytes(&none);

	for (uint32_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		for (uint32_t n = 0; n <= CONFIG_VCPU_MAX; n++) {
			const struct partition_config parts[2] = {
				{ .memory_bytes = sizes[s], .cpus = claims, .cpu_count = n },
				{ .memory_bytes = sizes[s],
				  .cpus = claims,
				  .cpu_count = n,
				  .boot = BOOT_LINUX }
			};
			const struct config one = { .partitions = parts, .partition_count = 1 };
			const struct config two = { .partitions = parts, .partition_count = 2 };
			const uint64_t vcpus = n == 0 ? 1 : n;
			const uint64_t bytes = memory_pool_bytes(&one) - base;

			CHECK(bytes >= count_tables(sizes[s]) * PAGE_BYTES +
					       vcpus * (5 * PAGE_BYTES + KIB(11)));
			/* A PC is besides, and costs the same for any number of CPUs. */
			CHECK(memory_pool_bytes(&two) - base == 2 * bytes + KIB(32));
		}
	}
}

int main(void)
{
	RUN(every_page_is_ours_or_offered_or_neither);
	RUN(the_pool_holds_what_each_partition_is_made_of);
	RUN(a_pool_that_fits_nowhere_below_4_gib_is_refused);
	return test_failed;
}
