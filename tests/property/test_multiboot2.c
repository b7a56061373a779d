/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tags are written here as the Multiboot2 Specification, "Boot information format", lays
 * them out; whatever the parser is handed, the address sanitizer watches what it reads.
 */
#include <stdlib.h>
#include <string.h>
#include "arch/x86/boot/multiboot2.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define INFO_HPA    UINT64_C(0x9500)
#define IMAGE_BASE  MIB(16)
#define IMAGE_BYTES MIB(1)
#define ROUNDS      20000u

static uint8_t info[4096];
static uint32_t used;

static void put(const void *data, uint32_t bytes)
{
	memcpy(info + used, data, bytes);
	used += bytes;
}

static void put32(uint32_t v)
{
	put(&v, sizeof(v));
}

static void put64(uint64_t v)
{
	put(&v, sizeof(v));
}

static void begin(void)
{
	memset(info, 0, sizeof(info));
	used = 8;
}

/* Sets the size of the tag that began at `at`, and pads to the next one. */
static void end_tag(uint32_t at)
{
	const uint32_t bytes = used - at;

	memcpy(info + at + 4, &bytes, sizeof(bytes));
	used = (used + 7) & ~7u;
}

static uint32_t tag(uint32_t type)
{
	const uint32_t at = used;

	put32(type);
	put32(0);
	return at;
}

static void put_string_tag(uint32_t type, const char *text)
{
	const uint32_t at = tag(type);

	put(text, (uint32_t)strlen(text) + 1);
	end_tag(at);
}

static void put_module(uint32_t start, uint32_t end, const char *text)
{
	const uint32_t at = tag(3);

	put32(start);
	put32(end);
	put(text, (uint32_t)strlen(text) + 1);
	end_tag(at);
}

static void put_mmap(void)
{
	static const struct {
		uint64_t base, bytes;
		uint32_t type;
	} ranges[] = {
		{ 0, 0x9fc00, 1 },       { 0x9fc00, 0x400, 2 },   { 0xf0000, 0x10000, 2 },
		{ MIB(1), MIB(126), 1 }, { MIB(127), MIB(1), 3 }, { 0xfffc0000, 0x40000, 2 },
		{ GIB(4), GIB(1), 1 },
	};
	const uint32_t at = tag(6);

	put32(24); /* entry size */
	put32(0);  /* entry version */
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		put64(ranges[i].base);
		put64(ranges[i].bytes);
		put32(ranges[i].type);
		put32(0);
	}
	end_tag(at);
}

static void put_framebuffer(uint8_t bits, uint8_t kind)
{
	const uint32_t at = tag(8);
	const uint8_t rest[] = { bits, kind, 0, 0 };

	put64(0xfd000000);
	put32(4096);
	put32(1024);
	put32(768);
	put(rest, sizeof(rest));
	end_tag(at);
}

static void put_rsdp(uint32_t type, uint32_t bytes)
{
	const uint32_t at = tag(type);
	const char text[36] = "RSD PTR ";

	put(text, bytes);
	end_tag(at);
}

static void finish(void)
{
	const uint32_t at = tag(0);

	end_tag(at);
	memcpy(info, &used, sizeof(used));
}

static void put_everything(void)
{
	begin();
	put_string_tag(2, "GRUB 2.06");
	put_string_tag(1, "bulkhead one=two");
	put_module(0x200000, 0x2a0000, "rt0.elf and more words");
	put_module(0x300000, 0x300001, "rt1.elf");
	put_mmap();
	put_framebuffer(32, 1);
	put_rsdp(14, 20);
	put_rsdp(15, 36);
	finish();
}

/* The parser sees a copy that ends where it may read at most: one byte more is an error. */
static enum err parse(uint64_t limit, struct boot_info *out)
{
	uint8_t *copy = malloc(limit > 0 ? limit : 1);
	struct multiboot2_source source = { .info = copy,
					    .limit = limit,
					    .info_hpa = INFO_HPA,
					    .image_base = IMAGE_BASE,
					    .image_bytes = IMAGE_BYTES };
	enum err e;

	memcpy(copy, info, limit);
	e = multiboot2_parse(&source, out);
	free(copy);
	return e;
}

