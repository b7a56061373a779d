/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/guest/linux.c - a bzImage into a guest, by Linux' 64-bit boot protocol.
 *
 * Source   Linux, "The Linux/x86 Boot Protocol", "The Real-Mode Kernel Header", "64-bit Boot
 *	    Protocol"; "Zero Page" (struct boot_params).
 * Layout   LOW_*: what the kernel needs until it has looked around, below 640 KiB, where no
 *	    kernel is put. The kernel: where it prefers to be, else as low as it goes from 1 MiB
 *	    on. Its RAM disk: as high as it goes.
 */
#include "arch/x86/guest/load.h"

/* Offsets in the file and, for the header from 1F1H on, in struct boot_params. */
#define HDR_FIRST              0x1f1u
#define HDR_SETUP_SECTS        0x1f1u
#define HDR_SYSSIZE            0x1f4u /* in units of 16 bytes */
#define HDR_BOOT_FLAG          0x1feu
#define BOOT_FLAG              0xaa55u
#define HDR_JUMP_BYTES         0x201u /* operand of a short JMP over the header: its end */
#define HDR_MAGIC              0x202u
#define MAGIC                  0x53726448u /* "HdrS" */
#define HDR_VERSION            0x206u
#define VERSION_MIN            0x20cu /* 2.12: xloadflags */
#define VERSION_RSDP           0x20eu /* 2.14: acpi_rsdp_addr */
#define HDR_TYPE_OF_LOADER     0x210u
#define LOADER_UNREGISTERED    0xffu
#define HDR_LOADFLAGS          0x211u
#define LOADED_HIGH            BIT32(0)
#define CAN_USE_HEAP           BIT32(7)
#define HDR_CODE32_START       0x214u
#define HDR_RAMDISK_IMAGE      0x218u
#define HDR_RAMDISK_SIZE       0x21cu
#define HDR_HEAP_END_PTR       0x224u
#define HDR_EXT_LOADER_VER     0x226u
#define HDR_EXT_LOADER_TYPE    0x227u
#define HDR_CMD_LINE_PTR       0x228u
#define HDR_INITRD_ADDR_MAX    0x22cu
#define HDR_KERNEL_ALIGNMENT   0x230u
#define HDR_RELOCATABLE_KERNEL 0x234u
#define HDR_XLOADFLAGS         0x236u
#define XLF_KERNEL_64          BIT32(0)
#define HDR_CMDLINE_SIZE       0x238u
#define HDR_HARDWARE_SUBARCH   0x23cu
#define HDR_PAYLOAD_OFFSET     0x248u
#define HDR_PAYLOAD_LENGTH     0x24cu
#define HDR_SETUP_DATA         0x250u
#define HDR_PREF_ADDRESS       0x258u
#define HDR_INIT_SIZE          0x260u
#define HDR_END_MIN            0x264u
#define HDR_END_MAX            0x290u /* boot_params: what follows the header */

#define PARAMS_ACPI_RSDP_ADDR  0x070u
#define PARAMS_E820_ENTRIES    0x1e8u
#define PARAMS_E820_TABLE      0x2d0u
#define E820_ENTRY_BYTES       20u

#define SECTOR_BYTES           512u
#define SETUP_SECTS_OLD        4u /* what 0 means */
#define PARAGRAPH_BYTES        16u
#define ENTRY_64               0x200u /* from the start of the kernel proper */

#define LOW_PARAMS             0x10000u
#define LOW_GDT                0x11000u
#define LOW_ARGS               0x12000u
#define LOW_PAGE_TABLES        0x13000u
#define LOW_STACK_END          0x1a000u
#define IDENTITY_GIB           4u /* mapped 1:1 at entry */
_Static_assert(GUEST_ARGS_MAX < PAGE_BYTES, "the command line has a page");
_Static_assert(LOW_PAGE_TABLES + (2 + IDENTITY_GIB) * PAGE_BYTES < LOW_STACK_END,
	       "page tables, then a stack");

/* SDM Vol. 3A, "4-Level Paging". */
#define PTE_PRESENT  BIT64(0)
#define PTE_WRITABLE BIT64(1)
#define PTE_LARGE    BIT64(7)
#define PTE_COUNT    512u

