/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/boot/multiboot2.h"
#include "arch/x86/boot_map.h"
#include <string.h>

#define INFO_HEADER_BYTES 8u /* total_size, reserved */
#define TAG_HEADER_BYTES  8u /* type, size */
#define TAG_ALIGN         8u
#define INFO_MAX_BYTES    MIB(1)

enum tag_type {
	TAG_END = 0,
	TAG_CMDLINE = 1,
	TAG_LOADER = 2,
	TAG_MODULE = 3,
	TAG_MMAP = 6,
	TAG_FRAMEBUFFER = 8,
	TAG_RSDP_OLD = 14,
	TAG_RSDP_NEW = 15,
};

/* Offsets in a tag; its header counts. */
#define MODULE_START       8u
#define MODULE_END         12u
#define MODULE_STRING      16u
#define MMAP_ENTRY_SIZE    8u
#define MMAP_ENTRIES       16u
#define MMAP_ENTRY_MIN     24u
#define MMAP_BASE          0u /* in an entry */
#define MMAP_BYTES         8u
#define MMAP_TYPE          16u
#define FRAMEBUFFER_ADDR   8u
#define FRAMEBUFFER_PITCH  16u
#define FRAMEBUFFER_WIDTH  20u
#define FRAMEBUFFER_HEIGHT 24u
#define FRAMEBUFFER_BPP    28u
#define FRAMEBUFFER_TYPE   29u
#define FRAMEBUFFER_MIN    30u
#define FRAMEBUFFER_RGB    1u
#define RSDP_MIN           (TAG_HEADER_BYTES + 20u)

#define MMAP_AVAILABLE     1u
#define MMAP_ACPI          3u

struct tag {
	const uint8_t *at;
	uint32_t type;
	uint32_t bytes; /* header included */
};

