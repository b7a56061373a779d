/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/boot_info.h - what every boot path hands to the hypervisor.
 *
 * Both stubs (UEFI, multiboot2) fill one struct boot_info and enter core_main(); after that
 * nobody knows how we were booted. All addresses are host-physical, all sizes in bytes.
 * Sharing  Constant after boot.
 */
#pragma once
#include "core/lib/base.h"

#define BOOT_INFO_MAGIC    UINT64_C(0x646165686b6c7562) /* "bulkhead", little endian */
#define BOOT_MEM_MAX       256u
#define BOOT_FILE_MAX      32u
#define BOOT_NAME_BYTES    64u
#define BOOT_CMDLINE_BYTES 256u

enum boot_mem_type {
	BOOT_MEM_USABLE = 1, /* free for anybody */
	BOOT_MEM_RESERVED,   /* firmware or device memory */
	BOOT_MEM_ACPI,       /* ACPI tables: read at boot, never given to a guest */
	BOOT_MEM_IMAGE,      /* the hypervisor's own image */
	BOOT_MEM_FILE,       /* holds boot files and loader data: free once guests are loaded */
};

/* Ranges are sorted, do not overlap, and are page-aligned inwards for USABLE. */
struct boot_mem {
	uint64_t base;
	uint64_t bytes;
	uint32_t type; /* enum boot_mem_type */
	uint32_t reserved;
};

struct boot_file {
	char name[BOOT_NAME_BYTES]; /* as in the configuration, NUL-terminated */
	uint64_t base;
	uint64_t bytes;
};

/* A linear frame buffer with 32 bits a pixel; width 0: there is none. */
struct boot_framebuffer {
	uint64_t base;
	uint32_t pitch; /* bytes a line */
	uint32_t width; /* pixels */
	uint32_t height;
	uint32_t reserved;
};

struct boot_info {
	uint64_t magic;
	uint64_t image_base; /* where the image was loaded, 2 MiB aligned */
	uint64_t image_bytes;
	uint64_t rsdp; /* address of the ACPI RSDP; 0: firmware gave none */
	uint32_t mem_count;
	uint32_t file_count;
	struct boot_mem mem[BOOT_MEM_MAX];
	struct boot_file files[BOOT_FILE_MAX];
	struct boot_framebuffer framebuffer;
	char cmdline[BOOT_CMDLINE_BYTES];
	char loader[32];   /* "UEFI" or the multiboot2 loader's name, for the log only */
	uint64_t log_base; /* RAM for the log ring that a warm reset leaves alone, or 0 */
	uint64_t log_bytes;
};

/* Where every boot path ends: boot stack, interrupts off, low 4 GiB mapped one to one. */
NORETURN void core_main(const struct boot_info *boot);

/* The guest files that the UEFI loader shall load: core/boot_files.c, from the configuration. */
uint32_t boot_wanted_count(void);
const char *boot_wanted_name(uint32_t index);
