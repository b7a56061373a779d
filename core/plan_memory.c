/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "core/plan_check.h"

#define MEMORY_MIN_BYTES        LARGE_PAGE_BYTES /* the hole below 1 MiB and room above it */
#define MEMORY_MIN_KERNEL_BYTES MIB(16)

#define ITEM_DISK               CHECK_ITEM_DISK
#define ITEM_COUNT              CHECK_ITEM_COUNT
#define ITEM_NONE               UINT32_MAX

uint64_t check_item_bytes(const struct check *k, uint32_t item)
{
	return item >= ITEM_DISK ? k->config->disks[item - ITEM_DISK].bytes
				 : k->plan->partitions[item].memory_bytes;
}

/*
 * A kernel is loaded at 1 MiB, and its modules behind it. Linux' protected-mode part goes to
 * 16 MiB where it may choose ("pref_address" of its header) and unpacks itself there.
 */
uint64_t check_memory_least(const struct check *k, part_id_t part)
{
	return k->config->partitions[part].boot == BOOT_GUEST ? MEMORY_MIN_BYTES
							      : MEMORY_MIN_KERNEL_BYTES;
}

static const char *least_reason(const struct check *k, part_id_t part)
{
	switch (k->config->partitions[part].boot) {
	case BOOT_LINUX:
		return "a Linux kernel unpacks itself behind its first MiB and needs more";
	case BOOT_MULTIBOOT:
		return "a multiboot kernel and its modules lie behind the first MiB and need more";
	default:
		return "an ELF64 guest needs more";
	}
}

static bool check_size(struct check *k, part_id_t i)
{
	uint64_t bytes = check_item_bytes(k, i), least = check_memory_least(k, i);

	if (bytes == 0)
		refuse_partition(k, i,
				 "memory_bytes is not given; a partition has memory of its own: "
				 "give at least %s",
				 text_size(least).s);
	else if (bytes < least)
		refuse_partition(k, i, "memory_bytes = %s: %s; give at least %s",
				 text_size(bytes).s, least_reason(k, i), text_size(least).s);
	else if (bytes > CHECK_MEMORY_MAX_BYTES)
		refuse_partition(k, i,
				 "memory_bytes = %s: guest RAM is laid out for %s; give at most "
				 "that",
				 text_size(bytes).s, text_size(CHECK_MEMORY_MAX_BYTES).s);
	else if (bytes % LARGE_PAGE_BYTES != 0)
		refuse_partition(k, i, "memory_bytes = %s: not a multiple of %s; give %s",
				 text_size(bytes).s, text_size(LARGE_PAGE_BYTES).s,
				 text_size(align_up(bytes, LARGE_PAGE_BYTES)).s);
	else
		return true;
	return false;
}

/*
 * What is free of each range of the board, in whole 2 MiB. Partitions are cut from a range's
 * bottom and never given back, so that the free part is always one piece.
 */
struct holes {
	uint32_t count;
	struct board_range hole[BOARD_RANGE_MAX];
};

static void find_holes(struct holes *h, const struct board *b)
{
	h->count = 0;
	for (uint32_t i = 0; i < b->memory_count; i++) {
		const struct board_range *r = &b->memory[i];
		uint64_t end = align_down(r->base + r->bytes, LARGE_PAGE_BYTES), base;

		if (r->base > UINT64_MAX - LARGE_PAGE_BYTES)
			break;
		base = align_up(r->base, LARGE_PAGE_BYTES);
		if (base < end)
			h->hole[h->count++] = (struct board_range){ base, end - base };
	}
}

static uint64_t total_bytes(const struct holes *h)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < h->count; i++)
		total += h->hole[i].bytes;
	return total;
}

static void note_place(struct check *k, uint32_t item, uint64_t base)
{
	if (item >= ITEM_DISK) {
		k->plan->disks[item - ITEM_DISK].memory_base = base;
		return;
	}
	k->plan->partitions[item].memory_base = base;
}

