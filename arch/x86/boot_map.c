/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/boot_map.h"
#include <string.h>

static struct {
	uint32_t count;
	struct boot_mem mem[BOOT_MEM_MAX];
	bool is_full;
} scratch;

static uint32_t rank(uint32_t type)
{
	static const uint8_t ranks[] = {
		[BOOT_MEM_USABLE] = 1,   [BOOT_MEM_FILE] = 2,  [BOOT_MEM_ACPI] = 3,
		[BOOT_MEM_RESERVED] = 4, [BOOT_MEM_IMAGE] = 5,
	};

	return ranks[type];
}

/* Appends [base, end) to the scratch table; the ranges come in order. */
static void emit(uint64_t base, uint64_t end, uint32_t type)
{
	struct boot_mem *last = scratch.count > 0 ? &scratch.mem[scratch.count - 1] : NULL;

	if (base >= end)
		return;
	if (last != NULL && last->type == type && last->base + last->bytes == base) {
		last->bytes += end - base;
		return;
	}
	if (scratch.count == BOOT_MEM_MAX) {
		scratch.is_full = true;
		return;
	}
	scratch.mem[scratch.count++] = (struct boot_mem){ base, end - base, type, 0 };
}

static uint64_t clamp(uint64_t x, uint64_t low, uint64_t high)
{
	return max_u64(low, min_u64(x, high));
}

/* The old map with [base, end) painted, into the scratch table. */
static void merge(const struct boot_info *info, uint64_t base, uint64_t end, uint32_t type)
{
	uint64_t at = base; /* what of [base, end) is not out yet begins here */

	for (uint32_t i = 0; i < info->mem_count; i++) {
		const struct boot_mem *old = &info->mem[i];
		const uint64_t old_end = old->base + old->bytes;
		const uint64_t from = clamp(base, old->base, old_end);
		const uint64_t to = clamp(end, old->base, old_end);

		if (at < end && at < old->base) {
			emit(at, min_u64(end, old->base), type);
			at = min_u64(end, old->base);
		}
		emit(old->base, from, old->type);
		emit(from, to, rank(type) > rank(old->type) ? type : old->type);
		emit(to, old_end, old->type);
		at = max_u64(at, min_u64(end, old_end));
	}
	emit(at, end, type);
}

enum err boot_map_paint(struct boot_info *info, uint64_t base, uint64_t bytes,
			enum boot_mem_type type)
{
	uint64_t end;

	/* The last page of the address space is out of reach, which keeps `end` representable. */
	if (__builtin_add_overflow(base, bytes, &end) || end > align_down(UINT64_MAX, PAGE_BYTES))
		return OK;
	if (type == BOOT_MEM_USABLE) {
		base = align_up(base, PAGE_BYTES);
		end = align_down(end, PAGE_BYTES);
	} else if (bytes > 0) {
		base = align_down(base, PAGE_BYTES);
		end = align_up(end, PAGE_BYTES);
	}
	if (base >= end)
		return OK;
	scratch.count = 0;
	scratch.is_full = false;
	merge(info, base, end, type);
	if (scratch.is_full)
		return ERR_NOMEM;
	memcpy(info->mem, scratch.mem, scratch.count * sizeof(scratch.mem[0]));
	info->mem_count = scratch.count;
	return OK;
}

bool boot_map_has(const struct boot_info *info, uint64_t base, uint64_t bytes,
		  enum boot_mem_type type)
{
	for (uint32_t i = 0; i < info->mem_count; i++) {
		const struct boot_mem *m = &info->mem[i];

		if (m->type == (uint32_t)type && base >= m->base && base - m->base <= m->bytes &&
		    bytes <= m->bytes - (base - m->base))
			return true;
	}
	return false;
}

void boot_map_place_log(struct boot_info *info)
{
	static const uint64_t places[] = BOOT_LOG_PLACES;
	uint64_t base = 0;

	if (info->log_base != 0)
		return;
	for (size_t i = 0; base == 0 && i < ARRAY_SIZE(places); i++) {
		if (boot_map_has(info, places[i], BOOT_LOG_BYTES, BOOT_MEM_USABLE))
			base = places[i];
	}
	for (uint32_t i = 0; base == 0 && i < info->mem_count; i++) {
		const struct boot_mem *m = &info->mem[i];
		const uint64_t end = m->base + m->bytes;

		if (m->type == BOOT_MEM_USABLE && m->bytes >= BOOT_LOG_BYTES &&
		    end - BOOT_LOG_BYTES >= MIB(1) && end <= GIB(4))
			base = end - BOOT_LOG_BYTES;
	}
	if (base == 0 || boot_map_paint(info, base, BOOT_LOG_BYTES, BOOT_MEM_IMAGE) != OK)
		return;
	info->log_base = base;
	info->log_bytes = BOOT_LOG_BYTES;
}
