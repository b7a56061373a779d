/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "core/elf.h"

struct elf_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct elf_phdr {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
_Static_assert(sizeof(struct elf_header) == 64 && sizeof(struct elf_phdr) == 56,
	       "System V ABI: ELF64 header sizes");

#define ELF_TYPE_EXEC      2u
#define ELF_MACHINE_X86_64 62u
#define ELF_PHDR_LOAD      1u
#define ELF_PHDR_SCAN_MAX  32u

static const char *check_header(const struct elf_header *h, uint64_t file_bytes)
{
	if (memcmp(h->ident, "\177ELF", 4) != 0)
		return "not an ELF file";
	if (h->ident[4] != 2 || h->ident[5] != 1 || h->machine != ELF_MACHINE_X86_64)
		return "not a 64-bit x86 ELF file";
	if (h->type != ELF_TYPE_EXEC)
		return "not an executable at fixed addresses (ET_EXEC)";
	if (h->phentsize != sizeof(struct elf_phdr) || h->phnum == 0 ||
	    h->phnum > ELF_PHDR_SCAN_MAX)
		return "no program headers, too many, or of an unknown size";
	if (h->phoff > file_bytes || file_bytes - h->phoff < h->phnum * sizeof(struct elf_phdr))
		return "truncated in the program headers";
	return NULL;
}

static const char *check_segment(const struct elf_phdr *p, uint64_t file_bytes, gpa_t floor,
				 uint64_t ram_bytes)
{
	if (p->offset > file_bytes || file_bytes - p->offset < p->filesz)
		return "truncated: a segment lies beyond the end of the file";
	if (p->memsz < p->filesz)
		return "a segment is smaller in memory than in the file";
	if (p->paddr < floor.v)
		return "a segment starts below 1 MiB";
	if (p->paddr > ram_bytes || ram_bytes - p->paddr < p->memsz)
		return "a segment lies beyond the end of the partition's memory";
	return NULL;
}

enum err elf_parse(const void *file, uint64_t file_bytes, gpa_t floor, uint64_t ram_bytes,
		   struct elf_image *image, const char **reason)
{
	const unsigned char *bytes = file;
	struct elf_header h;
	bool has_entry = false;

	image->segment_count = 0;
	*reason = "shorter than an ELF header";
	if (file_bytes < sizeof(h))
		return ERR_INVAL;
	memcpy(&h, bytes, sizeof(h));
	*reason = check_header(&h, file_bytes);
	if (*reason)
		return ERR_INVAL;
	for (uint32_t i = 0; i < h.phnum; i++) {
		struct elf_phdr p;

		memcpy(&p, bytes + h.phoff + i * sizeof(p), sizeof(p));
		if (p.type != ELF_PHDR_LOAD || p.memsz == 0)
			continue;
		*reason = check_segment(&p, file_bytes, floor, ram_bytes);
		if (*reason)
			return ERR_INVAL;
		*reason = "more loadable segments than we take";
		if (image->segment_count == ELF_SEGMENT_MAX)
			return ERR_INVAL;
		image->segments[image->segment_count++] =
			(struct elf_segment){ p.offset, p.filesz, { p.paddr }, p.memsz };
		has_entry |= h.entry >= p.paddr && h.entry - p.paddr < p.memsz;
	}
	*reason = "its entry lies in no loadable segment, or above 4 GiB";
	if (!has_entry || h.entry > UINT32_MAX)
		return ERR_INVAL;
	*reason = NULL;
	image->entry = (gpa_t){ h.entry };
	return OK;
}
