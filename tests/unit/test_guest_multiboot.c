/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_guest_multiboot.c - Multiboot kernels are loaded where they say, if they may
 * lie there, and find what the specification promises. */
#include <stdlib.h>
#include <string.h>
#include "arch/guest.h"
#include "tests/test.h"

#define FILE_BYTES   0x4000u
#define HEADER       0x100u /* where make_*() put the Multiboot header */
#define HEADER_MAGIC 0x1badb002u
#define BOOT_MAGIC   0x2badb002u
#define CODE         0x1000u /* in the file: what segments load */

/* System V ABI, for both classes. */
#define E_CLASS   4u
#define E_DATA    5u
#define E_TYPE    16u
#define E_MACHINE 18u
#define E_ENTRY   24u
#define PHDRS     0x200u

static uint8_t file[FILE_BYTES];
static uint8_t module_bytes[2 * PAGE_BYTES];
static struct guest_image image;
static struct guest_ram ram;
static struct guest_load load;
static const char *reason;
static bool is_64;

static void put(uint32_t at, uint64_t value, uint32_t bytes)
{
	memcpy(file + at, &value, bytes);
}

static uint32_t get32(uint64_t gpa)
{
	uint32_t v = 0;

	memcpy(&v, ram.at + gpa, sizeof(v));
	return v;
}

static uint64_t get64(uint64_t gpa)
{
	return get32(gpa) | (uint64_t)get32(gpa + 4) << 32;
}

static void put_header(uint32_t at, uint32_t flags)
{
	put(at, HEADER_MAGIC, 4);
	put(at + 4, flags, 4);
	put(at + 8, 0u - HEADER_MAGIC - flags, 4);
}

/* Program header `i`: `type` first, the others by class. */
static void put_segment(uint32_t i, uint64_t offset, uint64_t vaddr, uint64_t paddr,
			uint64_t file_bytes, uint64_t memory_bytes)
{
	const uint32_t at = PHDRS + i * (is_64 ? 56 : 32);
	const uint32_t word = is_64 ? 8 : 4;
	const uint32_t first = is_64 ? 8 : 4;

	put(at, 1, 4);
	put(at + first, offset, word);
	put(at + first + word, vaddr, word);
	put(at + first + 2 * word, paddr, word);
	put(at + first + 3 * word, file_bytes, word);
	put(at + first + 4 * word, memory_bytes, word);
	if (i >= file[is_64 ? 56 : 44])
		put(is_64 ? 56 : 44, i + 1, 2);
}

static void reset(void)
{
	for (uint32_t i = 0; i < sizeof(file); i++)
		file[i] = (uint8_t)(i * 13 + 1);
	memset(file, 0, CODE);
	image = (struct guest_image){ .kernel = { "kernel.bin", file, FILE_BYTES, NULL },
				      .args = "first second",
				      .vcpu_count = 1 };
	free(ram.at);
	ram = (struct guest_ram){ calloc(1, MIB(8)), MIB(8), true };
	put_header(HEADER, 3);
}

static void make_elf(bool has_64)
{
	is_64 = has_64;
	reset();
	put(0, 0x464c457f, 4);
	put(E_CLASS, is_64 ? 2 : 1, 1);
	put(E_DATA, 1, 1);
	put(E_TYPE, 2, 2);
	put(E_MACHINE, is_64 ? 62 : 3, 2);
	put(E_ENTRY, MIB(1) + 0x40, is_64 ? 8 : 4);
	put(is_64 ? 32 : 28, PHDRS, is_64 ? 8 : 4);
	put(is_64 ? 54 : 42, is_64 ? 56 : 32, 2);
	put_segment(0, CODE, MIB(1), MIB(1), 0x1000, 0x3000);
}

#define HEADER_ADDR (HEADER + 12u)
#define LOAD_ADDR   (HEADER + 16u)
#define LOAD_END    (HEADER + 20u)
#define BSS_END     (HEADER + 24u)
#define ENTRY_ADDR  (HEADER + 28u)

