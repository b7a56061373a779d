/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/boot/efi_exit.c - the final memory map, and out of the firmware.
 *
 * Source   UEFI Specification 2.10, "EFI_BOOT_SERVICES.ExitBootServices()": the map's key must
 *	    be the current one; after a failed call only GetMemoryMap() and ExitBootServices()
 *	    may be called, so there is no more allocating and no more printing.
 */
#include "arch/x86/boot/efi.h"
#include "arch/x86/boot_map.h"

#define MAP_SPARE_BYTES KIB(16) /* the map grows by allocating room for it, and by events */
#define EXIT_TRIES      8u
#define RANGES_SPARE    16u

/* "Memory Type Usage after ExitBootServices()"; newer than GNU-EFI's headers are not listed. */
static enum boot_mem_type range_type(uint32_t type)
{
	switch (type) {
	case EfiConventionalMemory:
	case EfiBootServicesCode:
	case EfiBootServicesData:
		return BOOT_MEM_USABLE;
	case EfiLoaderCode:
	case EfiLoaderData:
		return BOOT_MEM_FILE;
	case EfiACPIReclaimMemory:
	case EfiACPIMemoryNVS:
		return BOOT_MEM_ACPI;
	default:
		return BOOT_MEM_RESERVED;
	}
}

struct map {
	uint8_t *at;
	UINTN room;
	UINTN bytes;
	UINTN key;
	UINTN entry_bytes;
};

static bool read_map(struct map *map)
{
	UINT32 version;

	map->bytes = map->room;
	return !EFI_ERROR(efi_services->GetMemoryMap(&map->bytes, (EFI_MEMORY_DESCRIPTOR *)map->at,
						     &map->key, &map->entry_bytes, &version));
}

static enum err convert(const struct map *map, struct boot_info *info)
{
	enum err e;

	info->mem_count = 0;
	e = boot_map_paint(info, info->image_base, info->image_bytes, BOOT_MEM_IMAGE);
	if (e == OK)
		e = boot_map_paint(info, info->log_base, info->log_bytes, BOOT_MEM_IMAGE);
	for (UINTN at = 0; e == OK && at + map->entry_bytes <= map->bytes; at += map->entry_bytes) {
		const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(map->at + at);
		uint64_t bytes;

		if (!__builtin_mul_overflow(d->NumberOfPages, (uint64_t)PAGE_BYTES, &bytes))
			e = boot_map_paint(info, d->PhysicalStart, bytes, range_type(d->Type));
	}
	/* The null pointer lives in page 0. */
	return e == OK ? boot_map_paint(info, 0, PAGE_BYTES, BOOT_MEM_RESERVED) : e;
}

static NORETURN void stop(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

void efi_exit(EFI_HANDLE self, struct boot_info *info)
{
	struct map map = { .room = 0 };
	uint32_t tries = 0;

	read_map(&map); /* too small: tells how much it takes */
	map.room = map.bytes + MAP_SPARE_BYTES;
	map.at = (uint8_t *)(uintptr_t)efi_take(map.room, EfiLoaderData, GIB(4) - 1,
						"the memory map");
	/* While there is still somebody to tell it to. */
	if (!read_map(&map) || convert(&map, info) != OK ||
	    info->mem_count + RANGES_SPARE > BOOT_MEM_MAX)
		efi_fail("bulkhead: the firmware's memory map has too many ranges");
	do {
		if (tries++ == EXIT_TRIES || !read_map(&map))
			stop();
	} while (EFI_ERROR(efi_services->ExitBootServices(self, map.key)));
	if (convert(&map, info) != OK)
		stop();
}
