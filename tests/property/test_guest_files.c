/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/property/test_guest_files.c - whatever a guest's file says, it stays in that guest.
 *
 * Good files with some fields set to interesting or random numbers, in buffers of exactly their
 * size, so that the sanitizer sees every byte read or written too far. What is accepted must
 * hold together: copies come from the files, go to RAM, and overlap neither each other nor what
 * finishing writes. What is refused has a reason that begins with a file's name.
 */
#include <stdlib.h>
#include <string.h>
#include "arch/guest.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define ROUND_COUNT 10000u /* of each kind */
#define FILE_BYTES  0x3000u

static uint8_t pristine[FILE_BYTES];
static uint8_t *file; /* on the heap, image.kernel.size bytes */
static uint8_t *module_bytes[2];
static struct guest_image image;
static struct guest_ram ram;
static struct guest_load load;
static const char *reason;
static uint32_t accepted_count;

static const uint64_t ram_sizes[] = { MIB(2), MIB(3) - 0x1000, MIB(4) };
static uint8_t *ram_at[ARRAY_SIZE(ram_sizes)];

static void put(uint32_t at, uint64_t value, uint32_t bytes)
{
	memcpy(pristine + at, &value, bytes);
}

static void make_linux(void)
{
	memset(pristine, 0x90, sizeof(pristine));
	memset(pristine, 0, 0x300);
	put(0x1f1, 4, 1);
	put(0x1f4, (FILE_BYTES - 5 * 512) / 16, 4);
	put(0x1fe, 0xaa55, 2);
	put(0x200, 0x6aeb, 2);
	put(0x202, 0x53726448, 4);
	put(0x206, 0x20f, 2);
	put(0x211, 1, 1);
	put(0x22c, 0x7fffffff, 4);
	put(0x230, 0x1000, 4);
	put(0x234, 1, 1);
	put(0x236, 1, 2);
	put(0x238, 2047, 4);
	put(0x258, MIB(2), 8);
	put(0x260, MIB(1), 4);
}

static void make_multiboot(bool is_64, bool has_addresses)
{
	const uint32_t flags = has_addresses ? 0x10003 : 3;
	const uint32_t word = is_64 ? 8 : 4;

	memset(pristine, 0x90, sizeof(pristine));
	memset(pristine, 0, 0x400);
	put(0, 0x464c457f, 4);
	put(4, is_64 ? 2 : 1, 1);
	put(5, 1, 1);
	put(16, 2, 2);
	put(18, is_64 ? 62 : 3, 2);
	put(24, MIB(1), word);
	put(is_64 ? 32 : 28, 0x100, word);
	put(is_64 ? 54 : 42, is_64 ? 56 : 32, 2);
	put(is_64 ? 56 : 44, 3, 2);
	for (uint32_t i = 0; i < 3; i++) {
		const uint32_t at = 0x100 + i * (is_64 ? 56 : 32);

		put(at, 1, 4);
		put(at + word, 0x400 + i * 0x800, word);
		put(at + 2 * word, MIB(1) + i * 0x1000, word);
		put(at + 3 * word, MIB(1) + i * 0x1000, word);
		put(at + 4 * word, 0x800, word);
		put(at + 5 * word, 0x1000, word);
	}
	put(0x300, 0x1badb002, 4);
	put(0x304, flags, 4);
	put(0x308, 0u - 0x1badb002u - flags, 4);
	put(0x30c, MIB(1) + 0x300, 4);
	put(0x310, MIB(1), 4);
	put(0x31c, MIB(1), 4);
}

/* Numbers on which comparisons turn. */
static uint64_t interesting(void)
{
	static const uint64_t edges[] = {
		0,         1,          FILE_BYTES, 0xa0000,    0xe0000,    MIB(1),
		MIB(2),    MIB(4),     GIB(3),     0x7fffffff, UINT32_MAX, UINT32_MAX + UINT64_C(1),
		INT64_MAX, UINT64_MAX, 0x8000,     UINT16_MAX, 0x200,      0x1000
	};

	if (random_below(3) == 0)
		return random_u64() >> random_below(64);
	return edges[random_below(ARRAY_SIZE(edges))] + random_below(5) - 2;
}

/* In [first, end), where the headers are. */
static void mutate(uint32_t first, uint32_t end)
{
	for (uint64_t n = random_below(5); n > 0; n--) {
		const uint64_t at = random_between(first, end - 8);
		const uint64_t bytes = UINT64_C(1) << random_below(4);
		const uint64_t value = interesting();

		memcpy(file + (at & ~(bytes - 1)), &value, bytes);
	}
}