/* The file from byte 80H on goes to 2 MiB, and needs twice its size. */
static void make_kludge(void)
{
	reset();
	put_header(HEADER, 0x10003);
	put(HEADER_ADDR, MIB(2) + HEADER - 0x80, 4);
	put(LOAD_ADDR, MIB(2), 4);
	put(LOAD_END, MIB(2) + FILE_BYTES - 0x80, 4);
	put(BSS_END, MIB(2) + 2 * FILE_BYTES, 4);
	put(ENTRY_ADDR, MIB(2) + 0x1000, 4);
}

static void add_module(const char *name, const char *args, uint64_t bytes)
{
	image.modules[image.module_count++] =
		(struct guest_file){ name, module_bytes, bytes, args };
}

static enum err check_bytes(uint64_t bytes)
{
	uint8_t *exact = malloc(bytes ? bytes : 1);
	enum err e;

	memcpy(exact, file, bytes);
	image.kernel.bytes = exact;
	image.kernel.size = bytes;
	e = arch_guest_check_multiboot(&image, &ram, &load, &reason);
	CHECK((e == OK) == (reason == NULL));
	if (e == OK) {
		for (uint32_t i = 0; i < load.copy_count; i++)
			memcpy(guest_ram_at(&ram, load.copies[i].to, load.copies[i].bytes),
			       load.copies[i].from, load.copies[i].bytes);
		arch_guest_finish_multiboot(&image, &load, &ram);
	}
	free(exact);
	image.kernel.bytes = file;
	return e;
}

static enum err check(void)
{
	return check_bytes(FILE_BYTES);
}

static bool is_refused(enum err with, const char *name, const char *words)
{
	const enum err e = check();

	if (e != with || !strstr(reason, name) || !strstr(reason, words)) {
		printf("error %d, reason: %s\n", e, reason ? reason : "none");
		return false;
	}
	return true;
}

static void both_classes_of_elf_are_loaded(void)
{
	for (uint32_t has_64 = 0; has_64 < 2; has_64++) {
		make_elf(has_64);
		CHECK(check() == OK);
		CHECK(load.copy_count == 1 && load.copies[0].to == MIB(1));
		CHECK(memcmp(ram.at + MIB(1), file + CODE, 0x1000) == 0);
		CHECK(load.entry.mode == VCPU_FLAT32);
		CHECK(load.entry.rip == MIB(1) + 0x40);
		CHECK(load.entry.rax == BOOT_MAGIC);
		CHECK(load.entry.rbx == load.info_at);
	}
}

static void segments_go_to_their_physical_addresses(void)
{
	make_elf(false);
	put(E_ENTRY, 0xc0101010, 4);
	put_segment(0, CODE, 0xc0100000, MIB(1), 0x1000, 0x1000);
	put_segment(1, CODE + 0x1000, 0xc0101000, MIB(3), 0x800, 0x5000);
	put_segment(2, 0, 0xc0200000, 0x7c00, 0, 0x1000); /* zeros below 1 MiB */
	CHECK(check() == OK);
	CHECK(load.copy_count == 2);
	CHECK(memcmp(ram.at + MIB(3), file + CODE + 0x1000, 0x800) == 0);
	CHECK(load.entry.rip == MIB(3) + 0x10);
	put(E_ENTRY, MIB(3) + 0x20, 4); /* some kernels name it as it is before paging */
	CHECK(check() == OK);
	CHECK(load.entry.rip == MIB(3) + 0x20);
}

static void other_program_headers_are_passed_over(void)
{
	make_elf(false);
	put_segment(1, 0, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX);
	put(PHDRS + 32, 4, 4);                           /* PT_NOTE */
	put_segment(2, FILE_BYTES, 0, UINT32_MAX, 0, 0); /* nothing to load */
	CHECK(check() == OK);
	CHECK(load.copy_count == 1);
}

static void address_fields_win_over_the_format(void)
{
	make_kludge();
	CHECK(check() == OK);
	CHECK(load.copy_count == 1 && load.copies[0].to == MIB(2));
	CHECK(load.copies[0].bytes == FILE_BYTES - 0x80);
	CHECK(memcmp(ram.at + MIB(2), file + 0x80, FILE_BYTES - 0x80) == 0);
	CHECK(load.entry.rip == MIB(2) + 0x1000);
	put(LOAD_END, 0, 4); /* all of the file, */
	put(BSS_END, 0, 4);  /* and nothing behind it */
	CHECK(check() == OK);
	CHECK(load.copies[0].bytes == FILE_BYTES - 0x80);
	put(0, 0x464c457f, 4); /* an ELF file, broken otherwise */
	CHECK(check() == OK);
}