static uint32_t type_at(const struct boot_info *out, uint64_t at)
{
	for (uint32_t i = 0; i < out->mem_count; i++) {
		if (at >= out->mem[i].base && at - out->mem[i].base < out->mem[i].bytes)
			return out->mem[i].type;
	}
	return 0;
}

static void a_loaders_information_is_understood(void)
{
	static struct boot_info out;

	put_everything();
	CHECK(parse(used, &out) == OK);
	CHECK(out.magic == BOOT_INFO_MAGIC);
	CHECK(out.image_base == IMAGE_BASE && out.image_bytes == IMAGE_BYTES);
	CHECK(strcmp(out.loader, "GRUB 2.06") == 0);
	CHECK(strcmp(out.cmdline, "bulkhead one=two") == 0);
	CHECK(out.file_count == 2);
	CHECK(strcmp(out.files[0].name, "rt0.elf") == 0);
	CHECK(out.files[0].base == 0x200000 && out.files[0].bytes == 0xa0000);
	CHECK(strcmp(out.files[1].name, "rt1.elf") == 0 && out.files[1].bytes == 1);
	CHECK(out.framebuffer.base == 0xfd000000 && out.framebuffer.pitch == 4096);
	CHECK(out.framebuffer.width == 1024 && out.framebuffer.height == 768);
}

static void the_map_is_the_loaders_with_ours_on_top(void)
{
	static struct boot_info out;

	put_everything();
	CHECK(parse(used, &out) == OK);
	CHECK(type_at(&out, 0) == BOOT_MEM_RESERVED); /* page 0 is never used */
	CHECK(type_at(&out, 0x1000) == BOOT_MEM_USABLE);
	CHECK(type_at(&out, 0x9f000) == BOOT_MEM_RESERVED); /* a page that is half reserved */
	CHECK(type_at(&out, 0xa0000) == 0);
	CHECK(type_at(&out, 0x200000) == BOOT_MEM_FILE);
	CHECK(type_at(&out, 0x300000) == BOOT_MEM_FILE);
	CHECK(type_at(&out, 0x301000) == BOOT_MEM_USABLE);
	CHECK(type_at(&out, IMAGE_BASE) == BOOT_MEM_IMAGE);
	CHECK(type_at(&out, IMAGE_BASE + IMAGE_BYTES) == BOOT_MEM_USABLE);
	CHECK(type_at(&out, MIB(127)) == BOOT_MEM_ACPI);
	CHECK(type_at(&out, GIB(4)) == BOOT_MEM_USABLE);
	CHECK(type_at(&out, GIB(5)) == 0);
}

static void the_newer_rsdp_wins_in_any_order_and_its_page_is_kept(void)
{
	static struct boot_info out;

	for (uint32_t first = 14; first <= 15; first++) {
		uint32_t new_at;

		begin();
		put_mmap();
		new_at = used;
		put_rsdp(first, first == 15 ? 36 : 20);
		if (first == 14)
			new_at = used;
		put_rsdp(29 - first, first == 15 ? 20 : 36);
		finish();
		CHECK(parse(used, &out) == OK);
		CHECK(out.rsdp == INFO_HPA + new_at + 8);
		CHECK(type_at(&out, out.rsdp) == BOOT_MEM_ACPI);
	}
}

static void a_frame_buffer_of_another_kind_is_none(void)
{
	static const uint8_t kinds[][2] = { { 24, 1 }, { 32, 0 }, { 16, 2 }, { 8, 0 } };
	static struct boot_info out;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		begin();
		put_mmap();
		put_framebuffer(kinds[i][0], kinds[i][1]);
		finish();
		CHECK(parse(used, &out) == OK);
		CHECK(out.framebuffer.width == 0);
	}
}

static void no_usable_memory_is_an_error(void)
{
	static struct boot_info out;

	begin();
	finish();
	CHECK(parse(used, &out) == ERR_INVAL);
	CHECK(parse(0, &out) == ERR_INVAL);
	CHECK(parse(7, &out) == ERR_INVAL);
}