/* What the checks found out. */
struct bzimage {
	const uint8_t *file;
	uint64_t at_file; /* the kernel proper: where in the file */
	uint64_t bytes;
	uint64_t memory_bytes; /* what it needs from its start on before it reads the map */
	uint64_t alignment;
	uint64_t preferred;
	bool is_relocatable;
	uint64_t at; /* guest-physical */
};

static enum err check_magic(const struct guest_loader *l, const struct bzimage *k)
{
	const struct guest_file *f = &l->image->kernel;
	uint16_t version;

	if (f->size < HDR_END_MIN)
		return guest_refuse(l, ERR_INVAL, f, "too short for a Linux setup header");
	if (get16(k->file + HDR_BOOT_FLAG) != BOOT_FLAG || get32(k->file + HDR_MAGIC) != MAGIC)
		return guest_refuse(l, ERR_INVAL, f,
				    "not a Linux bzImage: no boot flag AA55h with 'HdrS'");
	version = get16(k->file + HDR_VERSION);
	if (version < VERSION_MIN)
		return guest_refuse(l, ERR_INVAL, f,
				    "boot protocol %u.%02u: the 64-bit entry needs 2.12 or newer",
				    version >> 8, version & 0xffu);
	if (!(k->file[HDR_LOADFLAGS] & LOADED_HIGH))
		return guest_refuse(l, ERR_INVAL, f, "a zImage (loadflags bit 0 is 0), no bzImage");
	if (!(get16(k->file + HDR_XLOADFLAGS) & XLF_KERNEL_64))
		return guest_refuse(l, ERR_INVAL, f, "no 64-bit entry (xloadflags bit 0 is 0)");
	return OK;
}

/* Where the header and the kernel proper end, against where the file does. */
static enum err check_sizes(const struct guest_loader *l, struct bzimage *k)
{
	const struct guest_file *f = &l->image->kernel;
	const uint64_t header_end = HDR_MAGIC + (uint64_t)k->file[HDR_JUMP_BYTES];
	const uint64_t sectors =
		k->file[HDR_SETUP_SECTS] ? k->file[HDR_SETUP_SECTS] : SETUP_SECTS_OLD;
	const uint64_t claimed = (uint64_t)get32(k->file + HDR_SYSSIZE) * PARAGRAPH_BYTES;
	const uint64_t payload_end =
		(uint64_t)get32(k->file + HDR_PAYLOAD_OFFSET) + get32(k->file + HDR_PAYLOAD_LENGTH);

	k->at_file = (sectors + 1) * SECTOR_BYTES;
	if (header_end < HDR_END_MIN || header_end > HDR_END_MAX || header_end > k->at_file)
		return guest_refuse(l, ERR_INVAL, f,
				    "its setup header ends at 0x%llx, not in 0x%x to 0x%x",
				    (unsigned long long)header_end, HDR_END_MIN, HDR_END_MAX);
	if (k->at_file >= f->size)
		return guest_refuse(l, ERR_INVAL, f,
				    "truncated: %llu bytes, and the setup alone has %llu",
				    (unsigned long long)f->size, (unsigned long long)k->at_file);
	/* syssize is rounded up; a signature may follow. */
	k->bytes = min_u64(claimed, f->size - k->at_file);
	if (k->bytes + PARAGRAPH_BYTES <= claimed)
		return guest_refuse(l, ERR_INVAL, f,
				    "truncated: %llu bytes behind the setup, syssize says %llu",
				    (unsigned long long)k->bytes, (unsigned long long)claimed);
	if (k->bytes <= ENTRY_64)
		return guest_refuse(l, ERR_INVAL, f, "its kernel ends before its 64-bit entry");
	if (payload_end > k->bytes)
		return guest_refuse(l, ERR_INVAL, f,
				    "its payload ends at %llu, its kernel has %llu bytes",
				    (unsigned long long)payload_end, (unsigned long long)k->bytes);
	return OK;
}

static enum err read_needs(const struct guest_loader *l, struct bzimage *k)
{
	const struct guest_file *f = &l->image->kernel;

	k->memory_bytes = max_u64(get32(k->file + HDR_INIT_SIZE), k->bytes);
	k->is_relocatable = k->file[HDR_RELOCATABLE_KERNEL] != 0;
	k->preferred = get64(k->file + HDR_PREF_ADDRESS);
	k->alignment = get32(k->file + HDR_KERNEL_ALIGNMENT);
	if (!k->is_relocatable)
		return OK;
	if (k->alignment == 0 || (k->alignment & (k->alignment - 1)))
		return guest_refuse(l, ERR_INVAL, f, "kernel_alignment 0x%llx is no power of two",
				    (unsigned long long)k->alignment);
	return OK;
}

