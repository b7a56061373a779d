/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/boot/efi_files.c - what lies in \bulkhead\ on the volume we were loaded from: guest
 * files, and `cmdline`, a line of text that stands in for load options where there are none.
 */
#include "arch/x86/boot/efi.h"
#include <string.h>

#define FOLDER       "\\bulkhead\\"
#define CMDLINE_FILE "cmdline"
#define PATH_MAX     (sizeof(FOLDER) + BOOT_NAME_BYTES)
#define INFO_BYTES   512u   /* EFI_FILE_INFO with a name as long as any of ours */
#define CHUNK_BYTES  MIB(1) /* some firmware fails on large reads */

static void make_path(const char *name, CHAR16 *path)
{
	static const char folder[] = FOLDER;
	size_t at = 0;

	for (const char *c = folder; *c != 0; c++)
		path[at++] = (CHAR16)(uint8_t)*c;
	for (const char *c = name; *c != 0; c++)
		path[at++] = (CHAR16)(uint8_t)*c;
	path[at] = 0;
}

static uint64_t file_size(EFI_FILE_HANDLE file, const char *name)
{
	static union {
		EFI_FILE_INFO info;
		uint8_t bytes[INFO_BYTES];
	} u;
	EFI_GUID file_info = EFI_FILE_INFO_ID;
	UINTN bytes = sizeof(u);

	if (EFI_ERROR(file->GetInfo(file, &file_info, &bytes, &u)))
		efi_fail("bulkhead: " FOLDER "%s: the firmware does not tell its size", name);
	if (u.info.Attribute & EFI_FILE_DIRECTORY)
		efi_fail("bulkhead: " FOLDER "%s is a folder, not a file", name);
	if (u.info.FileSize == 0)
		efi_fail("bulkhead: " FOLDER "%s is empty", name);
	return u.info.FileSize;
}

static void read_all(EFI_FILE_HANDLE file, const char *name, uint8_t *to, uint64_t bytes)
{
	uint64_t done = 0;

	while (done < bytes) {
		UINTN chunk = min_u64(bytes - done, CHUNK_BYTES);
		const EFI_STATUS status = file->Read(file, &chunk, to + done);

		if (EFI_ERROR(status))
			efi_fail("bulkhead: " FOLDER "%s: read error 0x%lx after %lu of %lu bytes",
				 name, (unsigned long)status, done, bytes);
		if (chunk == 0)
			efi_fail("bulkhead: " FOLDER "%s: ends after %lu of %lu bytes", name, done,
				 bytes);
		done += chunk;
	}
}

static void load_file(EFI_FILE_HANDLE root, const char *name, struct boot_info *info)
{
	struct boot_file *const out = &info->files[info->file_count];
	EFI_FILE_HANDLE file = NULL;
	CHAR16 path[PATH_MAX];
	EFI_STATUS status;

	if (info->file_count == BOOT_FILE_MAX)
		efi_fail("bulkhead: the configuration names more than %u files", BOOT_FILE_MAX);
	if (strlen(name) >= BOOT_NAME_BYTES)
		efi_fail("bulkhead: the file name %s is longer than %u characters", name,
			 BOOT_NAME_BYTES - 1);
	make_path(name, path);
	status = root->Open(root, &file, path, EFI_FILE_MODE_READ, 0);
	if (status == EFI_NOT_FOUND)
		efi_fail("bulkhead: " FOLDER "%s is not on the boot volume", name);
	if (EFI_ERROR(status))
		efi_fail("bulkhead: " FOLDER "%s cannot be opened: error 0x%lx", name,
			 (unsigned long)status);
	out->bytes = file_size(file, name);
	out->base = efi_take(out->bytes, EfiLoaderData, UINT64_MAX, name);
	read_all(file, name, (uint8_t *)(uintptr_t)out->base, out->bytes);
	file->Close(file);
	memcpy(out->name, name, strlen(name) + 1);
	info->file_count++;
	efi_say("bulkhead: " FOLDER "%s, %lu KiB", name, (out->bytes + KIB(1) - 1) >> 10);
}

/* It need not be there, and cannot be wrong: it ends where it stops being a line of text. */
static void read_cmdline(EFI_FILE_HANDLE root, struct boot_info *info)
{
	EFI_FILE_HANDLE file = NULL;
	UINTN bytes = sizeof(info->cmdline) - 1;
	CHAR16 path[PATH_MAX];
	size_t n = 0;

	make_path(CMDLINE_FILE, path);
	if (EFI_ERROR(root->Open(root, &file, path, EFI_FILE_MODE_READ, 0)))
		return;
	if (EFI_ERROR(file->Read(file, &bytes, info->cmdline)))
		bytes = 0;
	file->Close(file);
	while (n < bytes && info->cmdline[n] >= ' ' && info->cmdline[n] <= '~')
		n++;
	memset(info->cmdline + n, 0, sizeof(info->cmdline) - n);
}

void efi_load_files(EFI_HANDLE volume, struct boot_info *info)
{
	EFI_GUID file_system = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
	EFI_FILE_IO_INTERFACE *fs = NULL;
	EFI_FILE_HANDLE root = NULL;

	if (EFI_ERROR(efi_services->HandleProtocol(volume, &file_system, (void **)&fs)) ||
	    EFI_ERROR(fs->OpenVolume(fs, &root)))
		efi_fail("bulkhead: the boot volume has no file system that the firmware reads");
	if (info->cmdline[0] == 0)
		read_cmdline(root, info);
	for (uint32_t i = 0; i < boot_wanted_count(); i++)
		load_file(root, boot_wanted_name(i), info);
	root->Close(root);
}
