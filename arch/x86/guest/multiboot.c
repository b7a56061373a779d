/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/guest/multiboot.c - a Multiboot kernel and its modules into a guest.
 *
 * Source   Multiboot Specification version 0.6.96, "Machine state", "Boot information format".
 * Layout   The kernel: where it says. Modules: page by page behind it, in their order. The
 *	    information with all that it points to: one block below 640 KiB if there is room,
 *	    else where there is.
 */
#include "arch/x86/guest/multiboot.h"

#define BOOT_MAGIC          0x2badb002u

#define INFO_FLAGS          0u
#define INFO_MEMORY         BIT32(0)
#define INFO_CMDLINE        BIT32(2)
#define INFO_MODS           BIT32(3)
#define INFO_MMAP           BIT32(6)
#define INFO_LOADER_NAME    BIT32(9)
#define INFO_MEM_LOWER      4u /* KiB */
#define INFO_MEM_UPPER      8u
#define INFO_CMDLINE_AT     16u
#define INFO_MODS_COUNT     20u
#define INFO_MODS_ADDR      24u
#define INFO_MMAP_LENGTH    44u
#define INFO_MMAP_ADDR      48u
#define INFO_LOADER_NAME_AT 64u
#define INFO_BYTES          116u

#define MODULE_START        0u
#define MODULE_END          4u
#define MODULE_STRING       8u
#define MODULE_BYTES        16u

#define MMAP_SIZE           0u /* of what follows it */
#define MMAP_BASE           4u
#define MMAP_LENGTH         12u
#define MMAP_TYPE           20u
#define MMAP_BYTES          24u

/* The block: information, GDT, modules, memory map, strings; a page of stack behind. */
#define BLOCK_GDT     128u
#define BLOCK_MODULES (BLOCK_GDT + GUEST_GDT_BYTES)
#define BLOCK_MMAP    (BLOCK_MODULES + GUEST_MODULE_MAX * MODULE_BYTES)
#define BLOCK_STRINGS (BLOCK_MMAP + GUEST_MAP_MAX * MMAP_BYTES)
_Static_assert(INFO_BYTES <= BLOCK_GDT, "the GDT begins behind the information");

#define LOW_FIRST   0x10000u /* below: where kernels like to put start-up code */
#define STACK_BYTES PAGE_BYTES

static const char loader_name[] = "Bulkhead";

/* What a kernel reads as a module's string: what the user gave, else the file's name. */
static const char *module_string(const struct guest_file *module)
{
	return module->args ? module->args : module->name;
}

static uint64_t strings_bytes(const struct guest_image *image)
{
	uint64_t bytes = sizeof(loader_name) + (image->args ? strlen(image->args) : 0) + 1;

	for (uint32_t i = 0; i < image->module_count; i++)
		bytes += strlen(module_string(&image->modules[i])) + 1;
	return bytes;
}

static uint64_t block_bytes(const struct guest_image *image)
{
	return align_up(BLOCK_STRINGS + strings_bytes(image), PAGE_BYTES) + STACK_BYTES;
}

static enum err check_args(const struct guest_loader *l)
{
	const struct guest_image *image = l->image;

	if (image->module_count > GUEST_MODULE_MAX)
		return guest_refuse(l, ERR_RANGE, &image->kernel, "%u modules, at most %u",
				    image->module_count, GUEST_MODULE_MAX);
	if (image->args && strlen(image->args) > GUEST_ARGS_MAX)
		return guest_refuse(l, ERR_INVAL, &image->kernel,
				    "its command line has more than %u characters", GUEST_ARGS_MAX);
	for (uint32_t i = 0; i < image->module_count; i++) {
		if (strlen(module_string(&image->modules[i])) > GUEST_ARGS_MAX)
			return guest_refuse(l, ERR_INVAL, &image->modules[i],
					    "its string has more than %u characters",
					    GUEST_ARGS_MAX);
	}
	return OK;
}

/* From `from` on if there is room, else from 1 MiB on. */
static bool find_behind(const struct guest_loader *l, uint64_t from, uint64_t bytes, uint64_t *at)
{
	struct guest_want w = { max_u64(from, GUEST_HOLE_END), guest_low_end(l->ram), bytes,
				PAGE_BYTES };

	if (guest_find_low(l, &w, at))
		return true;
	w.from = GUEST_HOLE_END;
	return guest_find_low(l, &w, at);
}

static enum err place_modules(struct guest_loader *l, uint64_t from)
{
	for (uint32_t i = 0; i < l->image->module_count; i++) {
		const struct guest_file *f = &l->image->modules[i];
		uint64_t *const at = &l->load->modules_at[i];

		if (f->size == 0)
			return guest_refuse(l, ERR_INVAL, f, "empty");
		if (!find_behind(l, from, f->size, at))
			return guest_refuse(l, ERR_RANGE, f,
					    "%llu KiB do not fit beside the kernel below 0x%llx",
					    (unsigned long long)f->size >> 10,
					    (unsigned long long)guest_low_end(l->ram));
		guest_take(l, *at, f->size);
		guest_copy(l, *at, f->bytes, f->size);
		from = *at + f->size;
	}
	return OK;
}

