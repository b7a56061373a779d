/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/guest.h - guest RAM, and putting guests of standard boot protocols into it.
 *
 * Model    Loading is cut in three, so that a restart at run time is bounded work at a time:
 *	    arch_guest_check_*()   looks at the hostile files only, and says what goes where
 *	    the caller		   zeroes RAM and does the copies, in pieces as it likes
 *	    arch_guest_finish_*()  writes what the protocol wants besides: bounded work
 *	    ELF64 images of our own guests: core/elf.h.
 * RAM      Guest-physical [0, A0000H), [C0000H or 1 MiB, 3 GiB), [4 GiB, ..): one host-linear
 *	    range, cut at GUEST_LOW_MAX. With a PC, [E0000H, 1 MiB) holds its ACPI tables.
 * Source   Linux, "The Linux/x86 Boot Protocol" (Documentation/x86/boot.rst), "64-bit Boot
 *	    Protocol"; Multiboot Specification version 0.6.96; ACPI Specification 6.5.
 * Errors   ERR_INVAL, ERR_RANGE with a reason in words that says what is wrong with which file.
 * Sharing  Pure.
 */
#pragma once
#include "arch/vcpu.h"

#define GUEST_HOLE_FIRST UINT64_C(0xa0000)
#define GUEST_ROM_FIRST  UINT64_C(0xc0000) /* with a PC: RAM again from here */
#define GUEST_ACPI_FIRST UINT64_C(0xe0000) /* with a PC: its ACPI tables, no file goes there */
#define GUEST_HOLE_END   UINT64_C(0x100000)
#define GUEST_LOW_MAX    GIB(3) /* RAM beyond is at 4 GiB */
#define GUEST_HIGH       GIB(4)

struct guest_ram {
	uint8_t *at;    /* through the hypervisor's map; guest-physical 0 */
	uint64_t bytes; /* all of it */
	bool has_pc;
};

/* NULL: not wholly RAM. This and guest_ram_map() know the layout. */
static inline void *guest_ram_at(const struct guest_ram *ram, uint64_t gpa, uint64_t bytes)
{
	const uint64_t hole_end = ram->has_pc ? GUEST_ROM_FIRST : GUEST_HOLE_END;
	const uint64_t low = ram->bytes < GUEST_LOW_MAX ? ram->bytes : GUEST_LOW_MAX;

	if (gpa < low) {
		if (bytes > low - gpa)
			return NULL;
		return gpa + bytes <= GUEST_HOLE_FIRST || gpa >= hole_end ? ram->at + gpa : NULL;
	}
	if (gpa < GUEST_HIGH || gpa - GUEST_HIGH >= ram->bytes - low)
		return NULL;
	gpa -= GUEST_HIGH;
	return bytes <= ram->bytes - low - gpa ? ram->at + low + gpa : NULL;
}

/* All of it, at most three pieces, by arch_space_map() or arch_iommu_map(). Boot only. */
typedef enum err guest_map_fn(part_id_t part, gpa_t gpa, hpa_t hpa, uint64_t bytes,
			      uint32_t rights);
static inline enum err guest_ram_map(const struct guest_ram *ram, part_id_t part, hpa_t base,
				     uint32_t rights, guest_map_fn *map)
{
	const uint64_t hole_end = ram->has_pc ? GUEST_ROM_FIRST : GUEST_HOLE_END;
	const uint64_t low = ram->bytes < GUEST_LOW_MAX ? ram->bytes : GUEST_LOW_MAX;
	enum err e = map(part, (gpa_t){ 0 }, base, GUEST_HOLE_FIRST, rights);

	if (e == OK)
		e = map(part, (gpa_t){ hole_end }, (hpa_t){ base.v + hole_end }, low - hole_end,
			rights);
	if (e == OK && ram->bytes > low)
		e = map(part, (gpa_t){ GUEST_HIGH }, (hpa_t){ base.v + low }, ram->bytes - low,
			rights);
	return e;
}

struct guest_file {
	const char *name;
	const uint8_t *bytes;
	uint64_t size;
	const char *args; /* modules: its own command line, or NULL */
};

#define GUEST_MODULE_MAX 8u
#define GUEST_COPY_MAX   (GUEST_MODULE_MAX + 16u)
#define GUEST_ARGS_MAX   2047u /* COMMAND_LINE_SIZE of Linux on x86, without its NUL */

/* What to load. */
struct guest_image {
	struct guest_file kernel;
	const char *args;
	uint32_t module_count; /* Linux: at most one, the initial RAM disk */
	struct guest_file modules[GUEST_MODULE_MAX];
	uint32_t vcpu_count;
};

/* Where it goes. Ranges are wholly RAM and do not overlap. */
struct guest_load {
	uint32_t copy_count;
	struct guest_copy {
		uint64_t to; /* guest-physical */
		const uint8_t *from;
		uint64_t bytes;
	} copies[GUEST_COPY_MAX];
	struct vcpu_entry entry;
	uint64_t modules_at[GUEST_MODULE_MAX]; /* guest-physical */
	uint64_t info_at;   /* boot_params, or multiboot information: with all that belongs to it */
	bool has_bios_data; /* with a PC: nothing of the kernel lies there. See guest-boot.md */
};

MUST_CHECK enum err arch_guest_check_linux(const struct guest_image *image,
					   const struct guest_ram *ram, struct guest_load *load,
					   const char **reason);
void arch_guest_finish_linux(const struct guest_image *image, const struct guest_load *load,
			     const struct guest_ram *ram);
MUST_CHECK enum err arch_guest_check_multiboot(const struct guest_image *image,
					       const struct guest_ram *ram, struct guest_load *load,
					       const char **reason);
void arch_guest_finish_multiboot(const struct guest_image *image, const struct guest_load *load,
				 const struct guest_ram *ram);

/* The tables of arch/pc.h's PC, from E0000H on: RSDP, XSDT, FADT, FACS, MADT, MCFG, DSDT. */
void arch_guest_write_acpi(const struct guest_ram *ram, uint32_t vcpu_count);