static void make_image(void)
{
	const uint64_t size = random_below(ARRAY_SIZE(ram_sizes));

	image = (struct guest_image){ .kernel = { "kernel", NULL, FILE_BYTES, NULL },
				      .args = random_below(2) ? "some words" : NULL,
				      .vcpu_count = 1,
				      .module_count = (uint32_t)random_below(3) };
	file = malloc(FILE_BYTES);
	memcpy(file, pristine, FILE_BYTES);
	for (uint32_t i = 0; i < image.module_count; i++) {
		const uint64_t bytes = random_below(3 * PAGE_BYTES);

		module_bytes[i] = malloc(bytes ? bytes : 1);
		image.modules[i] = (struct guest_file){ "module", module_bytes[i], bytes,
							random_below(2) ? "text" : NULL };
	}
	ram = (struct guest_ram){ ram_at[size], ram_sizes[size], random_below(4) != 0 };
}

static void free_image(void)
{
	free(file);
	for (uint32_t i = 0; i < image.module_count; i++)
		free(module_bytes[i]);
}

static bool is_in(const struct guest_file *f, const struct guest_copy *c)
{
	return c->from >= f->bytes && c->from <= f->bytes + f->size &&
	       c->bytes <= (uint64_t)(f->bytes + f->size - c->from);
}

static void check_copies(void)
{
	CHECK(load.copy_count <= GUEST_COPY_MAX);
	for (uint32_t i = 0; i < load.copy_count; i++) {
		const struct guest_copy *c = &load.copies[i];
		bool has_source = is_in(&image.kernel, c);

		for (uint32_t m = 0; m < image.module_count; m++)
			has_source |= is_in(&image.modules[m], c);
		CHECK(has_source);
		CHECK(guest_ram_at(&ram, c->to, c->bytes) != NULL);
		CHECK(c->to + c->bytes <= 0xa0000 || c->to >= 0x100000);
		for (uint32_t j = 0; j < i; j++)
			CHECK(c->to >= load.copies[j].to + load.copies[j].bytes ||
			      load.copies[j].to >= c->to + c->bytes);
		memset(ram.at + c->to, 0xa5, c->bytes);
	}
	CHECK(load.entry.rip < ram.bytes);
}

/* What was copied is still there when the protocol's own has been written. */
static void check_finished(void)
{
	for (uint32_t i = 0; i < load.copy_count; i++) {
		for (uint64_t b = 0; b < load.copies[i].bytes; b++) {
			if (ram.at[load.copies[i].to + b] != 0xa5) {
				CHECK(!"a copy was overwritten");
				return;
			}
		}
	}
}

typedef enum err check_fn(const struct guest_image *, const struct guest_ram *, struct guest_load *,
			  const char **);
typedef void finish_fn(const struct guest_image *, const struct guest_load *,
		       const struct guest_ram *);

static void try_files(check_fn *check, finish_fn *finish, uint32_t first, uint32_t end)
{
	accepted_count = 0;
	for (uint32_t round = 0; round < ROUND_COUNT && !test_failed; round++) {
		make_image();
		mutate(first, end);
		if (random_below(4) == 0) {
			image.kernel.size = random_below(FILE_BYTES);
			file = realloc(file, image.kernel.size ? image.kernel.size : 1);
		}
		image.kernel.bytes = file;
		if (check(&image, &ram, &load, &reason) == OK) {
			accepted_count++;
			check_copies();
			finish(&image, &load, &ram);
			check_finished();
		} else {
			CHECK(strncmp(reason, "kernel: ", 8) == 0 ||
			      strncmp(reason, "module: ", 8) == 0);
		}
		free_image();
	}
	CHECK(accepted_count > ROUND_COUNT / 20); /* the walk is not all refusals */
	printf("%u accepted\n", accepted_count);
}

static void linux_files_stay_in_their_guest(void)
{
	make_linux();
	try_files(arch_guest_check_linux, arch_guest_finish_linux, 0x1f0, 0x280);
}

static void elf32_files_stay_in_their_guest(void)
{
	make_multiboot(false, false);
	try_files(arch_guest_check_multiboot, arch_guest_finish_multiboot, 0, 0x180);
}

static void elf64_files_stay_in_their_guest(void)
{
	make_multiboot(true, false);
	try_files(arch_guest_check_multiboot, arch_guest_finish_multiboot, 0, 0x200);
}

static void files_with_addresses_stay_in_their_guest(void)
{
	make_multiboot(false, true);
	try_files(arch_guest_check_multiboot, arch_guest_finish_multiboot, 0x308, 0x324);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	for (uint32_t i = 0; i < ARRAY_SIZE(ram_sizes); i++)
		ram_at[i] = malloc(ram_sizes[i]);
	RUN(linux_files_stay_in_their_guest);
	RUN(elf32_files_stay_in_their_guest);
	RUN(elf64_files_stay_in_their_guest);
	RUN(files_with_addresses_stay_in_their_guest);
	for (uint32_t i = 0; i < ARRAY_SIZE(ram_sizes); i++)
		free(ram_at[i]);
	return test_failed;
}
