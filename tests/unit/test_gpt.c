/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GUID Partition Tables: one that sfdisk has made, ones that this file makes, and every single bit
 * of them wrong.
 */
#include <stdlib.h>
#include <string.h>
#include "drivers/gpt/gpt.h"
#include "tests/test.h"

#define SECTORS 8192u
#define COUNT   128u /* entries */

static uint8_t image[SECTORS * 512];
static uint32_t reads;

/* --- a table by sfdisk ----------------------------------------------------------------------------------- */

/*
 * The first 92 bytes of block 1 of an image of 4 MiB, 2 x 128 bytes of block 2, and what is different
 * in the last block, as util-linux 2.38.1 has written them for:
 *	label: gpt
 *	label-id: 12345678-9ABC-DEF0-1122-334455667788
 *	start=2048, size=2048, name="alpha", uuid=00112233-4455-6677-8899-AABBCCDDEEFF
 *	start=4096, size=1024, name="guest data", uuid=0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0
 */
static const uint8_t sfdisk_header[92] = {
	0x45, 0x46, 0x49, 0x20, 0x50, 0x41, 0x52, 0x54, 0x00, 0x00, 0x01, 0x00, 0x5c, 0x00,
	0x00, 0x00, 0x9e, 0x00, 0xe7, 0x14, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0xff, 0x1f, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x22, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xde, 0x1f, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x78, 0x56, 0x34, 0x12, 0xbc, 0x9a, 0xf0, 0xde, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66,
	0x77, 0x88, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x00, 0x00, 0x00,
	0x80, 0x00, 0x00, 0x00, 0xa1, 0xdc, 0x99, 0xca,
};
static const uint8_t sfdisk_backup_crc[4] = { 0xce, 0x34, 0x8b, 0x6b };
static const uint8_t sfdisk_entry_0[66] = {
	0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47,
	0x7d, 0xe4, 0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb,
	0xcc, 0xdd, 0xee, 0xff, 0x00, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0x0f,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x61, 0x00, 0x6c, 0x00, 0x70, 0x00, 0x68, 0x00, 0x61, 0x00,
};
static const uint8_t sfdisk_entry_1[76] = {
	0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8,
	0x47, 0x7d, 0xe4, 0x3c, 0x2d, 0x1e, 0x0f, 0x5a, 0x4b, 0x78, 0x69, 0x87, 0x96,
	0xa5, 0xb4, 0xc3, 0xd2, 0xe1, 0xf0, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0xff, 0x13, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x67, 0x00, 0x75, 0x00, 0x65, 0x00, 0x73, 0x00, 0x74,
	0x00, 0x20, 0x00, 0x64, 0x00, 0x61, 0x00, 0x74, 0x00, 0x61, 0x00,
};

static void put(uint8_t *at, uint32_t bytes, uint64_t value)
{
	memcpy(at, &value, bytes);
}

static void put_sfdisk(void)
{
	uint8_t *const last = image + (SECTORS - 1) * 512;

	memset(image, 0, sizeof(image));
	memcpy(image + 512, sfdisk_header, sizeof(sfdisk_header));
	memcpy(image + 1024, sfdisk_entry_0, sizeof(sfdisk_entry_0));
	memcpy(image + 1024 + 128, sfdisk_entry_1, sizeof(sfdisk_entry_1));
	memcpy(last, sfdisk_header, sizeof(sfdisk_header));
	memcpy(last + 16, sfdisk_backup_crc, 4);
	put(last + 24, 8, SECTORS - 1);
	put(last + 32, 8, 1);
	put(last + 72, 8, SECTORS - 33);
	memcpy(last - 32 * 512, image + 1024, 32 * 512);
}

/* --- tables by this file ------------------------------------------------------------------------------------ */

static struct {
	uint32_t block, entry_bytes, count;
	struct {
		const char *name;
		uint64_t first, last;
	} parts[COUNT];
} plan;