static void address_fields_out_of_order_are_refused(void)
{
	make_kludge();
	put(HEADER_ADDR, MIB(2) - 4, 4);
	CHECK(is_refused(ERR_INVAL, "kernel.bin", "cannot lie there"));
	put(HEADER_ADDR, MIB(2) + HEADER + 4, 4); /* would begin before the file */
	CHECK(is_refused(ERR_INVAL, "kernel.bin", "cannot lie there"));
	make_kludge();
	put(LOAD_END, MIB(2) - 1, 4);
	CHECK(is_refused(ERR_INVAL, "kernel.bin", "out of order"));
	make_kludge();
	put(BSS_END, MIB(2) + 1, 4);
	CHECK(is_refused(ERR_INVAL, "kernel.bin", "out of order"));
	make_kludge();
	put(LOAD_END, MIB(2) + FILE_BYTES - 0x7f, 4);
	CHECK(is_refused(ERR_INVAL, "kernel.bin", "truncated"));
	make_kludge();
	put(ENTRY_ADDR, MIB(2) + 2 * FILE_BYTES, 4);
	CHECK(is_refused(ERR_INVAL, "kernel.bin", "entry"));
	put(ENTRY_ADDR, MIB(2) - 1, 4);
	CHECK(is_refused(ERR_INVAL, "kernel.bin", "entry"));
	make_kludge();
	put(BSS_END, MIB(8) + 1, 4);
	CHECK(is_refused(ERR_RANGE, "kernel.bin", "RAM"));
}

/* Anywhere in the first 8192 bytes, on 4 bytes, wholly within. */
static void the_header_is_searched_as_specified(void)
{
	for (uint32_t at = PHDRS + 64; at < 8300; at += 2) {
		make_elf(false);
		put(HEADER, 0, 4);
		put_header(at, 3);
		CHECK((check() == OK) == (at % 4 == 0 && at + 12 <= 8192));
	}
	make_elf(false);
	put(HEADER + 8, 1, 4);
	CHECK(is_refused(ERR_INVAL, "kernel.bin", "no Multiboot header"));
	put_header(HEADER + 12, 3); /* behind a wrong one */
	CHECK(check() == OK);
}

static void demands_that_cannot_be_met_are_refused(void)
{
	for (uint32_t bit = 0; bit < 32; bit++) {
		make_elf(false);
		put_header(HEADER, BIT32(bit));
		if (bit == 2)
			CHECK(is_refused(ERR_INVAL, "kernel.bin", "video"));
		else if (bit > 2 && bit < 16)
			CHECK(is_refused(ERR_INVAL, "kernel.bin", "demands"));
		else if (bit != 16)
			CHECK(check() == OK);
	}
}

