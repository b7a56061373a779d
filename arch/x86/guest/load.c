/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include "arch/x86/guest/load.h"
#include "arch/x86/pc/map.h"
#include "core/lib/assert.h"
#include "core/lib/fmt.h"

#define REASON_BYTES 256u

/* SDM Vol. 3A, "Segment Descriptors": base 0, limit 4 GiB, present, accessed. */
#define DESCRIPTOR_CODE_32 UINT64_C(0x00cf9b000000ffff)
#define DESCRIPTOR_CODE_64 UINT64_C(0x00af9b000000ffff)
#define DESCRIPTOR_DATA    UINT64_C(0x00cf93000000ffff)

/* The BIOS data area, 40H:0 on a PC. No extended one: 40H:0EH is 0. */
#define BIOS_DATA          0x400u
#define BIOS_DATA_BYTES    0x100u
#define BIOS_COM1          0x00u
#define BIOS_EQUIPMENT     0x10u
#define EQUIPMENT_1_SERIAL (1u << 9)
#define BIOS_BASE_KIB      0x13u

uint64_t guest_low_end(const struct guest_ram *ram)
{
	return min_u64(ram->bytes, GUEST_LOW_MAX);
}

uint32_t guest_map(const struct guest_ram *ram, struct guest_map_line map[GUEST_MAP_MAX])
{
	const uint64_t low_end = guest_low_end(ram);
	uint32_t n = 0;

	map[n++] = (struct guest_map_line){ 0, min_u64(low_end, GUEST_HOLE_FIRST), GUEST_MAP_RAM };
	if (ram->has_pc)
		map[n++] = (struct guest_map_line){ GUEST_ACPI_FIRST,
						    GUEST_HOLE_END - GUEST_ACPI_FIRST,
						    GUEST_MAP_RESERVED };
	if (low_end > GUEST_HOLE_END)
		map[n++] = (struct guest_map_line){ GUEST_HOLE_END, low_end - GUEST_HOLE_END,
						    GUEST_MAP_RAM };
	if (ram->has_pc)
		map[n++] = (struct guest_map_line){ PC_ECAM, PC_ECAM_BYTES, GUEST_MAP_RESERVED };
	if (ram->bytes > GUEST_LOW_MAX)
		map[n++] = (struct guest_map_line){ GUEST_HIGH, ram->bytes - GUEST_LOW_MAX,
						    GUEST_MAP_RAM };
	return n;
}

void guest_loader_init(struct guest_loader *l, const struct guest_image *image,
		       const struct guest_ram *ram, struct guest_load *load)
{
	memset(load, 0, sizeof(*load));
	memset(l, 0, sizeof(*l));
	l->image = image;
	l->ram = ram;
	l->load = load;
}

enum err guest_refuse(const struct guest_loader *l, enum err e, const struct guest_file *file,
		      const char *format, ...)
{
	static char text[REASON_BYTES];
	va_list args;
	int n;

	n = fmt_text(text, sizeof(text), "%.64s: ", file->name);
	va_start(args, format);
	fmt_text_v(text + n, sizeof(text) - (size_t)n, format, args);
	va_end(args);
	*l->reason = text;
	return e;
}

bool guest_is_ram(const struct guest_loader *l, uint64_t at, uint64_t bytes)
{
	const uint64_t low_end = guest_low_end(l->ram);
	const uint64_t end = at < GUEST_HOLE_FIRST ? min_u64(low_end, GUEST_HOLE_FIRST) : low_end;

	if (at >= GUEST_HOLE_FIRST && at < GUEST_HOLE_END)
		return false;
	return at < end && bytes <= end - at;
}

const struct guest_taken *guest_overlap(const struct guest_loader *l, uint64_t at, uint64_t bytes)
{
	for (uint32_t i = 0; i < l->taken_count; i++) {
		const struct guest_taken *t = &l->taken[i];

		if (at < t->base + t->bytes && t->base < at + bytes)
			return t;
	}
	return NULL;
}

void guest_take(struct guest_loader *l, uint64_t at, uint64_t bytes)
{
	ASSERT(l->taken_count < GUEST_TAKEN_MAX && guest_is_ram(l, at, bytes));
	l->taken[l->taken_count++] = (struct guest_taken){ at, bytes };
}

void guest_copy(struct guest_loader *l, uint64_t to, const uint8_t *from, uint64_t bytes)
{
	ASSERT(l->load->copy_count < GUEST_COPY_MAX && guest_is_ram(l, to, bytes));
	l->load->copies[l->load->copy_count++] = (struct guest_copy){ to, from, bytes };
}

/*
 * Either way: while something lies there, go past it. Each of what is taken is passed once at
 * most, so the number of rounds is bounded. The hole of a PC is never crossed: a `want` lies on
 * one side of it.
 */
bool guest_find_low(const struct guest_loader *l, const struct guest_want *w, uint64_t *at)
{
	const struct guest_taken *t;

	*at = align_up(w->from, w->align);
	while (*at < w->end && w->bytes <= w->end - *at && guest_is_ram(l, *at, w->bytes)) {
		t = guest_overlap(l, *at, w->bytes);
		if (!t)
			return true;
		*at = align_up(t->base + t->bytes, w->align);
	}
	return false;
}

bool guest_find_high(const struct guest_loader *l, const struct guest_want *w, uint64_t *at)
{
	uint64_t end = min_u64(w->end, guest_low_end(l->ram));

	while (end > w->from && w->bytes <= end - w->from) {
		const struct guest_taken *t;

		*at = align_down(end - w->bytes, w->align);
		if (*at < w->from || !guest_is_ram(l, *at, w->bytes))
			return false;
		t = guest_overlap(l, *at, w->bytes);
		if (!t)
			return true;
		end = t->base;
	}
	return false;
}

void guest_write_gdt(uint8_t *at, enum vcpu_mode mode)
{
	put64(at, 0);
	put64(at + 0x08, DESCRIPTOR_CODE_32);
	put64(at + 0x10, mode == VCPU_LONG64 ? DESCRIPTOR_CODE_64 : DESCRIPTOR_DATA);
	put64(at + 0x18, DESCRIPTOR_DATA);
}

void guest_take_bios_data(struct guest_loader *l)
{
	l->load->has_bios_data = l->ram->has_pc && !guest_overlap(l, BIOS_DATA, BIOS_DATA_BYTES);
	if (l->load->has_bios_data)
		guest_take(l, BIOS_DATA, BIOS_DATA_BYTES);
}

void guest_write_bios_data(const struct guest_ram *ram, const struct guest_load *load)
{
	uint8_t *const data = ram->at + BIOS_DATA;

	if (!load->has_bios_data)
		return;
	memset(data, 0, BIOS_DATA_BYTES);
	put16(data + BIOS_COM1, PC_COM1);
	put16(data + BIOS_EQUIPMENT, EQUIPMENT_1_SERIAL);
	put16(data + BIOS_BASE_KIB, (uint16_t)(GUEST_HOLE_FIRST >> 10));
}
