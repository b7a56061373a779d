/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/boot/efi.h"
#include "arch/x86/boot_map.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging_table.h"
#include "core/lib/assert.h"
#include "core/lib/fmt.h"
#include <string.h>

#define LINE_BYTES        256u
#define FAIL_MICROSECONDS 5000000u
#define LOW_LIMIT         (GIB(4) - 1)
#define HANDOFF_BYTES     PAGE_BYTES
/* Root, two tables over the low 4 GiB and four of its 2 MiB pages, two over the image, spare. */
#define TABLE_BYTES (16 * PAGE_BYTES)
#define LOADER_NAME "UEFI"

EFI_BOOT_SERVICES *efi_services;

static EFI_SYSTEM_TABLE *system_table;
static EFI_HANDLE self_handle;

static void say_v(const char *format, va_list args)
{
	char line[LINE_BYTES];
	CHAR16 wide[LINE_BYTES + 2];
	size_t n = 0;

	fmt_text_v(line, sizeof(line), format, args);
	for (; line[n] != 0; n++)
		wide[n] = (CHAR16)(uint8_t)line[n];
	wide[n++] = '\r';
	wide[n++] = '\n';
	wide[n] = 0;
	system_table->ConOut->OutputString(system_table->ConOut, wide);
}

void efi_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_v(format, args);
	va_end(args);
}

void efi_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_v(format, args);
	va_end(args);
	efi_say("Bulkhead does not start. Back to the firmware in 5 seconds.");
	efi_services->Stall(FAIL_MICROSECONDS);
	efi_services->Exit(self_handle, EFI_LOAD_ERROR, 0, NULL);
	for (;;)
		__asm__ volatile("hlt");
}

void panic(const char *file, int line, const char *what)
{
	efi_fail("bulkhead: %s:%d: %s", file, line, what);
}

uint64_t efi_take(uint64_t bytes, EFI_MEMORY_TYPE type, uint64_t max, const char *what)
{
	const uint64_t pages = align_up(bytes, PAGE_BYTES) / PAGE_BYTES;
	EFI_PHYSICAL_ADDRESS at = max;

	if (EFI_ERROR(efi_services->AllocatePages(AllocateMaxAddress, type, pages, &at)))
		efi_fail("bulkhead: %s: no free memory for %lu KiB", what, bytes >> 10);
	memset((void *)(uintptr_t)at, 0, pages * PAGE_BYTES);
	return at;
}

bool efi_take_at(uint64_t base, uint64_t bytes)
{
	EFI_PHYSICAL_ADDRESS at = base;

	return !EFI_ERROR(efi_services->AllocatePages(
		AllocateAddress, EfiLoaderData, align_up(bytes, PAGE_BYTES) / PAGE_BYTES, &at));
}

/* The same as the multiboot2 stub's: low 4 GiB one to one, the image at IMAGE_VIRT. */
static uint64_t build_tables(const struct boot_info *info)
{
	const uint64_t at = efi_take(TABLE_BYTES, EfiLoaderData, LOW_LIMIT, "page tables");
	struct frame_range frames = { at, at + TABLE_BYTES };
	struct pagetable pt = { .frames = &frames };

	if (pagetable_init(&pt) != OK || pagetable_map(&pt, 0, 0, GIB(4), PTE_W) != OK ||
	    pagetable_map(&pt, IMAGE_VIRT, info->image_base,
			  align_up(info->image_bytes, LARGE_PAGE_BYTES), PTE_W) != OK)
		efi_fail("bulkhead: the image's size does not suit the loader");
	return pt.root;
}

/* First of all, so that nothing else of ours lands there, and only where firmware has nothing. */
static void reserve_log(struct boot_info *info)
{
	static const uint64_t places[] = BOOT_LOG_PLACES;

	for (size_t i = 0; info->log_base == 0 && i < ARRAY_SIZE(places); i++) {
		if (efi_take_at(places[i], BOOT_LOG_BYTES)) {
			info->log_base = places[i];
			info->log_bytes = BOOT_LOG_BYTES;
		}
	}
}

static struct boot_info *make_info(EFI_LOADED_IMAGE *self)
{
	struct boot_info *info = (struct boot_info *)(uintptr_t)efi_take(
		sizeof(*info), EfiLoaderData, LOW_LIMIT, "boot information");

	info->magic = BOOT_INFO_MAGIC;
	memcpy(info->loader, LOADER_NAME, sizeof(LOADER_NAME));
	reserve_log(info);
	efi_describe(system_table, self, info);
	return info;
}

static NORETURN void hand_over(struct boot_info *info, uint64_t entry)
{
	const uint64_t root = build_tables(info);
	/* Loader code: newer firmware does not execute loader data. */
	const uint64_t page = efi_take(HANDOFF_BYTES, EfiLoaderCode, LOW_LIMIT, "the last step");

	memcpy((void *)(uintptr_t)page, efi_handoff, (size_t)(efi_handoff_end - efi_handoff));
	efi_say("bulkhead: image at 0x%lx, %u files. Leaving the firmware.", info->image_base,
		info->file_count);
	efi_exit(self_handle, info);
	((efi_handoff_fn *)(uintptr_t)page)((uint64_t)(uintptr_t)info, root, entry, page);
	__builtin_unreachable();
}

/* Not EFIAPI: GNU-EFI's start code calls it by the System V convention. */
EFI_STATUS efi_main(EFI_HANDLE handle, EFI_SYSTEM_TABLE *system);
EFI_STATUS efi_main(EFI_HANDLE handle, EFI_SYSTEM_TABLE *system)
{
	EFI_GUID loaded_image = LOADED_IMAGE_PROTOCOL;
	EFI_LOADED_IMAGE *self = NULL;
	struct boot_info *info;
	uint64_t entry;

	system_table = system;
	efi_services = system->BootServices;
	self_handle = handle;
	efi_services->SetWatchdogTimer(0, 0, 0, NULL);
	efi_say("bulkhead: UEFI loader");
	if (EFI_ERROR(efi_services->HandleProtocol(handle, &loaded_image, (void **)&self)))
		efi_fail("bulkhead: the firmware does not say where this loader came from");
	info = make_info(self);
	entry = efi_load_image(info);
	efi_load_files(self->DeviceHandle, info);
	hand_over(info, entry);
}
