/* SPDX-License-Identifier: Apache-2.0 */
/* arch/x86/boot/efi_describe.c - frame buffer, ACPI and command line, as the firmware has them. */
#include "arch/x86/boot/efi.h"
#include <string.h>

#define PIXEL_BYTES 4u

static uint64_t find_rsdp(EFI_SYSTEM_TABLE *system)
{
	static const EFI_GUID guids[] = { ACPI_20_TABLE_GUID, ACPI_TABLE_GUID }; /* best first */

	for (size_t g = 0; g < ARRAY_SIZE(guids); g++) {
		for (UINTN i = 0; i < system->NumberOfTableEntries; i++) {
			const EFI_CONFIGURATION_TABLE *t = &system->ConfigurationTable[i];

			if (memcmp(&t->VendorGuid, &guids[g], sizeof(guids[g])) == 0)
				return (uint64_t)(uintptr_t)t->VendorTable;
		}
	}
	return 0;
}

static bool is_32_bit(const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode)
{
	const EFI_PIXEL_BITMASK *m = &mode->PixelInformation;
	const uint32_t all = m->RedMask | m->GreenMask | m->BlueMask | m->ReservedMask;

	switch (mode->PixelFormat) {
	case PixelRedGreenBlueReserved8BitPerColor:
	case PixelBlueGreenRedReserved8BitPerColor:
		return true;
	case PixelBitMask:
		return all > UINT32_MAX >> 8; /* the highest mask bit tells the pixel's size */
	default:                              /* PixelBltOnly: nothing to write to */
		return false;
	}
}

static void find_framebuffer(struct boot_info *info)
{
	EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
	EFI_GRAPHICS_OUTPUT_PROTOCOL *gop = NULL;
	const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode;

	if (EFI_ERROR(efi_services->LocateProtocol(&guid, NULL, (void **)&gop)) ||
	    gop->Mode == NULL || gop->Mode->Info == NULL)
		return;
	mode = gop->Mode->Info;
	if (!is_32_bit(mode) || gop->Mode->FrameBufferBase == 0)
		return;
	info->framebuffer = (struct boot_framebuffer){
		.base = gop->Mode->FrameBufferBase,
		.pitch = mode->PixelsPerScanLine * PIXEL_BYTES,
		.width = mode->HorizontalResolution,
		.height = mode->VerticalResolution,
	};
}

static bool is_printable(CHAR16 c)
{
	return c >= ' ' && c <= '~';
}

/* The shell puts the program's name first; a boot option has no such word. */
static size_t skip_program(const CHAR16 *options, size_t count)
{
	size_t end = 0;

	while (end < count && is_printable(options[end]) && options[end] != ' ')
		end++;
	if (end < 4 || options[end - 4] != '.' || (options[end - 3] | ' ') != 'e' ||
	    (options[end - 2] | ' ') != 'f' || (options[end - 1] | ' ') != 'i')
		return 0;
	while (end < count && options[end] == ' ')
		end++;
	return end;
}

/* Load options need not be text at all: what is not, ends it. */
static void read_cmdline(const EFI_LOADED_IMAGE *self, struct boot_info *info)
{
	const CHAR16 *const options = self->LoadOptions;
	const size_t count = options != NULL ? self->LoadOptionsSize / sizeof(CHAR16) : 0;
	size_t n = 0;

	for (size_t i = skip_program(options, count); i < count && is_printable(options[i]); i++) {
		if (n + 1 == sizeof(info->cmdline))
			break;
		info->cmdline[n++] = (char)options[i];
	}
	info->cmdline[n] = 0;
}

void efi_describe(EFI_SYSTEM_TABLE *system, EFI_LOADED_IMAGE *self, struct boot_info *info)
{
	info->rsdp = find_rsdp(system);
	find_framebuffer(info);
	read_cmdline(self, info);
}