/* Half an entry is none, even though bytes follow it. */
static void the_maps_last_entry_must_be_whole(void)
{
	static struct boot_info out;

	for (uint32_t missing = 0; missing <= 24; missing++) {
		uint32_t bytes;

		begin();
		put_mmap();
		memcpy(&bytes, info + 12, sizeof(bytes));
		bytes -= missing;
		memcpy(info + 12, &bytes, sizeof(bytes));
		CHECK(bytes == 16 + 7 * 24 - missing);
		memcpy(info, &used, sizeof(used));
		CHECK(parse(used, &out) == OK);
		CHECK(type_at(&out, GIB(4)) == (missing == 0 ? BOOT_MEM_USABLE : 0u));
	}
}

static void names_and_lines_too_long_are_cut_and_terminated(void)
{
	static struct boot_info out;
	char text[1000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = 0;
	begin();
	put_mmap();
	put_string_tag(1, text);
	put_string_tag(2, text);
	put_module(0x200000, 0x201000, text);
	finish();
	CHECK(parse(used, &out) == OK);
	CHECK(strlen(out.cmdline) == sizeof(out.cmdline) - 1);
	CHECK(strlen(out.loader) == sizeof(out.loader) - 1);
	CHECK(strlen(out.files[0].name) == BOOT_NAME_BYTES - 1);
}

static void more_modules_than_capacity_are_left_out(void)
{
	static struct boot_info out;

	begin();
	put_mmap();
	for (uint32_t i = 0; i < BOOT_FILE_MAX + 5; i++)
		put_module(0x200000, 0x201000, "f");
	finish();
	CHECK(parse(used, &out) == OK);
	CHECK(out.file_count == BOOT_FILE_MAX);
}

/* Cut anywhere, by the loader's own size field or by what may be read. */
static void information_cut_anywhere_is_survived(void)
{
	static struct boot_info out;

	put_everything();
	for (uint32_t n = 0; n <= used; n++) {
		const enum err e = parse(n, &out);

		CHECK(e == OK || e == ERR_INVAL);
	}
	for (uint32_t n = 0; n <= used + 100; n++) {
		memcpy(info, &n, sizeof(n));
		(void)!parse(used, &out);
	}
}

static bool is_well_formed(const struct boot_info *out)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < out->mem_count; i++) {
		if (out->mem[i].base < end || out->mem[i].bytes == 0)
			return false;
		end = out->mem[i].base + out->mem[i].bytes;
	}
	for (uint32_t i = 0; i < out->file_count; i++) {
		if (memchr(out->files[i].name, 0, BOOT_NAME_BYTES) == NULL)
			return false;
	}
	return out->file_count <= BOOT_FILE_MAX && out->mem_count <= BOOT_MEM_MAX &&
	       memchr(out->cmdline, 0, sizeof(out->cmdline)) != NULL &&
	       memchr(out->loader, 0, sizeof(out->loader)) != NULL;
}

/* Random words of a good one replaced by random or by extreme values. */
static void hostile_tags_do_no_harm(void)
{
	static const uint32_t extremes[] = { 0,  1,          7,          8,          9,         16,
					     24, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff };
	static struct boot_info out;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		const uint64_t changes = random_between(1, 6);

		put_everything();
		for (uint64_t i = 0; i < changes; i++) {
			const uint64_t at = random_below(used / 4) * 4;
			uint32_t v = (uint32_t)random_u64();

			if (random_below(2) == 0)
				v = extremes[random_below(ARRAY_SIZE(extremes))];
			memcpy(info + at, &v, sizeof(v));
		}
		if (parse(used, &out) == OK)
			CHECK(is_well_formed(&out));
	}
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(a_loaders_information_is_understood);
	RUN(the_map_is_the_loaders_with_ours_on_top);
	RUN(the_newer_rsdp_wins_in_any_order_and_its_page_is_kept);
	RUN(a_frame_buffer_of_another_kind_is_none);
	RUN(no_usable_memory_is_an_error);
	RUN(the_maps_last_entry_must_be_whole);
	RUN(names_and_lines_too_long_are_cut_and_terminated);
	RUN(more_modules_than_capacity_are_left_out);
	RUN(information_cut_anywhere_is_survived);
	RUN(hostile_tags_do_no_harm);
	return test_failed;
}