static uint32_t read32(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static uint64_t read64(const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

/* Bytes of the whole information, or 0 if there is nothing to be read. */
static uint64_t info_bytes(const struct multiboot2_source *source)
{
	uint64_t bytes;

	if (source->limit < INFO_HEADER_BYTES)
		return 0;
	bytes = read32(source->info);
	return min_u64(bytes, min_u64(source->limit, INFO_MAX_BYTES));
}

/* The tag at *offset, and *offset moved behind it. False: the list has ended. */
static bool next_tag(const uint8_t *info, uint64_t bytes, uint64_t *offset, struct tag *tag)
{
	if (*offset > bytes || bytes - *offset < TAG_HEADER_BYTES)
		return false;
	tag->at = info + *offset;
	tag->type = read32(tag->at);
	tag->bytes = read32(tag->at + 4);
	if (tag->type == TAG_END || tag->bytes < TAG_HEADER_BYTES || tag->bytes > bytes - *offset)
		return false;
	*offset += align_up(tag->bytes, TAG_ALIGN);
	return true;
}

/* The string at `from` in the tag, cut to what fits; empty if the tag is too short. */
static void copy_string(const struct tag *tag, uint32_t from, char *out, size_t out_bytes)
{
	size_t n = 0;

	while (n + 1 < out_bytes && from + n < tag->bytes && tag->at[from + n] != 0) {
		out[n] = (char)tag->at[from + n];
		n++;
	}
	out[n] = 0;
}

static enum boot_mem_type mmap_type(uint32_t type)
{
	if (type == MMAP_AVAILABLE)
		return BOOT_MEM_USABLE;
	return type == MMAP_ACPI ? BOOT_MEM_ACPI : BOOT_MEM_RESERVED;
}

static enum err parse_mmap(const struct tag *tag, struct boot_info *out)
{
	uint32_t entry_bytes;

	if (tag->bytes < MMAP_ENTRIES)
		return OK;
	entry_bytes = read32(tag->at + MMAP_ENTRY_SIZE);
	if (entry_bytes < MMAP_ENTRY_MIN)
		return OK;
	for (uint64_t at = MMAP_ENTRIES; at + entry_bytes <= tag->bytes; at += entry_bytes) {
		const uint8_t *entry = tag->at + at;
		enum err e =
			boot_map_paint(out, read64(entry + MMAP_BASE), read64(entry + MMAP_BYTES),
				       mmap_type(read32(entry + MMAP_TYPE)));

		if (e != OK)
			return e;
	}
	return OK;
}

/* A module's name is the first word of its string. Files beyond the capacity are left out. */
static enum err parse_module(const struct tag *tag, struct boot_info *out)
{
	struct boot_file *file;
	uint32_t start, end;

	if (tag->bytes < MODULE_STRING || out->file_count == BOOT_FILE_MAX)
		return OK;
	start = read32(tag->at + MODULE_START);
	end = read32(tag->at + MODULE_END);
	if (start == 0 || end <= start)
		return OK;
	file = &out->files[out->file_count++];
	copy_string(tag, MODULE_STRING, file->name, sizeof(file->name));
	for (char *c = file->name; *c != 0; c++) {
		if (*c == ' ') {
			*c = 0;
			break;
		}
	}
	file->base = start;
	file->bytes = end - start;
	return boot_map_paint(out, file->base, file->bytes, BOOT_MEM_FILE);
}

static void parse_framebuffer(const struct tag *tag, struct boot_info *out)
{
	if (tag->bytes < FRAMEBUFFER_MIN || tag->at[FRAMEBUFFER_TYPE] != FRAMEBUFFER_RGB ||
	    tag->at[FRAMEBUFFER_BPP] != 32)
		return;
	out->framebuffer = (struct boot_framebuffer){
		.base = read64(tag->at + FRAMEBUFFER_ADDR),
		.pitch = read32(tag->at + FRAMEBUFFER_PITCH),
		.width = read32(tag->at + FRAMEBUFFER_WIDTH),
		.height = read32(tag->at + FRAMEBUFFER_HEIGHT),
	};
}

/* The tag holds a copy of the RSDP: its page must stay untouched until ACPI has been read. */
static enum err parse_rsdp(const struct multiboot2_source *source, const struct tag *tag,
			   bool *have_new, struct boot_info *out)
{
	if (tag->bytes < RSDP_MIN || *have_new)
		return OK;
	*have_new = tag->type == TAG_RSDP_NEW;
	out->rsdp = source->info_hpa + (uint64_t)(tag->at - source->info) + TAG_HEADER_BYTES;
	return boot_map_paint(out, out->rsdp, tag->bytes - TAG_HEADER_BYTES, BOOT_MEM_ACPI);
}

static enum err parse_tags(const struct multiboot2_source *source, struct boot_info *out)
{
	const uint64_t bytes = info_bytes(source);
	uint64_t offset = INFO_HEADER_BYTES;
	bool have_new_rsdp = false;
	struct tag tag;
	enum err e = OK;

	while (e == OK && next_tag(source->info, bytes, &offset, &tag)) {
		switch (tag.type) {
		case TAG_CMDLINE:
			copy_string(&tag, TAG_HEADER_BYTES, out->cmdline, sizeof(out->cmdline));
			break;
		case TAG_LOADER:
			copy_string(&tag, TAG_HEADER_BYTES, out->loader, sizeof(out->loader));
			break;
		case TAG_MODULE:
			e = parse_module(&tag, out);
			break;
		case TAG_MMAP:
			e = parse_mmap(&tag, out);
			break;
		case TAG_FRAMEBUFFER:
			parse_framebuffer(&tag, out);
			break;
		case TAG_RSDP_OLD:
		case TAG_RSDP_NEW:
			e = parse_rsdp(source, &tag, &have_new_rsdp, out);
			break;
		}
	}
	return e;
}

enum err multiboot2_parse(const struct multiboot2_source *source, struct boot_info *out)
{
	enum err e;

	if (info_bytes(source) < INFO_HEADER_BYTES)
		return ERR_INVAL;
	memset(out, 0, sizeof(*out));
	out->magic = BOOT_INFO_MAGIC;
	out->image_base = source->image_base;
	out->image_bytes = source->image_bytes;
	e = boot_map_paint(out, source->image_base, source->image_bytes, BOOT_MEM_IMAGE);
	if (e == OK)
		e = parse_tags(source, out);
	/* The real-mode interrupt table and the null pointer live in page 0. */
	if (e == OK)
		e = boot_map_paint(out, 0, PAGE_BYTES, BOOT_MEM_RESERVED);
	if (e != OK)
		return e;
	for (uint32_t i = 0; i < out->mem_count; i++) {
		if (out->mem[i].type == BOOT_MEM_USABLE)
			return OK;
	}
	return ERR_INVAL;
}