/* A relocatable kernel runs where it is put if that is aligned: "relocatable_kernel". */
static enum err place_kernel(struct guest_loader *l, struct bzimage *k)
{
	const struct guest_want low = { GUEST_HOLE_END, guest_low_end(l->ram), k->memory_bytes,
					k->alignment };
	const struct guest_file *f = &l->image->kernel;
	bool is_placed;

	k->at = k->preferred;
	is_placed = k->preferred >= GUEST_HOLE_END &&
		    guest_is_ram(l, k->preferred, k->memory_bytes) &&
		    !(k->is_relocatable && (k->preferred & (k->alignment - 1)));
	if (!is_placed && !k->is_relocatable)
		return guest_refuse(l, ERR_RANGE, f,
				    "needs %llu KiB at 0x%llx and nowhere else; RAM ends at 0x%llx",
				    (unsigned long long)k->memory_bytes >> 10,
				    (unsigned long long)k->preferred, (unsigned long long)low.end);
	if (!is_placed && !guest_find_low(l, &low, &k->at))
		return guest_refuse(
			l, ERR_RANGE, f,
			"needs %llu KiB from 1 MiB on, aligned to 0x%llx; RAM ends at 0x%llx",
			(unsigned long long)k->memory_bytes >> 10, (unsigned long long)k->alignment,
			(unsigned long long)low.end);
	guest_take(l, k->at, k->memory_bytes);
	guest_copy(l, k->at, k->file + k->at_file, k->bytes);
	return OK;
}

static enum err place_ramdisk(struct guest_loader *l, const struct bzimage *k)
{
	const struct guest_file *f = &l->image->modules[0];
	const struct guest_want high = { GUEST_HOLE_END,
					 (uint64_t)get32(k->file + HDR_INITRD_ADDR_MAX) + 1,
					 f->size, PAGE_BYTES };

	if (l->image->module_count == 0)
		return OK;
	if (l->image->module_count > 1)
		return guest_refuse(l, ERR_INVAL, &l->image->modules[1],
				    "Linux takes one module, its initial RAM disk");
	if (f->size == 0)
		return guest_refuse(l, ERR_INVAL, f, "empty");
	if (!guest_find_high(l, &high, &l->load->modules_at[0]))
		return guest_refuse(l, ERR_RANGE, f,
				    "%llu KiB do not fit beside the kernel below 0x%llx",
				    (unsigned long long)f->size >> 10,
				    (unsigned long long)min_u64(high.end, guest_low_end(l->ram)));
	guest_take(l, l->load->modules_at[0], f->size);
	guest_copy(l, l->load->modules_at[0], f->bytes, f->size);
	return OK;
}

static enum err check_args(const struct guest_loader *l, const struct bzimage *k)
{
	const uint64_t max = min_u64(get32(k->file + HDR_CMDLINE_SIZE), GUEST_ARGS_MAX);
	const char *args = l->image->args;

	if (args && strlen(args) > max)
		return guest_refuse(l, ERR_INVAL, &l->image->kernel,
				    "takes a command line of at most %llu characters, not %llu",
				    (unsigned long long)max, (unsigned long long)strlen(args));
	return OK;
}

/* "64-bit Boot Protocol": selectors 10H and 18H, RSI = boot_params, interrupts off. */
static void set_entry(struct guest_load *load, const struct bzimage *k)
{
	load->info_at = LOW_PARAMS;
	load->entry.mode = VCPU_LONG64;
	load->entry.gdt = LOW_GDT;
	load->entry.gdt_limit = GUEST_GDT_BYTES - 1;
	load->entry.rip = k->at + ENTRY_64;
	load->entry.rsp = LOW_STACK_END;
	load->entry.rsi = LOW_PARAMS;
	load->entry.page_table = LOW_PAGE_TABLES;
}

enum err arch_guest_check_linux(const struct guest_image *image, const struct guest_ram *ram,
				struct guest_load *load, const char **reason)
{
	struct bzimage k = { .file = image->kernel.bytes };
	struct guest_loader l;
	enum err e;

