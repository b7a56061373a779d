/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/boot/efi_image.c - the hypervisor's ELF64 file, from the loader into memory.
 *
 * Source   System V ABI, "Object Files", "Program Loading"; its AMD64 supplement.
 * The file is ours, but a broken build shall end in words: every offset is checked.
 */
#include "arch/x86/boot/efi.h"
#include "arch/x86/layout.h"
#include <string.h>

#define ELF_MAGIC   0x464c457fu /* "\177ELF" */
#define ELF_CLASS64 2u
#define ELF_X86_64  62u
#define ELF_PT_LOAD 1u

struct elf_header {
	uint32_t magic;
	uint8_t class;
	uint8_t ident[11];
	uint16_t type;
	uint16_t machine;
	uint32_t version;
	uint64_t entry;
	uint64_t segments_offset;
	uint64_t sections_offset;
	uint32_t flags;
	uint16_t header_bytes;
	uint16_t segment_bytes;
	uint16_t segment_count;
	uint16_t section_bytes;
	uint16_t section_count;
	uint16_t section_names;
};
_Static_assert(sizeof(struct elf_header) == 64, "ELF64 header");

struct elf_segment {
	uint32_t type;
	uint32_t flags;
	uint64_t offset;
	uint64_t va;
	uint64_t pa;
	uint64_t file_bytes;
	uint64_t memory_bytes;
	uint64_t align;
};
_Static_assert(sizeof(struct elf_segment) == 56, "ELF64 program header");

static uint64_t file_bytes(void)
{
	return (uint64_t)(efi_image_end - efi_image);
}

/* Copies it out of the file: nothing in a file need be aligned. */
static bool read_at(uint64_t offset, void *out, uint64_t bytes)
{
	if (offset > file_bytes() || bytes > file_bytes() - offset)
		return false;
	memcpy(out, efi_image + offset, bytes);
	return true;
}

static bool is_segment_valid(const struct elf_segment *s)
{
	return s->file_bytes <= s->memory_bytes && s->offset <= file_bytes() &&
	       s->file_bytes <= file_bytes() - s->offset && s->pa >= IMAGE_LOAD &&
	       s->pa - IMAGE_LOAD <= IMAGE_MAX &&
	       s->memory_bytes <= IMAGE_MAX - (s->pa - IMAGE_LOAD) &&
	       s->va - IMAGE_VIRT == s->pa - IMAGE_LOAD;
}

/* Segment `i`, checked; type 0 if it is nothing to be loaded. */
static struct elf_segment segment(const struct elf_header *header, uint32_t i)
{
	struct elf_segment s;

	if (header->segment_bytes != sizeof(s) ||
	    !read_at(header->segments_offset + i * sizeof(s), &s, sizeof(s)))
		efi_fail("bulkhead: the built-in image is cut off");
	if (s.type != ELF_PT_LOAD)
		return (struct elf_segment){ .type = 0 };
	if (!is_segment_valid(&s))
		efi_fail("bulkhead: the built-in image has a malformed segment");
	return s;
}

/* At 16 MiB as the multiboot2 loaders do, or else anywhere below 4 GiB at a 2 MiB boundary. */
static uint64_t place(uint64_t bytes)
{
	uint64_t at;

	if (efi_take_at(IMAGE_LOAD, bytes)) {
		memset((void *)(uintptr_t)IMAGE_LOAD, 0, bytes);
		return IMAGE_LOAD;
	}
	at = efi_take(bytes + LARGE_PAGE_BYTES, EfiLoaderData, GIB(4) - 1, "the hypervisor");
	return align_up(at, LARGE_PAGE_BYTES);
}

uint64_t efi_load_image(struct boot_info *info)
{
	struct elf_header header;

	if (!read_at(0, &header, sizeof(header)) || header.magic != ELF_MAGIC ||
	    header.class != ELF_CLASS64 || header.machine != ELF_X86_64)
		efi_fail("bulkhead: the built-in image is not an ELF64 file");
	for (uint32_t i = 0; i < header.segment_count; i++) {
		const struct elf_segment s = segment(&header, i);

		if (s.type == ELF_PT_LOAD)
			info->image_bytes =
				max_u64(info->image_bytes, s.pa - IMAGE_LOAD + s.memory_bytes);
	}
	info->image_bytes = align_up(info->image_bytes, PAGE_BYTES);
	info->image_base = place(info->image_bytes);
	for (uint32_t i = 0; i < header.segment_count; i++) {
		const struct elf_segment s = segment(&header, i);

		if (s.type == ELF_PT_LOAD)
			memcpy((void *)(uintptr_t)(info->image_base + (s.pa - IMAGE_LOAD)),
			       efi_image + s.offset, s.file_bytes);
	}
	return header.entry;
}