/* Bit by bit, as it is written down. */
static uint32_t crc_of(const uint8_t *data, uint64_t bytes)
{
	uint32_t crc = UINT32_MAX;

	for (uint64_t i = 0; i < bytes * 8; i++) {
		const uint32_t bit = (data[i / 8] >> i % 8 & 1) ^ (crc & 1);

		crc = crc >> 1 ^ (bit ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void seal(uint8_t *header)
{
	put(header + 16, 4, 0);
	put(header + 16, 4, crc_of(header, 92));
}

static uint8_t *block_at(uint64_t block)
{
	return image + block * plan.block;
}

static uint32_t table_blocks(void)
{
	return (plan.entry_bytes * plan.count + plan.block - 1) / plan.block;
}

static void put_header(uint64_t at, uint64_t other, uint64_t entries)
{
	const uint64_t blocks = sizeof(image) / plan.block;
	uint8_t *const h = block_at(at);

	memcpy(h, "EFI PART", 8);
	put(h + 8, 4, 0x10000);
	put(h + 12, 4, 92);
	put(h + 24, 8, at);
	put(h + 32, 8, other);
	put(h + 40, 8, 2 + table_blocks());
	put(h + 48, 8, blocks - 2 - table_blocks());
	put(h + 72, 8, entries);
	put(h + 80, 4, plan.count);
	put(h + 84, 4, plan.entry_bytes);
	put(h + 88, 4, crc_of(block_at(entries), plan.entry_bytes * plan.count));
	seal(h);
}

static void put_entries(uint64_t at)
{
	for (uint32_t i = 0; i < plan.count; i++) {
		uint8_t *const e = block_at(at) + i * plan.entry_bytes;
		const char *name = plan.parts[i].name;

		if (!name)
			continue;
		memset(e, 0x5c, 32);
		put(e + 32, 8, plan.parts[i].first);
		put(e + 40, 8, plan.parts[i].last);
		for (uint32_t k = 0; name[k]; k++)
			put(e + 56 + 2 * k, 2, (uint8_t)name[k]);
	}
}

static void put_plan(void)
{
	const uint64_t blocks = sizeof(image) / plan.block;
	const uint64_t entries = blocks - 1 - table_blocks();

	memset(image, 0, sizeof(image));
	put_entries(2);
	put_entries(entries);
	put_header(1, blocks - 1, 2);
	put_header(blocks - 1, 1, entries);
}

static void make_plan(uint32_t block)
{
	memset(&plan, 0, sizeof(plan));
	plan.block = block;
	plan.entry_bytes = 128;
	plan.count = COUNT;
	plan.parts[0].name = "boot";
	plan.parts[0].first = 100;
	plan.parts[0].last = 100;
	plan.parts[7].name = "rt0 disk";
	plan.parts[7].first = 101;
	plan.parts[7].last = 399;
	put_plan();
}

/* --- looking -------------------------------------------------------------------------------------------------- */

static struct gpt g;

/* In a buffer of its very own length, which ASan guards. */
static enum err look(const char *name)
{
	enum err e = gpt_begin(&g, name, SECTORS, plan.block);

	for (reads = 0; e == ERR_BUSY || (reads == 0 && e == OK); reads++) {
		const struct gpt_read r = gpt_next(&g);
		const bool is_there = r.first_sector * 512 + r.bytes <= sizeof(image);
		uint8_t *const data = malloc(r.bytes);

		CHECK(is_there && r.bytes <= GPT_READ_MAX && reads < 5);
		if (is_there)
			memcpy(data, image + r.first_sector * 512, r.bytes);
		e = gpt_take(&g, is_there ? data : NULL);
		free(data);
	}
	return e;
}

static bool finds(const char *name, uint64_t first_sector, uint64_t sector_count)
{
	return look(name) == OK && g.first_sector == first_sector && g.sector_count == sector_count;
}

static void a_table_of_sfdisk_is_read(void)
{
	plan.block = 512;
	put_sfdisk();
	CHECK(finds("alpha", 2048, 2048) && reads == 2 && !g.is_backup);
	CHECK(finds("guest data", 4096, 1024));
	CHECK(look("guest") == ERR_NODEV && look("alphabet") == ERR_NODEV);
	image[512] = 0;
	CHECK(finds("alpha", 2048, 2048) && reads == 3 && g.is_backup);
	image[(SECTORS - 1) * 512 + 90] ^= 1;
	CHECK(look("alpha") == ERR_INVAL && g.why);
}

static void blocks_and_entries_have_any_size(void)
{
	for (uint32_t block = 512; block <= 4096; block *= 2) {
		make_plan(block);
		CHECK(crc_of((const uint8_t *)"123456789", 9) == 0xcbf43926);
		CHECK(finds("rt0 disk", 101 * (block / 512), 299 * (block / 512)));
		CHECK(finds("boot", 100 * (block / 512), block / 512) && !g.is_backup);
		plan.entry_bytes = 512;
		plan.count = 9;
		put_plan();
		CHECK(finds("rt0 disk", 101 * (block / 512), 299 * (block / 512)));
		plan.entry_bytes = 1024;
		plan.count = 17;
		put_plan();
		CHECK(look("boot") == ERR_INVAL);
	}
}

/* 36 characters have no 0 behind them. */
static void the_longest_name_is_found(void)
{
	const char *name = "a name of thirty-six letters or so..", *less = name + 1;

	make_plan(512);
	plan.parts[3].name = name;
	plan.parts[3].first = 1000;
	plan.parts[3].last = 1999;
	put_plan();
	CHECK(strlen(name) == GPT_NAME_CHARS && finds(name, 1000, 1000));
	CHECK(look(less) == ERR_NODEV);
	CHECK(gpt_begin(&g, "a name of thirty-seven letters or so.", SECTORS, 512) == ERR_INVAL);
	/* UTF-16 beyond ASCII is not what it looks like in its low half. */
	make_plan(512);
	put(block_at(2) + 56 + 1, 1, 1);
	put_header(1, SECTORS - 1, 2);
	CHECK(look("boot") == ERR_NODEV);
}

/* Whatever bit is wrong in one copy, the other one answers. */
static void every_wrong_bit_is_noticed(void)
{
	static const struct {
		uint64_t at, bytes;
		bool is_first;
	} parts[] = { { 512, 92, true },
		      { 1024, 20, true },
		      { 1024 + 7 * 128, 128, true },
		      { (SECTORS - 1) * 512, 92, false } };

	make_plan(512);
	for (uint32_t p = 0; p < ARRAY_SIZE(parts); p++) {
		for (uint64_t bit = 0; bit < parts[p].bytes * 8; bit += p == 0 ? 1 : 7) {
			uint8_t *const at = image + parts[p].at + bit / 8;

			*at ^= (uint8_t)(1u << bit % 8);
			CHECK(finds("rt0 disk", 101, 299) && g.is_backup == parts[p].is_first);
			if (p == 0) {
				image[(SECTORS - 1) * 512 + 41] ^= 1;
				CHECK(look("rt0 disk") == ERR_INVAL);
				image[(SECTORS - 1) * 512 + 41] ^= 1;
			}
			*at ^= (uint8_t)(1u << bit % 8);
		}
	}
	CHECK(finds("rt0 disk", 101, 299) && !g.is_backup);
}

/* Properly sealed, and wrong all the same: in both copies. */
static bool is_refused(uint32_t offset, uint32_t bytes, uint64_t value)
{
	make_plan(512);
	if (offset == 72 && value > 2 && value < 100) /* they are there, too */
		memmove(block_at(value), block_at(2), 32 * 512);
	for (uint32_t i = 0; i < 2; i++) {
		uint8_t *const h = block_at(i ? SECTORS - 1 : 1);

		put(h + offset, bytes, value);
		seal(h);
	}
	return look("boot") == ERR_INVAL && g.why;
}

static void impossible_numbers_are_refused(void)
{
	CHECK(is_refused(8, 4, 0x20000));
	CHECK(is_refused(12, 4, 91) && is_refused(12, 4, 513) && is_refused(12, 4, UINT32_MAX));
	CHECK(is_refused(24, 8, 2));
	CHECK(is_refused(40, 8, SECTORS) && is_refused(48, 8, SECTORS));
	CHECK(is_refused(48, 8, UINT64_MAX) && is_refused(48, 8, 33));
	CHECK(is_refused(72, 8, 0) && is_refused(72, 8, 1) && is_refused(72, 8, SECTORS));
	CHECK(is_refused(72, 8, SECTORS - 31) && is_refused(72, 8, UINT64_MAX));
	CHECK(is_refused(72, 8, 40)); /* among the partitions */
	CHECK(is_refused(72, 8, 3));  /* its last block is usable */
	CHECK(is_refused(80, 4, 0) && is_refused(80, 4, 129) && is_refused(80, 4, UINT32_MAX));
	CHECK(is_refused(84, 4, 64) && is_refused(84, 4, 192) && is_refused(84, 4, 0x80000000));
	make_plan(512);
	CHECK(finds("boot", 100, 1));
}

static bool is_plan_refused(void)
{
	put_plan();
	return look("boot") == ERR_INVAL && g.why;
}

static void impossible_partitions_are_refused(void)
{
	static const struct {
		uint64_t first, last;
		bool is_good;
	} cases[] = { { 400, 500, true }, /* right behind another */
		      { 34, 99, true },   /* right before */
		      { 400, 399, false },
		      { 33, 50, false },
		      { 8000, SECTORS - 34, true },
		      { 8000, SECTORS - 33, false },
		      { 399, 400, false },
		      { 50, 100, false },
		      { 50, 500, false },
		      { 150, 160, false },
		      { UINT64_MAX, UINT64_MAX, false },
		      { 400, UINT64_MAX, false } };

	for (uint32_t at = 1; at < COUNT; at += 61) {
		for (uint32_t i = 0; i < ARRAY_SIZE(cases); i++) {
			make_plan(512);
			plan.parts[at].name = "other";
			plan.parts[at].first = cases[i].first;
			plan.parts[at].last = cases[i].last;
			CHECK(is_plan_refused() != cases[i].is_good);
		}
	}
	make_plan(512);
	plan.parts[127].name = "boot";
	plan.parts[127].first = plan.parts[127].last = 5000;
	CHECK(is_plan_refused());
}

/* Anything at all, with checksums that are right: no answer lies outside of the disk. */
static void whatever_is_sealed_is_survived(void)
{
	static const uint8_t fields[] = { 8, 12, 24, 40, 48, 72, 80, 84 };
	uint32_t found = 0;

	srand(1);
	for (uint32_t i = 0; i < 600; i++) {
		uint8_t *const h = block_at(1);

		make_plan(512);
		for (uint32_t n = (uint32_t)rand() % 3; n > 0; n--) {
			uint8_t *const at = h + fields[(uint32_t)rand() % ARRAY_SIZE(fields)];

			at[(uint32_t)rand() % 4] ^= (uint8_t)(1u << rand() % 8);
		}
		for (uint32_t n = (uint32_t)rand() % 3; n > 0; n--)
			block_at(2)[32 + rand() % 16 + 7 * 128 * (rand() % 2)] ^= (uint8_t)rand();
		put(h + 88, 4, crc_of(block_at(2), COUNT * 128));
		seal(h);
		memset(block_at(SECTORS - 1), 0, 512);
		if (look("rt0 disk") != OK)
			continue;
		found++;
		CHECK(g.sector_count > 0 && g.first_sector >= 34);
		CHECK(g.first_sector + g.sector_count <= SECTORS - 33);
	}
	CHECK(found > 60 && found < 540);
}

static void what_cannot_be_read_is_not_there(void)
{
	const uint8_t *const all = image;

	make_plan(512);
	CHECK(gpt_begin(&g, "boot", SECTORS, 512) == OK && gpt_take(&g, NULL) == ERR_BUSY);
	CHECK(gpt_next(&g).first_sector == SECTORS - 1);
	CHECK(gpt_take(&g, all + (SECTORS - 1) * 512) == ERR_BUSY);
	CHECK(gpt_take(&g, NULL) == ERR_INVAL);
	CHECK(gpt_begin(&g, "boot", SECTORS, 512) == OK && gpt_take(&g, all + 512) == ERR_BUSY &&
	      gpt_take(&g, NULL) == ERR_BUSY && gpt_take(&g, NULL) == ERR_INVAL);
	CHECK(gpt_begin(&g, "", SECTORS, 512) == ERR_INVAL);
	CHECK(gpt_begin(&g, NULL, SECTORS, 512) == ERR_INVAL);
	CHECK(gpt_begin(&g, "boot", 5, 512) == ERR_INVAL);
	CHECK(gpt_begin(&g, "boot", SECTORS, 256) == ERR_INVAL);
	CHECK(gpt_begin(&g, "boot", SECTORS, 8192) == ERR_INVAL);
	CHECK(gpt_begin(&g, "boot", SECTORS, 1536) == ERR_INVAL);
}

int main(void)
{
	RUN(a_table_of_sfdisk_is_read);
	RUN(blocks_and_entries_have_any_size);
	RUN(the_longest_name_is_found);
	RUN(every_wrong_bit_is_noticed);
	RUN(impossible_numbers_are_refused);
	RUN(impossible_partitions_are_refused);
	RUN(whatever_is_sealed_is_survived);
	RUN(what_cannot_be_read_is_not_there);
	return test_failed;
}