static void each_broken_rule_is_named(void)
{
	static const struct {
		uint32_t at, bytes;
		uint64_t value;
		enum err e;
		const char *words;
	} breaks[] = {
		{ 0, 4, 0x464c457e, ERR_INVAL, "not an ELF" },
		{ E_CLASS, 1, 3, ERR_INVAL, "x86" },
		{ E_DATA, 1, 2, ERR_INVAL, "x86" },
		{ E_TYPE, 2, 1, ERR_INVAL, "executable" },
		{ E_MACHINE, 2, 40, ERR_INVAL, "x86" },
		{ 28, 4, FILE_BYTES - 31, ERR_INVAL, "program headers" },
		{ 28, 4, UINT32_MAX, ERR_INVAL, "program headers" },
		{ 42, 2, 31, ERR_INVAL, "program headers" },
		{ 44, 2, 0, ERR_INVAL, "program headers" },
		{ 44, 2, UINT16_MAX, ERR_INVAL, "program headers" },
		{ E_ENTRY, 4, MIB(1) + 0x3000, ERR_INVAL, "entry" },
		{ E_ENTRY, 4, MIB(1) - 1, ERR_INVAL, "entry" },
		{ PHDRS + 4, 4, FILE_BYTES - 0xfff, ERR_INVAL, "truncated" },
		{ PHDRS + 4, 4, UINT32_MAX, ERR_INVAL, "truncated" },
		{ PHDRS + 12, 4, MIB(8) - 0x2fff, ERR_RANGE, "RAM" },
		{ PHDRS + 12, 4, 0xe0000, ERR_RANGE, "RAM" },
		{ PHDRS + 12, 4, 0xa0000 - 0x2fff, ERR_RANGE, "RAM" },
		{ PHDRS + 12, 4, UINT32_MAX, ERR_RANGE, "RAM" },
		{ PHDRS + 20, 4, 0xfff, ERR_INVAL, "room" },
		{ PHDRS + 20, 4, UINT32_MAX, ERR_RANGE, "RAM" },
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(breaks); i++) {
		make_elf(false);
		put(breaks[i].at, breaks[i].value, breaks[i].bytes);
		CHECK(is_refused(breaks[i].e, "kernel.bin", breaks[i].words));
	}
}

static void elf64_beyond_4_gib_is_refused(void)
{
	make_elf(true);
	put_segment(0, CODE, GIB(5), GIB(5), 0x1000, 0x1000);
	CHECK(is_refused(ERR_RANGE, "kernel.bin", "RAM"));
	put_segment(0, CODE, UINT64_MAX - 8, UINT64_MAX - 8, 0x1000, 0x1000);
	CHECK(is_refused(ERR_RANGE, "kernel.bin", "RAM"));
	put_segment(0, UINT64_MAX - 8, MIB(1), MIB(1), 0x1000, 0x1000);
	CHECK(is_refused(ERR_INVAL, "kernel.bin", "truncated"));
	make_elf(true);
	put(E_MACHINE, 3, 2);
	CHECK(is_refused(ERR_INVAL, "kernel.bin", "x86"));
}

static void segments_may_touch_but_not_overlap(void)
{
	make_elf(false);
	put_segment(1, CODE, MIB(1) + 0x3000, MIB(1) + 0x3000, 0x1000, 0x1000);
	CHECK(check() == OK);
	put_segment(1, CODE, MIB(1) + 0x2fff, MIB(1) + 0x2fff, 0x1000, 0x1000);
	CHECK(is_refused(ERR_INVAL, "kernel.bin", "overlaps"));
}

static void too_many_segments_are_refused(void)
{
	make_elf(false);
	for (uint32_t i = 0; i < 17; i++) {
		if (i == 16)
			CHECK(check() == OK);
		put_segment(i, CODE, MIB(1) + i * 0x1000, MIB(1) + i * 0x1000, 0x1000, 0x1000);
	}
	CHECK(is_refused(ERR_RANGE, "kernel.bin", "16 loadable"));
}

static void every_truncation_is_refused(void)
{
	for (uint32_t has_64 = 0; has_64 < 2; has_64++) {
		make_elf(has_64);
		put_segment(0, FILE_BYTES - 0x1000, MIB(1), MIB(1), 0x1000, 0x3000);
		for (uint64_t bytes = 0; bytes < FILE_BYTES; bytes += 1 + bytes / 0x400)
			CHECK(check_bytes(bytes) == ERR_INVAL && strstr(reason, "kernel.bin"));
	}
	make_kludge();
	for (uint64_t bytes = 0; bytes < FILE_BYTES; bytes += 1 + bytes / 0x400)
		CHECK(check_bytes(bytes) == ERR_INVAL);
}

