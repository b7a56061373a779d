/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/guest/multiboot_elf.c - ELF kernels of either class, loaded by their physical
 * addresses.
 *
 * The specification knows ELF32. ELF64 is taken as well, as GRUB does: the kernel begins in
 * 32-bit mode all the same, so all of it must lie below 4 GiB.
 */
#include "arch/x86/guest/multiboot.h"

#define EI_CLASS      4u
#define CLASS_32      1u
#define CLASS_64      2u
#define EI_DATA       5u
#define DATA_LITTLE   1u
#define E_TYPE        16u
#define TYPE_EXEC     2u
#define TYPE_DYN      3u /* loaded where it says: nothing relocates it but itself */
#define E_MACHINE     18u
#define MACHINE_386   3u
#define MACHINE_AMD64 62u
#define PT_LOAD       1u
#define PHDR_MAX      128u

/* Where the fields of the two classes are. */
struct elf_layout {
	uint32_t header_bytes, entry, phoff, phentsize, phnum;
	uint32_t phdr_bytes, offset, vaddr, paddr, filesz, memsz;
	uint32_t word_bytes;
};
static const struct elf_layout elf32 = { 52, 24, 28, 42, 44, 32, 4, 8, 12, 16, 20, 4 };
static const struct elf_layout elf64 = { 64, 24, 32, 54, 56, 56, 8, 16, 24, 32, 40, 8 };

/* Program headers: all of them lie in the file. */
struct elf_file {
	const struct elf_layout *layout;
	const uint8_t *headers;
	uint32_t count;
	uint32_t stride;
	uint64_t entry;
};

static uint64_t get_word(const struct elf_layout *y, const uint8_t *at)
{
	return y->word_bytes == 8 ? get64(at) : get32(at);
}

static enum err check_ident(const struct guest_loader *l, struct elf_file *e)
{
	const struct guest_file *f = &l->image->kernel;
	uint16_t machine, type;

	if (f->size < elf32.header_bytes || memcmp(f->bytes, "\177ELF", 4) != 0)
		return guest_refuse(l, ERR_INVAL, f,
				    "not an ELF file, and its Multiboot header has no addresses");
	e->layout = f->bytes[EI_CLASS] == CLASS_64 ? &elf64 : &elf32;
	if (f->size < e->layout->header_bytes)
		return guest_refuse(l, ERR_INVAL, f, "truncated in the ELF header");
	machine = get16(f->bytes + E_MACHINE);
	type = get16(f->bytes + E_TYPE);
	if (f->bytes[EI_DATA] != DATA_LITTLE ||
	    (f->bytes[EI_CLASS] != CLASS_32 && f->bytes[EI_CLASS] != CLASS_64) ||
	    (machine != MACHINE_AMD64 && (machine != MACHINE_386 || e->layout == &elf64)))
		return guest_refuse(l, ERR_INVAL, f, "not an ELF file for x86");
	if (type != TYPE_EXEC && type != TYPE_DYN)
		return guest_refuse(l, ERR_INVAL, f, "an ELF file, but not an executable one");
	return OK;
}

static enum err find_headers(const struct guest_loader *l, struct elf_file *e)
{
	const struct guest_file *f = &l->image->kernel;
	const struct elf_layout *y = e->layout;
	const uint64_t at = get_word(y, f->bytes + y->phoff);

	e->entry = get_word(y, f->bytes + y->entry);
	e->stride = get16(f->bytes + y->phentsize);
	e->count = get16(f->bytes + y->phnum);
	if (e->count == 0 || e->count > PHDR_MAX)
		return guest_refuse(l, ERR_INVAL, f, "%u ELF program headers, not 1 to %u",
				    e->count, PHDR_MAX);
	if (e->stride < y->phdr_bytes)
		return guest_refuse(l, ERR_INVAL, f, "ELF program headers of %u bytes, not %u",
				    e->stride, y->phdr_bytes);
	if (at > f->size || f->size - at < (uint64_t)e->count * e->stride)
		return guest_refuse(l, ERR_INVAL, f, "truncated in the ELF program headers");
	e->headers = f->bytes + at;
	return OK;
}

/* e_entry is a virtual address; boot code that runs before paging may have its physical one. */
static bool find_entry(const struct elf_file *e, uint64_t *entry)
{
	const struct elf_layout *y = e->layout;
	bool is_physical = false;

	for (uint32_t i = 0; i < e->count; i++) {
		const uint8_t *h = e->headers + (uint64_t)i * e->stride;
		const uint64_t vaddr = get_word(y, h + y->vaddr);
		const uint64_t paddr = get_word(y, h + y->paddr);
		const uint64_t bytes = get_word(y, h + y->memsz);

		if (get32(h) != PT_LOAD)
			continue;
		if (e->entry >= vaddr && e->entry - vaddr < bytes) {
			*entry = e->entry - vaddr + paddr;
			return true;
		}
		is_physical |= e->entry >= paddr && e->entry - paddr < bytes;
	}
	*entry = e->entry;
	return is_physical;
}

enum err multiboot_load_elf(struct guest_loader *l, struct multiboot_kernel *k)
{
	struct elf_file e = { 0 };
	enum err error = check_ident(l, &e);

	error = error != OK ? error : find_headers(l, &e);
	for (uint32_t i = 0; error == OK && i < e.count; i++) {
		const uint8_t *h = e.headers + (uint64_t)i * e.stride;
		const struct elf_layout *y = e.layout;
		const struct multiboot_segment s = {
			.at = get_word(y, h + y->paddr),
			.offset = get_word(y, h + y->offset),
			.file_bytes = get_word(y, h + y->filesz),
			.memory_bytes = get_word(y, h + y->memsz),
		};

		if (get32(h) == PT_LOAD)
			error = multiboot_add_segment(l, k, &s);
	}
	if (error == OK && !find_entry(&e, &k->entry))
		return guest_refuse(l, ERR_INVAL, &l->image->kernel,
				    "its entry 0x%llx lies in no loadable segment",
				    (unsigned long long)e.entry);
	return error;
}
