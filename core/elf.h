/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/elf.h - check a guest's ELF64 file and say which bytes go where.
 *
 * Pure. The file is hostile: every offset and size is checked against the file and against
 * the guest's RAM before a segment is reported.
 * Source   System V ABI, "ELF Header", "Program Header".
 * Errors   ERR_INVAL, with a reason in words: not an ELF64 x86-64 executable, truncated,
 *	    a segment outside RAM or in the hole, an entry outside every segment.
 */
#pragma once
#include "core/lib/base.h"

#define ELF_SEGMENT_MAX 8u

struct elf_segment {
	uint64_t file_offset;
	uint64_t file_bytes;
	gpa_t at;
	uint64_t memory_bytes; /* >= file_bytes; the rest is zero */
};

struct elf_image {
	gpa_t entry; /* below 4 GiB: guests start in 32-bit mode */
	uint32_t segment_count;
	struct elf_segment segments[ELF_SEGMENT_MAX];
};

/* `floor`: the first guest-physical address a file may claim; below lies what we write. */
MUST_CHECK enum err elf_parse(const void *file, uint64_t file_bytes, gpa_t floor,
			      uint64_t ram_bytes, struct elf_image *image, const char **reason);
