/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_elf.c - a guest's file is believed only as far as it has been checked. */
#include <stdlib.h>
#include <string.h>
#include "core/elf.h"
#include "tests/test.h"

/* Offsets of the System V ABI, written out so that they do not come from core/elf.c. */
#define FILE_BYTES   0x200u
#define EH_TYPE      16u
#define EH_MACHINE   18u
#define EH_ENTRY     24u
#define EH_PHOFF     32u
#define EH_PHENTSIZE 54u
#define EH_PHNUM     56u
#define PH           64u /* first program header */
#define PH_OFFSET    (PH + 8u)
#define PH_PADDR     (PH + 24u)
#define PH_FILESZ    (PH + 32u)
#define PH_MEMSZ     (PH + 40u)

static unsigned char file[FILE_BYTES];
static struct elf_image image;
static const char *reason;

static void put(uint32_t at, uint64_t value, uint32_t bytes)
{
	memcpy(file + at, &value, bytes); /* the host is little endian, as x86 is */
}

static void make_good_file(void)
{
	memset(file, 0, sizeof(file));
	memcpy(file, "\177ELF\2\1\1", 7);
	put(EH_TYPE, 2, 2);
	put(EH_MACHINE, 62, 2);
	put(EH_ENTRY, MIB(1) + 16, 8);
	put(EH_PHOFF, PH, 8);
	put(EH_PHENTSIZE, 56, 2);
	put(EH_PHNUM, 1, 2);
	put(PH, 1, 4);
	put(PH_OFFSET, 0x100, 8);
	put(PH_PADDR, MIB(1), 8);
	put(PH_FILESZ, 0x80, 8);
	put(PH_MEMSZ, 0x1000, 8);
}

/* In a buffer of exactly `bytes`, so that the sanitizer sees every byte too far. */
static enum err parse(size_t bytes)
{
	unsigned char *exact = malloc(bytes ? bytes : 1);
	enum err e;

	memcpy(exact, file, bytes);
	e = elf_parse(exact, bytes, (gpa_t){ MIB(1) }, MIB(16), &image, &reason);
	free(exact);
	return e;
}

static void a_good_file_is_understood(void)
{
	make_good_file();
	CHECK(parse(FILE_BYTES) == OK && reason == NULL);
	CHECK(image.entry.v == MIB(1) + 16 && image.segment_count == 1);
	CHECK(image.segments[0].file_offset == 0x100 && image.segments[0].file_bytes == 0x80);
	CHECK(image.segments[0].at.v == MIB(1) && image.segments[0].memory_bytes == 0x1000);
}

static void every_truncation_is_refused(void)
{
	make_good_file();
	for (size_t bytes = 0; bytes < 0x180; bytes++)
		CHECK(parse(bytes) == ERR_INVAL && reason);
	CHECK(parse(0x180) == OK);
}

static void each_wrong_field_is_refused(void)
{
	static const struct {
		uint32_t at, bytes;
		uint64_t value;
	} wrong[] = {
		{ 0, 1, 0 },
		{ 4, 1, 1 },
		{ 5, 1, 2 },
		{ EH_TYPE, 2, 3 },
		{ EH_MACHINE, 2, 3 },
		{ EH_PHENTSIZE, 2, 32 },
		{ EH_PHNUM, 2, 0 },
		{ EH_PHNUM, 2, 0xffff },
		{ EH_PHOFF, 8, UINT64_MAX },
		{ EH_PHOFF, 8, FILE_BYTES - 8 },
		{ EH_ENTRY, 8, 0 },
		{ EH_ENTRY, 8, MIB(1) + 0x1000 },
		{ PH_OFFSET, 8, UINT64_MAX },
		{ PH_OFFSET, 8, FILE_BYTES - 0x7f },
		{ PH_FILESZ, 8, UINT64_MAX },
		{ PH_FILESZ, 8, 0x1001 },
		{ PH_MEMSZ, 8, 0x7f },
		{ PH_MEMSZ, 8, UINT64_MAX },
		{ PH_MEMSZ, 8, MIB(15) + 1 },
		{ PH_PADDR, 8, MIB(1) - 1 },
		{ PH_PADDR, 8, 0 },
		{ PH_PADDR, 8, MIB(16) },
		{ PH_PADDR, 8, UINT64_MAX - 4 },
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		make_good_file();
		put(wrong[i].at, wrong[i].value, wrong[i].bytes);
		if (parse(FILE_BYTES) != ERR_INVAL || !reason) {
			test_failed = 1;
			printf("wrong[%u] was taken\n", i);
		}
	}
}

static void a_segment_may_fill_memory_to_its_last_byte(void)
{
	make_good_file();
	put(PH_MEMSZ, MIB(15), 8);
	CHECK(parse(FILE_BYTES) == OK);
}

static void random_damage_never_leads_outside(void)
{
	uint64_t random = 7;

	for (int i = 0; i < 200000; i++) {
		make_good_file();
		for (int k = 0; k < 3; k++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			file[(random >> 33) % 0x80] = (unsigned char)(random >> 50);
		}
		if (parse(FILE_BYTES) != OK)
			continue;
		for (uint32_t s = 0; s < image.segment_count; s++) {
			const struct elf_segment *g = &image.segments[s];

			CHECK(g->file_offset <= FILE_BYTES &&
			      g->file_bytes <= FILE_BYTES - g->file_offset);
			CHECK(g->at.v >= MIB(1) && g->at.v <= MIB(16) &&
			      g->memory_bytes <= MIB(16) - g->at.v);
			CHECK(g->file_bytes <= g->memory_bytes);
		}
	}
}

int main(void)
{
	RUN(a_good_file_is_understood);
	RUN(every_truncation_is_refused);
	RUN(each_wrong_field_is_refused);
	RUN(a_segment_may_fill_memory_to_its_last_byte);
	RUN(random_damage_never_leads_outside);
	return test_failed;
}