static void modules_follow_the_kernel_page_by_page(void)
{
	make_elf(false);
	memset(module_bytes, 0x5a, sizeof(module_bytes));
	add_module("a.bin", "one two", 1);
	add_module("b.bin", NULL, sizeof(module_bytes));
	add_module("c.bin", "", PAGE_BYTES + 1);
	CHECK(check() == OK);
	CHECK(load.modules_at[0] == MIB(1) + 0x3000);
	CHECK(load.modules_at[1] == MIB(1) + 0x4000);
	CHECK(load.modules_at[2] == MIB(1) + 0x6000);
	CHECK(get32(load.info_at + 20) == 3);
	for (uint32_t i = 0; i < 3; i++) {
		static const char *const strings[] = { "one two", "b.bin", "" };
		const uint64_t m = get32(load.info_at + 24) + 16 * i;

		CHECK(get32(m) == load.modules_at[i]);
		CHECK(get32(m + 4) == load.modules_at[i] + image.modules[i].size);
		CHECK(strcmp((char *)ram.at + get32(m + 8), strings[i]) == 0);
		CHECK(get32(m + 12) == 0);
		CHECK(memcmp(ram.at + get32(m), module_bytes, image.modules[i].size) == 0);
	}
}

static void modules_that_do_not_fit_are_refused_by_name(void)
{
	make_elf(false);
	add_module("a.bin", NULL, 0);
	CHECK(is_refused(ERR_INVAL, "a.bin", "empty"));
	image.modules[0].size = MIB(7);
	CHECK(is_refused(ERR_RANGE, "a.bin", "do not fit"));
	image.modules[0].size = UINT64_MAX;
	CHECK(is_refused(ERR_RANGE, "a.bin", "do not fit"));
	image.module_count = GUEST_MODULE_MAX + 1;
	CHECK(is_refused(ERR_RANGE, "kernel.bin", "modules"));
}

/* Behind a kernel at the end of RAM there is nothing: then below it. */
static void modules_go_below_a_kernel_at_the_top(void)
{
	make_elf(false);
	put_segment(0, CODE, MIB(8) - 0x3000, MIB(8) - 0x3000, 0x1000, 0x3000);
	put(E_ENTRY, MIB(8) - 0x3000, 4);
	add_module("a.bin", NULL, PAGE_BYTES);
	CHECK(check() == OK);
	CHECK(load.modules_at[0] == MIB(1));
	put_segment(1, CODE, MIB(1), MIB(1), 0x1001, 0x1001);
	CHECK(check() == OK);
	CHECK(load.modules_at[0] == MIB(1) + 0x2000);
}

static void the_information_is_complete(void)
{
	uint64_t at;

	make_elf(false);
	ram.has_pc = true;
	CHECK(check() == OK);
	at = load.info_at;
	CHECK(get32(at) == (BIT32(0) | BIT32(2) | BIT32(3) | BIT32(6) | BIT32(9)));
	CHECK(get32(at + 4) == 640);
	CHECK(get32(at + 8) == 7 * 1024);
	CHECK(strcmp((char *)ram.at + get32(at + 16), "first second") == 0);
	CHECK(get32(at + 20) == 0);
	CHECK(strcmp((char *)ram.at + get32(at + 64), "Bulkhead") == 0);
	image.args = NULL;
	CHECK(check() == OK);
	CHECK(ram.at[get32(at + 16)] == 0);
}

static void the_memory_map_is_walked_by_its_sizes(void)
{
	static const struct {
		uint64_t base, end;
		uint32_t type;
	} want[] = {
		{ 0, 0xa0000, 1 },
		{ 0xe0000, 0x100000, 2 },
		{ 0x100000, MIB(8), 1 },
		{ 0xe0000000, 0xe0100000, 2 },
	};
	uint64_t at, end;
	uint32_t n = 0;

	make_elf(false);
	CHECK(check() == OK);
	at = get32(load.info_at + 48);
	end = at + get32(load.info_at + 44);
	for (; at < end && n < ARRAY_SIZE(want); at += get32(at) + 4, n++) {
		CHECK(get64(at + 4) == want[n].base);
		CHECK(get64(at + 12) == want[n].end - want[n].base);
		CHECK(get32(at + 20) == want[n].type);
	}
	CHECK(at == end && n == ARRAY_SIZE(want));
}

