/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_guest_linux.c - a bzImage is believed as far as it was checked, and enters as
 * the boot protocol says. */
#include <stdlib.h>
#include <string.h>
#include "arch/guest.h"
#include "tests/test.h"

/* "The Real-Mode Kernel Header" and "Zero Page", written out again. */
#define SETUP_SECTS   0x1f1u
#define SYSSIZE       0x1f4u
#define BOOT_FLAG     0x1feu
#define JUMP          0x200u
#define MAGIC         0x202u
#define VERSION       0x206u
#define LOADER        0x210u
#define LOADFLAGS     0x211u
#define CODE32_START  0x214u
#define RAMDISK       0x218u
#define RAMDISK_SIZE  0x21cu
#define CMD_LINE_PTR  0x228u
#define INITRD_MAX    0x22cu
#define ALIGNMENT     0x230u
#define RELOCATABLE   0x234u
#define XLOADFLAGS    0x236u
#define CMDLINE_SIZE  0x238u
#define SUBARCH       0x23cu
#define PAYLOAD       0x248u
#define PAYLOAD_BYTES 0x24cu
#define SETUP_DATA    0x250u
#define PREFERRED     0x258u
#define INIT_SIZE     0x260u

#define SETUP_BYTES   (5u * 512u)
#define KERNEL_BYTES  0x3000u
#define FILE_BYTES    (SETUP_BYTES + KERNEL_BYTES)

static uint8_t file[FILE_BYTES + 512];
static uint8_t ramdisk[3 * PAGE_BYTES + 5];
static uint8_t low_ram[MIB(1)]; /* all that is written besides the copies lies here */
static struct guest_image image;
static struct guest_ram ram;
static struct guest_load load;
static const char *reason;

static void put(uint32_t at, uint64_t value, uint32_t bytes)
{
	memcpy(file + at, &value, bytes);
}

static uint64_t get(const uint8_t *at, uint32_t bytes)
{
	uint64_t v = 0;

	memcpy(&v, at, bytes);
	return v;
}

static void make_good_file(void)
{
	for (uint32_t i = 0; i < sizeof(file); i++)
		file[i] = (uint8_t)(i * 31 + 7);
	memset(file, 0, 0x300);
	put(SETUP_SECTS, 4, 1);
	put(SYSSIZE, KERNEL_BYTES / 16, 4);
	put(BOOT_FLAG, 0xaa55, 2);
	put(JUMP, 0x6aeb, 2); /* to 26CH */
	put(MAGIC, 0x53726448, 4);
	put(VERSION, 0x20f, 2);
	put(LOADFLAGS, 0x81, 1);
	put(INITRD_MAX, 0x7fffffff, 4);
	put(ALIGNMENT, MIB(2), 4);
	put(RELOCATABLE, 1, 1);
	put(XLOADFLAGS, 0x3f, 2);
	put(CMDLINE_SIZE, 2047, 4);
	put(PAYLOAD, 0x300, 4);
	put(PAYLOAD_BYTES, KERNEL_BYTES - 0x300, 4);
	put(PREFERRED, MIB(16), 8);
	put(INIT_SIZE, MIB(40), 4);
}

static void make_good(void)
{
	make_good_file();
	image = (struct guest_image){ .kernel = { "bzImage", file, FILE_BYTES, NULL },
				      .args = "console=ttyS0",
				      .vcpu_count = 1 };
	ram = (struct guest_ram){ low_ram, MIB(256), true };
}

static void add_ramdisk(uint64_t bytes)
{
	image.modules[image.module_count++] =
		(struct guest_file){ "initrd.img", ramdisk, bytes, NULL };
}

/* From a buffer of exactly `bytes`, so that the sanitizer sees every byte too far. */
static enum err check_bytes(uint64_t bytes)
{
	uint8_t *exact = malloc(bytes ? bytes : 1);
	enum err e;

