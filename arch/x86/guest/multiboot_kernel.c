/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/guest/multiboot.h"

#define SEARCH_BYTES    8192u /* the header lies within */
#define HEADER_ALIGN    4u
#define HEADER_MAGIC    0x1badb002u
#define HEADER_FLAGS    4u
#define PAGE_ALIGN      BIT32(0) /* modules: always */
#define MEMORY_INFO     BIT32(1) /* always */
#define VIDEO_MODE      BIT32(2)
#define MUST_UNDERSTAND 0xffffu
#define ADDRESS_FIELDS  BIT32(16)
#define HEADER_CHECKSUM 8u
#define HEADER_BYTES    12u
#define HEADER_ADDR     12u
#define LOAD_ADDR       16u
#define LOAD_END_ADDR   20u
#define BSS_END_ADDR    24u
#define ENTRY_ADDR      28u
#define ADDRESSES_END   32u

#define SEGMENT_MAX     (GUEST_COPY_MAX - GUEST_MODULE_MAX)

static bool find_header(const struct guest_file *f, uint64_t *at)
{
	const uint64_t end = min_u64(f->size, SEARCH_BYTES);

	for (*at = 0; *at + HEADER_BYTES <= end; *at += HEADER_ALIGN) {
		const uint8_t *h = f->bytes + *at;
		const uint32_t flags = get32(h + HEADER_FLAGS);

		if (get32(h) == HEADER_MAGIC &&
		    HEADER_MAGIC + flags + get32(h + HEADER_CHECKSUM) == 0)
			return true;
	}
	return false;
}

/* "Header magic fields": bits 15:0 are demands, the others can be ignored. */
static enum err check_demands(const struct guest_loader *l, uint32_t flags)
{
	const struct guest_file *f = &l->image->kernel;
	const uint32_t unknown = flags & MUST_UNDERSTAND & ~(PAGE_ALIGN | MEMORY_INFO | VIDEO_MODE);

	if (unknown)
		return guest_refuse(l, ERR_INVAL, f,
				    "its Multiboot header demands what nobody knows: flags 0x%x",
				    unknown);
	if (flags & VIDEO_MODE)
		return guest_refuse(l, ERR_INVAL, f,
				    "its Multiboot header demands a video mode (flags bit 2): "
				    "guests have no display");
	return OK;
}

enum err multiboot_add_segment(struct guest_loader *l, struct multiboot_kernel *k,
			       const struct multiboot_segment *s)
{
	const struct guest_file *f = &l->image->kernel;

	if (s->file_bytes > s->memory_bytes)
		return guest_refuse(l, ERR_INVAL, f,
				    "a segment at 0x%llx has less room in memory than in the file",
				    (unsigned long long)s->at);
	if (s->offset > f->size || s->file_bytes > f->size - s->offset)
		return guest_refuse(l, ERR_INVAL, f,
				    "truncated: the segment at 0x%llx ends beyond the file",
				    (unsigned long long)s->at);
	if (s->memory_bytes == 0)
		return OK;
	if (!guest_is_ram(l, s->at, s->memory_bytes))
		return guest_refuse(
			l, ERR_RANGE, f,
			"its segment of %llu KiB at 0x%llx is not wholly in the guest's RAM",
			(unsigned long long)s->memory_bytes >> 10, (unsigned long long)s->at);
	if (guest_overlap(l, s->at, s->memory_bytes))
		return guest_refuse(l, ERR_INVAL, f, "the segment at 0x%llx overlaps another",
				    (unsigned long long)s->at);
	if (l->taken_count == SEGMENT_MAX)
		return guest_refuse(l, ERR_RANGE, f, "more than %u loadable segments", SEGMENT_MAX);
	guest_take(l, s->at, s->memory_bytes);
	if (s->file_bytes)
		guest_copy(l, s->at, f->bytes + s->offset, s->file_bytes);
	k->end = max_u64(k->end, s->at + s->memory_bytes);
	return OK;
}

/* "The address fields of Multiboot header": one segment, whatever the file's format is. */
static enum err load_by_addresses(struct guest_loader *l, uint64_t header_at,
				  struct multiboot_kernel *k)
{
	const struct guest_file *f = &l->image->kernel;
	const uint8_t *h = f->bytes + header_at;
	const uint64_t load = get32(h + LOAD_ADDR), bss_end = get32(h + BSS_END_ADDR);
	const uint64_t before = (uint64_t)get32(h + HEADER_ADDR) - load;
	const uint64_t offset = header_at - before;
	const uint64_t load_end =
		get32(h + LOAD_END_ADDR) ? get32(h + LOAD_END_ADDR) : load + (f->size - offset);
	const uint64_t end = max_u64(load_end, bss_end);

	if (get32(h + HEADER_ADDR) < load || before > header_at)
		return guest_refuse(l, ERR_INVAL, f,
				    "its Multiboot header at 0x%x cannot lie there if the file "
				    "loads at 0x%llx",
				    get32(h + HEADER_ADDR), (unsigned long long)load);
	if (load_end < load || (bss_end && bss_end < load_end))
		return guest_refuse(l, ERR_INVAL, f,
				    "load_addr, load_end_addr and bss_end_addr are out of order");
	k->entry = get32(h + ENTRY_ADDR);
	if (k->entry < load || k->entry >= end)
		return guest_refuse(l, ERR_INVAL, f, "its entry 0x%llx is not in what it loads",
				    (unsigned long long)k->entry);
	return multiboot_add_segment(
		l, k, &(struct multiboot_segment){ load, offset, load_end - load, end - load });
}

enum err multiboot_load_kernel(struct guest_loader *l, struct multiboot_kernel *k)
{
	const struct guest_file *f = &l->image->kernel;
	uint64_t at;
	enum err e;

	*k = (struct multiboot_kernel){ 0 };
	if (!find_header(f, &at))
		return guest_refuse(l, ERR_INVAL, f, "no Multiboot header in its first %u bytes",
				    SEARCH_BYTES);
	e = check_demands(l, get32(f->bytes + at + HEADER_FLAGS));
	if (e != OK)
		return e;
	if (!(get32(f->bytes + at + HEADER_FLAGS) & ADDRESS_FIELDS))
		return multiboot_load_elf(l, k);
	if (at + ADDRESSES_END > min_u64(f->size, SEARCH_BYTES))
		return guest_refuse(l, ERR_INVAL, f, "truncated in its Multiboot header");
	return load_by_addresses(l, at, k);
}
