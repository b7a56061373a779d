/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/boot/efi.h - the UEFI loader BOOTX64.EFI: what its files share.
 *
 * Model    One pass, on one processor, under boot services: image, files, tables, frame buffer,
 *	    command line; then the final memory map, ExitBootServices(), and the jump.
 * Source   UEFI Specification 2.10, "Services - Boot Services", "EFI Loaded Image Protocol",
 *	    "Graphics Output Protocol", "Media Access".
 * Errors   Everything is said in words on the firmware's console (efi_fail()), after which the
 *	    firmware goes on to its next boot option.
 */
#pragma once
#include <efi.h>
#include "arch/boot_info.h"

extern EFI_BOOT_SERVICES *efi_services;

/* One line on the firmware's console. */
void efi_say(const char *format, ...) PRINTF(1, 2);
/* The same for a failure: stays readable for some seconds, then back to the firmware. */
NORETURN void efi_fail(const char *format, ...) PRINTF(1, 2);

/* Zeroed pages at or below `max`; does not return without. */
uint64_t efi_take(uint64_t bytes, EFI_MEMORY_TYPE type, uint64_t max, const char *what);
/* Like efi_take() at exactly `base`; false if it is not free. */
bool efi_take_at(uint64_t base, uint64_t bytes);

/* Puts the hypervisor's image into memory; sets image_base, image_bytes. Returns its entry. */
uint64_t efi_load_image(struct boot_info *info);

/*
 * Reads every file that the configuration names from \bulkhead\ on our own volume, and the
 * command line from there if there is none yet.
 */
void efi_load_files(EFI_HANDLE volume, struct boot_info *info);

/* Frame buffer, ACPI, command line: what there is. */
void efi_describe(EFI_SYSTEM_TABLE *system, EFI_LOADED_IMAGE *self, struct boot_info *info);

/* The final map into info->mem, and out of the firmware. Boot services are gone afterwards. */
void efi_exit(EFI_HANDLE self, struct boot_info *info);

/* efi_handoff.S; copied to a page below 4 GiB and called there, with its own address last. */
typedef void efi_handoff_fn(uint64_t boot_info, uint64_t cr3, uint64_t entry, uint64_t here);
extern char efi_handoff[], efi_handoff_end[];

/* The hypervisor's ELF file. */
extern const uint8_t efi_image[], efi_image_end[];