static bool place(struct check *k, struct holes *h, uint32_t item)
{
	for (uint32_t i = 0; i < h->count; i++) {
		struct board_range *hole = &h->hole[i];

		if (hole->bytes < check_item_bytes(k, item))
			continue;
		note_place(k, item, hole->base);
		hole->base += check_item_bytes(k, item);
		hole->bytes -= check_item_bytes(k, item);
		return true;
	}
	return false;
}

static void refuse_place(struct check *k, uint32_t item, const struct holes *h)
{
	const bool is_disk = item >= ITEM_DISK;
	struct short_text who;
	uint64_t largest = 0;

	if (is_disk)
		who = check_disk_label(k, item - ITEM_DISK);
	else
		who = check_label(k, item);
	for (uint32_t i = 0; i < h->count; i++)
		largest = max_u64(largest, h->hole[i].bytes);
	if (largest == 0)
		refuse(k, who.s,
		       "%s = %s does not fit: nothing is left after the larger %s; shrink "
		       "those, or use a larger board",
		       is_disk ? "bytes" : "memory_bytes", text_size(check_item_bytes(k, item)).s,
		       is_disk ? "ones" : "partitions");
	else
		refuse(k, who.s,
		       "%s = %s does not fit: a %s memory is contiguous, and %s are left in all, "
		       "%s in one piece; give at most %s, shrink others, or use a larger board",
		       is_disk ? "bytes" : "memory_bytes", text_size(check_item_bytes(k, item)).s,
		       is_disk ? "disk's" : "partition's", text_size(total_bytes(h)).s,
		       text_size(largest).s, text_size(largest).s);
}

/* The largest that is still to be placed, the first of equal ones. */
static uint32_t find_largest(const struct check *k, const bool *is_waiting)
{
	uint32_t largest = ITEM_NONE;

	for (uint32_t i = 0; i < ITEM_COUNT; i++) {
		if (is_waiting[i] &&
		    (largest == ITEM_NONE || check_item_bytes(k, i) > check_item_bytes(k, largest)))
			largest = i;
	}
	return largest;
}

/* Returns the first that there is no place for; `holes` is what is left then. */
static uint32_t place_all(struct check *k, struct holes *holes)
{
	bool is_waiting[ITEM_COUNT];
	uint32_t i;

	memcpy(is_waiting, k->is_placeable, sizeof(is_waiting));
	find_holes(holes, k->board);
	while ((i = find_largest(k, is_waiting)) != ITEM_NONE) {
		is_waiting[i] = false;
		if (!place(k, holes, i))
			return i;
	}
	return ITEM_NONE;
}

bool check_memory_fits(struct check *k)
{
	struct holes holes;

	return place_all(k, &holes) == ITEM_NONE;
}

struct check_room check_memory_room(const struct check *k)
{
	struct check_room room = { 0 };
	struct holes holes;

	find_holes(&holes, k->board);
	room.pieces = holes.count;
	room.bytes = total_bytes(&holes);
	for (uint32_t i = 0; i < holes.count; i++)
		room.largest = max_u64(room.largest, holes.hole[i].bytes);
	return room;
}

void check_memory(struct check *k)
{
	struct holes holes;
	uint32_t i;

	for (i = 0; i < k->partition_count; i++) {
		k->plan->partitions[i].memory_bytes = k->config->partitions[i].memory_bytes;
		k->is_placeable[i] = check_size(k, i);
	}
	for (i = 0; i < k->disk_count; i++)
		k->is_placeable[ITEM_DISK + i] = check_disk_memory(k, i);
	if (!k->has_memory_map || (grant_memory && !grant_memory(k)))
		return;
	while ((i = place_all(k, &holes)) != ITEM_NONE) {
		refuse_place(k, i, &holes);
		k->is_placeable[i] = false; /* the others are looked at without it */
	}
	k->plan->memory_free_bytes = total_bytes(&holes);
}
