/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/guest/load.h - what the loaders of guests share. Private to arch/x86/guest/.
 *
 * Model    A struct guest_loader is one check of one image: what it has taken of the guest's low
 *	    RAM so far, and where the reason goes if the image is refused. Only RAM below 3 GiB is
 *	    handed out: guests begin with 32-bit pointers.
 * Errors   guest_refuse() writes "FILE: reason" to a buffer that the next refusal overwrites.
 * Sharing  Pure but for that buffer: checks are made by one core at a time.
 */
#pragma once
#include <string.h>
#include "arch/guest.h"

/* One line of the memory map. Types are those of INT 15H, AX = E820H, and of Multiboot. */
#define GUEST_MAP_RAM      1u
#define GUEST_MAP_RESERVED 2u
#define GUEST_MAP_MAX      5u
struct guest_map_line {
	uint64_t base, bytes;
	uint32_t type;
};
/* Sorted. Returns how many. */
uint32_t guest_map(const struct guest_ram *ram, struct guest_map_line map[GUEST_MAP_MAX]);
/* The end of RAM below 3 GiB. */
uint64_t guest_low_end(const struct guest_ram *ram);

#define GUEST_TAKEN_MAX (GUEST_COPY_MAX + 3u)
struct guest_loader {
	const struct guest_image *image;
	const struct guest_ram *ram;
	struct guest_load *load;
	const char **reason;
	uint32_t taken_count;
	struct guest_taken {
		uint64_t base, bytes;
	} taken[GUEST_TAKEN_MAX];
};

/* Empties *load. */
void guest_loader_init(struct guest_loader *l, const struct guest_image *image,
		       const struct guest_ram *ram, struct guest_load *load);
/* Returns `e`. */
MUST_CHECK enum err guest_refuse(const struct guest_loader *l, enum err e,
				 const struct guest_file *file, const char *format, ...)
	PRINTF(4, 5);

/* True: all of it is low RAM that the memory map calls RAM. Any numbers will do. */
bool guest_is_ram(const struct guest_loader *l, uint64_t at, uint64_t bytes);
/* The first of what is taken that overlaps, or NULL. */
const struct guest_taken *guest_overlap(const struct guest_loader *l, uint64_t at, uint64_t bytes);
void guest_take(struct guest_loader *l, uint64_t at, uint64_t bytes);
void guest_copy(struct guest_loader *l, uint64_t to, const uint8_t *from, uint64_t bytes);

/* The lowest free place in [from, end), or the highest. `align`: a power of two. */
struct guest_want {
	uint64_t from, end;
	uint64_t bytes, align;
};
MUST_CHECK bool guest_find_low(const struct guest_loader *l, const struct guest_want *w,
			       uint64_t *at);
MUST_CHECK bool guest_find_high(const struct guest_loader *l, const struct guest_want *w,
				uint64_t *at);

/* Flat segments, at the selectors that arch/vcpu.h gives for each mode. */
#define GUEST_GDT_BYTES 32u
void guest_write_gdt(uint8_t *at, enum vcpu_mode mode);

/*
 * Some kernels ask the BIOS data area for the size of base memory. A PC has one if the kernel
 * leaves its place alone: guest_take_bios_data() after everything that cannot lie elsewhere.
 */
void guest_take_bios_data(struct guest_loader *l);
void guest_write_bios_data(const struct guest_ram *ram, const struct guest_load *load);

/* Little-endian numbers at any address. */
static inline uint16_t get16(const uint8_t *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static inline uint32_t get32(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static inline uint64_t get64(const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static inline void put16(uint8_t *at, uint16_t v)
{
	memcpy(at, &v, sizeof(v));
}

static inline void put32(uint8_t *at, uint32_t v)
{
	memcpy(at, &v, sizeof(v));
}

static inline void put64(uint8_t *at, uint64_t v)
{
	memcpy(at, &v, sizeof(v));
}