	guest_loader_init(&l, image, ram, load);
	l.reason = reason;
	*reason = NULL;
	e = check_magic(&l, &k);
	e = e != OK ? e : check_sizes(&l, &k);
	e = e != OK ? e : read_needs(&l, &k);
	e = e != OK ? e : check_args(&l, &k);
	e = e != OK ? e : place_kernel(&l, &k);
	e = e != OK ? e : place_ramdisk(&l, &k);
	if (e != OK)
		return e;
	guest_take_bios_data(&l);
	set_entry(load, &k);
	return OK;
}

static void write_header(uint8_t *params, const struct guest_image *image,
			 const struct guest_load *load)
{
	const uint8_t *file = image->kernel.bytes;

	memcpy(params + HDR_FIRST, file + HDR_FIRST,
	       HDR_MAGIC + (uint64_t)file[HDR_JUMP_BYTES] - HDR_FIRST);
	params[HDR_TYPE_OF_LOADER] = LOADER_UNREGISTERED;
	params[HDR_LOADFLAGS] &= (uint8_t)~CAN_USE_HEAP;
	params[HDR_EXT_LOADER_VER] = 0;
	params[HDR_EXT_LOADER_TYPE] = 0;
	put16(params + HDR_HEAP_END_PTR, 0);
	put32(params + HDR_CODE32_START, (uint32_t)load->copies[0].to);
	put32(params + HDR_CMD_LINE_PTR, LOW_ARGS);
	put32(params + HDR_HARDWARE_SUBARCH, 0); /* a PC */
	put64(params + HDR_SETUP_DATA, 0);
	put32(params + HDR_RAMDISK_IMAGE, 0);
	put32(params + HDR_RAMDISK_SIZE, 0);
	if (image->module_count == 0)
		return;
	put32(params + HDR_RAMDISK_IMAGE, (uint32_t)load->modules_at[0]);
	put32(params + HDR_RAMDISK_SIZE, (uint32_t)image->modules[0].size);
}

static void write_e820(uint8_t *params, const struct guest_ram *ram)
{
	struct guest_map_line map[GUEST_MAP_MAX];
	const uint32_t n = guest_map(ram, map);

	params[PARAMS_E820_ENTRIES] = (uint8_t)n;
	for (uint32_t i = 0; i < n; i++) {
		uint8_t *entry = params + PARAMS_E820_TABLE + i * E820_ENTRY_BYTES;

		put64(entry, map[i].base);
		put64(entry + 8, map[i].bytes);
		put32(entry + 16, map[i].type);
	}
}

static void write_page_tables(uint8_t *at)
{
	const uint64_t table = PTE_PRESENT | PTE_WRITABLE;
	uint8_t *const pdpt = at + PAGE_BYTES;
	uint8_t *const directories = pdpt + PAGE_BYTES;

	memset(at, 0, 2 * PAGE_BYTES);
	put64(at, (LOW_PAGE_TABLES + PAGE_BYTES) | table);
	for (uint32_t i = 0; i < IDENTITY_GIB; i++)
		put64(pdpt + 8 * i, (LOW_PAGE_TABLES + (2 + i) * PAGE_BYTES) | table);
	for (uint32_t i = 0; i < IDENTITY_GIB * PTE_COUNT; i++)
		put64(directories + 8 * i, i * LARGE_PAGE_BYTES | table | PTE_LARGE);
}

void arch_guest_finish_linux(const struct guest_image *image, const struct guest_load *load,
			     const struct guest_ram *ram)
{
	/* What was checked has its kernel above 1 MiB: RAM below 640 KiB is there. */
	uint8_t *const params = ram->at + LOW_PARAMS;
	const char *args = image->args ? image->args : "";

	memset(params, 0, PAGE_BYTES);
	write_header(params, image, load);
	write_e820(params, ram);
	if (ram->has_pc && get16(params + HDR_VERSION) >= VERSION_RSDP)
		put64(params + PARAMS_ACPI_RSDP_ADDR, GUEST_ACPI_FIRST);
	memcpy(ram->at + LOW_ARGS, args, strlen(args) + 1);
	guest_write_gdt(ram->at + LOW_GDT, VCPU_LONG64);
	guest_write_bios_data(ram, load);
	write_page_tables(ram->at + LOW_PAGE_TABLES);
}