	memcpy(exact, file, bytes);
	image.kernel.bytes = exact;
	image.kernel.size = bytes;
	e = arch_guest_check_linux(&image, &ram, &load, &reason);
	CHECK((e == OK) == (reason == NULL));
	if (e == OK)
		arch_guest_finish_linux(&image, &load, &ram);
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

static void a_good_kernel_goes_where_it_prefers_to_be(void)
{
	make_good();
	CHECK(check() == OK);
	CHECK(load.copy_count == 1);
	CHECK(load.copies[0].to == MIB(16) && load.copies[0].bytes == KERNEL_BYTES);
	CHECK(load.entry.mode == VCPU_LONG64);
	CHECK(load.entry.rip == MIB(16) + 0x200);
	CHECK(load.entry.rsi == load.info_at);
	CHECK(load.entry.gdt_limit == 31);
}

static void a_kernel_that_does_not_fit_there_is_relocated(void)
{
	for (uint64_t mib = 2; mib < 80; mib++) {
		make_good();
		ram.bytes = MIB(mib);
		if (mib < 42) { /* from 2 MiB, the first aligned address, needing 40 */
			CHECK(is_refused(ERR_RANGE, "bzImage", "40960 KiB"));
			continue;
		}
		CHECK(check() == OK);
		CHECK(load.copies[0].to == (mib >= 56 ? MIB(16) : MIB(2)));
	}
}

static void alignment_is_kept(void)
{
	for (uint64_t align = 1; align <= MIB(64); align *= 2) {
		const uint64_t preferred = MIB(16) + 4096;

		make_good();
		put(PREFERRED, preferred, 8);
		put(ALIGNMENT, align, 4);
		CHECK(check() == OK);
		CHECK(load.copies[0].to % align == 0);
		CHECK((load.copies[0].to == preferred) == (align <= 4096));
	}
}

static void what_cannot_be_relocated_is_put_there_or_refused(void)
{
	make_good();
	put(RELOCATABLE, 0, 1);
	put(ALIGNMENT, 0, 4); /* means nothing then */
	CHECK(check() == OK);
	CHECK(load.copies[0].to == MIB(16));
	ram.bytes = MIB(55);
	CHECK(is_refused(ERR_RANGE, "bzImage", "0x1000000"));
	ram.bytes = MIB(256);
	put(INIT_SIZE, 0, 4);
	put(PREFERRED, 0x90000, 8); /* it would fit, but below 1 MiB is our own */
	CHECK(is_refused(ERR_RANGE, "bzImage", "0x90000"));
	put(PREFERRED, UINT64_MAX - 100, 8);
	CHECK(is_refused(ERR_RANGE, "bzImage", "RAM ends"));
}

static void each_broken_rule_is_named(void)
{
	static const struct {
		uint32_t at, bytes;
		uint64_t value;
		const char *words;
	} breaks[] = {
		{ BOOT_FLAG, 2, 0xaa54, "AA55h" },
		{ MAGIC, 4, 0x53726449, "HdrS" },
		{ VERSION, 2, 0x20b, "2.11" },
		{ LOADFLAGS, 1, 0x80, "zImage" },
		{ XLOADFLAGS, 2, 0xfffe, "64-bit entry" },
		{ JUMP + 1, 1, 0x61, "setup header" },
		{ JUMP + 1, 1, 0x8f, "setup header" },
		{ JUMP + 1, 1, 0xff, "setup header" },
		{ SETUP_SECTS, 1, 255, "truncated" },
		{ SETUP_SECTS, 1, 5, "truncated" },
		{ SYSSIZE, 4, KERNEL_BYTES / 16 + 1, "truncated" },
		{ SYSSIZE, 4, UINT32_MAX, "truncated" },
		{ SYSSIZE, 4, 0, "64-bit entry" },
		{ SYSSIZE, 4, 0x200 / 16, "64-bit entry" },
		{ PAYLOAD_BYTES, 4, KERNEL_BYTES - 0x2ff, "payload" },
		{ PAYLOAD, 4, UINT32_MAX, "payload" },
		{ ALIGNMENT, 4, 0, "power of two" },
		{ ALIGNMENT, 4, 3 * 4096, "power of two" },
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(breaks); i++) {
		make_good();
		put(breaks[i].at, breaks[i].value, breaks[i].bytes);
		CHECK(is_refused(ERR_INVAL, "bzImage", breaks[i].words));
	}
}

static void an_absurd_size_is_refused(void)
{
	make_good();
	put(INIT_SIZE, UINT32_MAX, 4);
	CHECK(is_refused(ERR_RANGE, "bzImage", "RAM ends"));
	put(INIT_SIZE, 0, 4); /* too small for the kernel itself */
	ram.bytes = MIB(16) + KERNEL_BYTES - 1;
	put(RELOCATABLE, 0, 1);
	CHECK(is_refused(ERR_RANGE, "bzImage", "RAM ends"));
	ram.bytes++;
	CHECK(check() == OK);
}

static void every_truncation_is_refused(void)
{
	make_good();
	for (uint64_t bytes = 0; bytes < FILE_BYTES; bytes++) {
		/* Less than a unit of syssize may be missing: that is rounded up. */
		CHECK((check_bytes(bytes) == OK) == (bytes > FILE_BYTES - 16));
		CHECK(!reason || strstr(reason, "bzImage"));
		put(PAYLOAD_BYTES, 0, 4);
	}
}

static void a_signature_behind_the_kernel_is_not_loaded(void)
{
	make_good();
	CHECK(check_bytes(FILE_BYTES + 512) == OK);
	CHECK(load.copies[0].bytes == KERNEL_BYTES);
}

static void setup_sects_zero_means_four(void)
{
	make_good();
	put(SETUP_SECTS, 0, 1);
	CHECK(check() == OK);
	image.kernel.bytes = file;
	CHECK(arch_guest_check_linux(&image, &ram, &load, &reason) == OK);
	CHECK(load.copies[0].from == file + SETUP_BYTES);
}

static void the_ram_disk_goes_high(void)
{
	make_good();
	add_ramdisk(sizeof(ramdisk));
	CHECK(check() == OK);
	CHECK(load.copy_count == 2);
	CHECK(load.modules_at[0] == MIB(256) - 4 * PAGE_BYTES);
	CHECK(load.copies[1].to == load.modules_at[0]);
	CHECK(load.copies[1].bytes == sizeof(ramdisk));

	ram.bytes = GIB(8);
	CHECK(check() == OK);
	CHECK(load.modules_at[0] == GIB(2) - 4 * PAGE_BYTES);

	put(INITRD_MAX, UINT32_MAX, 4);
	CHECK(check() == OK);
	CHECK(load.modules_at[0] == GUEST_LOW_MAX - 4 * PAGE_BYTES);
}

static void the_ram_disk_goes_around_the_kernel(void)
{
	make_good();
	add_ramdisk(sizeof(ramdisk));
	put(INITRD_MAX, MIB(56) - 1, 4); /* where the kernel's room ends */
	CHECK(check() == OK);
	CHECK(load.modules_at[0] == MIB(16) - 4 * PAGE_BYTES);
	put(INITRD_MAX, MIB(1) + sizeof(ramdisk) - 1, 4);
	CHECK(check() == OK);
	CHECK(load.modules_at[0] == MIB(1));
	put(INITRD_MAX, MIB(1) + sizeof(ramdisk) - 2, 4);
	CHECK(is_refused(ERR_RANGE, "initrd.img", "do not fit"));
	put(INITRD_MAX, 0, 4);
	CHECK(is_refused(ERR_RANGE, "initrd.img", "do not fit"));
}

static void absurd_ram_disks_are_refused(void)
{
	make_good();
	add_ramdisk(0);
	CHECK(is_refused(ERR_INVAL, "initrd.img", "empty"));
	image.modules[0].size = MIB(256) - MIB(40);
	CHECK(is_refused(ERR_RANGE, "initrd.img", "do not fit"));
	image.modules[0].size = UINT64_MAX;
	CHECK(is_refused(ERR_RANGE, "initrd.img", "do not fit"));
	image.modules[0].size = 1;
	add_ramdisk(1);
	CHECK(is_refused(ERR_INVAL, "initrd.img", "one module"));
}

static void the_command_line_is_as_long_as_the_kernel_takes(void)
{
	char args[2100];

	make_good();
	memset(args, 'x', sizeof(args));
	args[2047] = 0;
	image.args = args;
	CHECK(check() == OK);
	CHECK(strcmp((char *)low_ram + get(low_ram + load.info_at + CMD_LINE_PTR, 4), args) == 0);
	args[2047] = 'x';
	args[2048] = 0;
	put(CMDLINE_SIZE, UINT32_MAX, 4);
	CHECK(is_refused(ERR_INVAL, "bzImage", "2047"));
	args[256] = 0;
	put(CMDLINE_SIZE, 255, 4);
	CHECK(is_refused(ERR_INVAL, "bzImage", "255"));
	args[255] = 0;
	CHECK(check() == OK);
	image.args = NULL;
	CHECK(check() == OK);
	CHECK(low_ram[get(low_ram + load.info_at + CMD_LINE_PTR, 4)] == 0);
}

static void boot_params_hold_the_header_and_what_a_loader_adds(void)
{
	const uint8_t *params;

	make_good();
	add_ramdisk(sizeof(ramdisk));
	put(SETUP_DATA, 0x1234, 8); /* not for a file to say */
	put(SUBARCH, 3, 4);
	put(RAMDISK, 0x55, 4);
	memset(low_ram, 0xee, sizeof(low_ram));
	CHECK(check() == OK);
	params = low_ram + load.info_at;
	CHECK(get(params + LOADER, 1) == 0xff);
	CHECK(get(params + LOADFLAGS, 1) == 0x01);
	CHECK(get(params + CODE32_START, 4) == load.copies[0].to);
	CHECK(get(params + RAMDISK, 4) == load.modules_at[0]);
	CHECK(get(params + RAMDISK_SIZE, 4) == sizeof(ramdisk));
	CHECK(get(params + SETUP_DATA, 8) == 0);
	CHECK(get(params + SUBARCH, 4) == 0);
	CHECK(get(params + 0x70, 8) == 0xe0000); /* acpi_rsdp_addr */
	CHECK(get(params + 0x1ef, 1) == 0);      /* sentinel */
	CHECK(memcmp(params + ALIGNMENT, file + ALIGNMENT, SUBARCH - ALIGNMENT) == 0);
	CHECK(memcmp(params + PREFERRED, file + PREFERRED, 0x26c - PREFERRED) == 0);
	for (uint32_t at = 0; at < 0x40; at++) /* screen_info: there is none */
		CHECK(params[at] == 0);
	for (uint32_t at = 0x26c; at < 0x2d0; at++)
		CHECK(params[at] == 0);
}

static void no_pc_no_tables(void)
{
	make_good();
	ram.has_pc = false;
	CHECK(check() == OK);
	CHECK(get(low_ram + load.info_at + 0x70, 8) == 0);
	CHECK(low_ram[load.info_at + 0x1e8] == 2);
	ram.has_pc = true;
	put(VERSION, 0x20d, 2); /* that field came with 2.14 */
	CHECK(check() == OK);
	CHECK(get(low_ram + load.info_at + 0x70, 8) == 0);
}

/* Every 2 MiB of 6 GiB, and every page of the first 2 MiB. 0: not in the map. */
static uint32_t type_in_e820(uint64_t gpa)
{
	const uint8_t *params = low_ram + load.info_at;

	for (uint32_t i = 0; i < params[0x1e8]; i++) {
		const uint8_t *e = params + 0x2d0 + 20 * i;

		if (gpa >= get(e, 8) && gpa - get(e, 8) < get(e + 8, 8))
			return (uint32_t)get(e + 16, 4);
	}
	return 0;
}

static uint32_t type_expected(uint64_t gpa)
{
	if (gpa >= 0xe0000 && gpa < 0x100000)
		return 2; /* ACPI tables */
	if (gpa >= 0xe0000000 && gpa < 0xe0100000)
		return 2; /* ECAM */
	if (gpa >= 0xa0000 && gpa < 0xe0000)
		return 0;
	return guest_ram_at(&ram, gpa, 1) != NULL;
}

static void e820_says_what_is_ram(void)
{
	static const uint64_t sizes[] = { MIB(64), GIB(1),          GIB(3) - MIB(2),
					  GIB(3),  GIB(3) + MIB(2), GIB(5) };

	for (uint32_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		make_good();
		ram.bytes = sizes[s];
		CHECK(check() == OK);
		for (uint64_t gpa = 0; gpa < MIB(2); gpa += PAGE_BYTES)
			CHECK(type_in_e820(gpa) == type_expected(gpa));
		for (uint64_t gpa = MIB(2); gpa < GIB(7); gpa += MIB(1)) {
			CHECK(type_in_e820(gpa) == type_expected(gpa));
			CHECK(type_in_e820(gpa - 1) == type_expected(gpa - 1));
		}
	}
}

/* The walk that a CPU makes at entry. Returns the physical address, or 1. */
static uint64_t walk(uint64_t linear)
{
	uint64_t table = load.entry.page_table;

	for (uint32_t shift = 39; shift >= 21; shift -= 9) {
		const uint64_t entry = get(low_ram + table + (linear >> shift & 511) * 8, 8);

		if ((entry & 3) != 3 || (entry & ~UINT64_C(0x0000fffffffff083)) != 0)
			return 1;
		if (entry & 0x80)
			return shift == 21 ? (entry & ~UINT64_C(0x1fffff)) | (linear & 0x1fffff)
					   : 1;
		table = entry & ~UINT64_C(0xfff);
	}
	return 1;
}

static void the_first_4_gib_are_mapped_to_themselves(void)
{
	make_good();
	memset(low_ram, 0xee, sizeof(low_ram));
	CHECK(check() == OK);
	for (uint64_t at = 0; at < GIB(4); at += MIB(2))
		CHECK(walk(at) == at && walk(at + MIB(2) - 1) == at + MIB(2) - 1);
	for (uint32_t i = 1; i < 512; i++) {
		CHECK(get(low_ram + load.entry.page_table + i * 8, 8) == 0);
		CHECK(i < 4 || walk(GIB(i)) == 1);
		CHECK(i < 4 || get(low_ram + load.entry.page_table + 4096 + i * 8, 8) == 0);
	}
}

static void the_gdt_has_the_protocols_segments(void)
{
	make_good();
	CHECK(check() == OK);
	/* 10H: 64-bit code, 18H: data; both present, accessed, at privilege level 0. */
	CHECK(get(low_ram + load.entry.gdt + 0x10, 8) == 0x00af9b000000ffff);
	CHECK(get(low_ram + load.entry.gdt + 0x18, 8) == 0x00cf93000000ffff);
	CHECK(get(low_ram + load.entry.gdt, 8) == 0);
}

int main(void)
{
	RUN(a_good_kernel_goes_where_it_prefers_to_be);
	RUN(a_kernel_that_does_not_fit_there_is_relocated);
	RUN(alignment_is_kept);
	RUN(what_cannot_be_relocated_is_put_there_or_refused);
	RUN(each_broken_rule_is_named);
	RUN(an_absurd_size_is_refused);
	RUN(every_truncation_is_refused);
	RUN(a_signature_behind_the_kernel_is_not_loaded);
	RUN(setup_sects_zero_means_four);
	RUN(the_ram_disk_goes_high);
	RUN(the_ram_disk_goes_around_the_kernel);
	RUN(absurd_ram_disks_are_refused);
	RUN(the_command_line_is_as_long_as_the_kernel_takes);
	RUN(boot_params_hold_the_header_and_what_a_loader_adds);
	RUN(no_pc_no_tables);
	RUN(e820_says_what_is_ram);
	RUN(the_first_4_gib_are_mapped_to_themselves);
	RUN(the_gdt_has_the_protocols_segments);
	return test_failed;
}