static enum err place_block(struct guest_loader *l, uint64_t from)
{
	const struct guest_want low = { LOW_FIRST, GUEST_HOLE_FIRST, block_bytes(l->image),
					PAGE_BYTES };

	if (!guest_find_low(l, &low, &l->load->info_at) &&
	    !find_behind(l, from, low.bytes, &l->load->info_at))
		return guest_refuse(l, ERR_RANGE, &l->image->kernel,
				    "no %llu KiB of RAM left for the Multiboot information",
				    (unsigned long long)low.bytes >> 10);
	guest_take(l, l->load->info_at, low.bytes);
	return OK;
}

/* "Machine state". GDTR and ESP are undefined there: these are good ones all the same. */
static void set_entry(const struct guest_loader *l, const struct multiboot_kernel *k)
{
	struct vcpu_entry *e = &l->load->entry;

	e->mode = VCPU_FLAT32;
	e->gdt = l->load->info_at + BLOCK_GDT;
	e->gdt_limit = GUEST_GDT_BYTES - 1;
	e->rip = k->entry;
	e->rsp = l->load->info_at + block_bytes(l->image);
	e->rax = BOOT_MAGIC;
	e->rbx = l->load->info_at;
}

enum err arch_guest_check_multiboot(const struct guest_image *image, const struct guest_ram *ram,
				    struct guest_load *load, const char **reason)
{
	struct multiboot_kernel k;
	struct guest_loader l;
	enum err e;

	guest_loader_init(&l, image, ram, load);
	l.reason = reason;
	*reason = NULL;
	e = check_args(&l);
	e = e != OK ? e : multiboot_load_kernel(&l, &k);
	e = e != OK ? e : place_modules(&l, k.end);
	e = e != OK ? e : place_block(&l, k.end);
	if (e != OK)
		return e;
	guest_take_bios_data(&l);
	set_entry(&l, &k);
	return OK;
}

/* Where the next string goes. */
struct strings {
	uint8_t *host;
	uint64_t guest;
};

/* Returns where the guest finds it. */
static uint32_t put_string(struct strings *s, const char *text)
{
	const uint64_t bytes = strlen(text) + 1;
	const uint64_t at = s->guest;

	memcpy(s->host, text, bytes);
	s->host += bytes;
	s->guest += bytes;
	return (uint32_t)at;
}

static void write_modules(uint8_t *block, const struct guest_image *image,
			  const struct guest_load *load, struct strings *strings)
{
	put32(block + INFO_MODS_COUNT, image->module_count);
	put32(block + INFO_MODS_ADDR, (uint32_t)load->info_at + BLOCK_MODULES);
	for (uint32_t i = 0; i < image->module_count; i++) {
		const struct guest_file *f = &image->modules[i];
		uint8_t *m = block + BLOCK_MODULES + i * MODULE_BYTES;

		put32(m + MODULE_START, (uint32_t)load->modules_at[i]);
		put32(m + MODULE_END, (uint32_t)(load->modules_at[i] + f->size));
		put32(m + MODULE_STRING, put_string(strings, module_string(f)));
	}
}

static void write_memory(uint8_t *block, uint64_t info_at, const struct guest_ram *ram)
{
	struct guest_map_line map[GUEST_MAP_MAX];
	const uint32_t n = guest_map(ram, map);
	const uint64_t low_end = guest_low_end(ram);
	const uint64_t upper = low_end > GUEST_HOLE_END ? low_end - GUEST_HOLE_END : 0;

	put32(block + INFO_MEM_LOWER, (uint32_t)(min_u64(low_end, GUEST_HOLE_FIRST) >> 10));
	put32(block + INFO_MEM_UPPER, (uint32_t)(upper >> 10));
	put32(block + INFO_MMAP_ADDR, (uint32_t)info_at + BLOCK_MMAP);
	put32(block + INFO_MMAP_LENGTH, n * MMAP_BYTES);
	for (uint32_t i = 0; i < n; i++) {
		uint8_t *m = block + BLOCK_MMAP + i * MMAP_BYTES;

		put32(m + MMAP_SIZE, MMAP_BYTES - MMAP_BASE);
		put64(m + MMAP_BASE, map[i].base);
		put64(m + MMAP_LENGTH, map[i].bytes);
		put32(m + MMAP_TYPE, map[i].type);
	}
}

void arch_guest_finish_multiboot(const struct guest_image *image, const struct guest_load *load,
				 const struct guest_ram *ram)
{
	uint8_t *const block = ram->at + load->info_at; /* low RAM: it was taken from there */
	struct strings strings = { block + BLOCK_STRINGS, load->info_at + BLOCK_STRINGS };

	memset(block, 0, BLOCK_STRINGS);
	put32(block + INFO_FLAGS,
	      INFO_MEMORY | INFO_CMDLINE | INFO_MODS | INFO_MMAP | INFO_LOADER_NAME);
	put32(block + INFO_CMDLINE_AT, put_string(&strings, image->args ? image->args : ""));
	put32(block + INFO_LOADER_NAME_AT, put_string(&strings, loader_name));
	write_modules(block, image, load, &strings);
	write_memory(block, load->info_at, ram);
	guest_write_gdt(block + BLOCK_GDT, VCPU_FLAT32);
	guest_write_bios_data(ram, load);
}