/* A kernel may fill all of low memory but for a hole: the information goes into the hole. */
static void the_information_lies_where_the_kernel_does_not(void)
{
	for (uint64_t hole = 0x10000; hole < 0x9e000; hole += 0x1000) {
		make_elf(false);
		put_segment(1, CODE, 0x1000, 0x1000, 0x1000, hole - 0x1000);
		put_segment(2, CODE, hole + 0x2000, hole + 0x2000, 0x1000, 0xa0000 - 0x2000 - hole);
		CHECK(check() == OK);
		CHECK(load.info_at == hole);
		CHECK(load.entry.rsp == hole + 0x2000);
	}
	make_elf(false);
	put_segment(1, CODE, 0x1000, 0x1000, 0x1000, 0x9f000);
	CHECK(check() == OK);
	CHECK(load.info_at == MIB(1) + 0x3000);
	put_segment(0, CODE, MIB(1), MIB(1), 0x1000, MIB(7) - 0x1000);
	CHECK(is_refused(ERR_RANGE, "kernel.bin", "information"));
}

static void long_strings_are_refused_or_kept(void)
{
	char text[2049];

	make_elf(false);
	memset(text, 'x', sizeof(text));
	text[2047] = 0;
	image.args = text;
	for (uint32_t i = 0; i < GUEST_MODULE_MAX; i++)
		add_module("a.bin", text, 1);
	CHECK(check() == OK);
	for (uint32_t i = 0; i < GUEST_MODULE_MAX; i++)
		CHECK(strcmp((char *)ram.at + get32(get32(load.info_at + 24) + 16 * i + 8), text) ==
		      0);
	CHECK(strcmp((char *)ram.at + get32(load.info_at + 16), text) == 0);
	CHECK(get32(load.info_at + 16) < load.entry.rsp - PAGE_BYTES);
	text[2047] = 'x';
	text[2048] = 0;
	CHECK(is_refused(ERR_INVAL, "kernel.bin", "2047"));
	image.args = NULL;
	CHECK(is_refused(ERR_INVAL, "a.bin", "2047"));
}

/* Base memory and COM1, as a BIOS leaves them, unless the kernel lies there. */
static void the_bios_data_area_is_there_if_there_is_room(void)
{
	make_elf(false);
	CHECK(check() == OK);
	CHECK((get32(0x413) & 0xffff) == 640);
	CHECK((get32(0x400) & 0xffff) == 0x3f8 && (get32(0x40e) & 0xffff) == 0);
	make_elf(false);
	put_segment(1, CODE, 0x4ff, 0x4ff, 1, 0x100);
	CHECK(check() == OK);
	CHECK(get32(0x413) == 0 && get32(0x400) == 0);
	make_elf(false);
	ram.has_pc = false;
	CHECK(check() == OK);
	CHECK(get32(0x413) == 0);
}

static void the_gdt_is_flat(void)
{
	make_elf(false);
	CHECK(check() == OK);
	CHECK(load.entry.gdt_limit == 31);
	CHECK(get64(load.entry.gdt) == 0);
	CHECK(get64(load.entry.gdt + 8) == 0x00cf9b000000ffff);
	CHECK(get64(load.entry.gdt + 16) == 0x00cf93000000ffff);
	CHECK(get64(load.entry.gdt + 24) == 0x00cf93000000ffff);
}

int main(void)
{
	RUN(both_classes_of_elf_are_loaded);
	RUN(segments_go_to_their_physical_addresses);
	RUN(other_program_headers_are_passed_over);
	RUN(address_fields_win_over_the_format);
	RUN(address_fields_out_of_order_are_refused);
	RUN(the_header_is_searched_as_specified);
	RUN(demands_that_cannot_be_met_are_refused);
	RUN(each_broken_rule_is_named);
	RUN(elf64_beyond_4_gib_is_refused);
	RUN(segments_may_touch_but_not_overlap);
	RUN(too_many_segments_are_refused);
	RUN(every_truncation_is_refused);
	RUN(modules_follow_the_kernel_page_by_page);
	RUN(modules_that_do_not_fit_are_refused_by_name);
	RUN(modules_go_below_a_kernel_at_the_top);
	RUN(the_information_is_complete);
	RUN(the_memory_map_is_walked_by_its_sizes);
	RUN(the_information_lies_where_the_kernel_does_not);
	RUN(long_strings_are_refused_or_kept);
	RUN(the_bios_data_area_is_there_if_there_is_room);
	RUN(the_gdt_is_flat);
	free(ram.at);
	return test_failed;
}
