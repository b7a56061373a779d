/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plan_check.h"

/*
 * Four levels of nested tables, as EPT and nPT both have, translate 48 bits.
 * SDM Vol. 3C, "EPT Translation Mechanism"; APM Vol. 2, "Nested Paging".
 */
#define MEMORY_MAX_BYTES BIT64(48)
#define MEMORY_MIN_BYTES LARGE_PAGE_BYTES /* the hole below 1 MiB and room above it */

static uint64_t size_of(const struct check *k, part_id_t part)
{
	return k->config->partitions[part].memory_bytes;
}

static bool check_size(struct check *k, part_id_t i)
{
	uint64_t bytes = size_of(k, i);

	if (bytes == 0)
		refuse_partition(k, i,
				 "memory_bytes is not given; a partition has memory of its own: "
				 "give at least %s",
				 text_size(MEMORY_MIN_BYTES).s);
	else if (bytes < MEMORY_MIN_BYTES)
		refuse_partition(k, i,
				 "memory_bytes = %s: an ELF64 guest needs more; give at least %s",
				 text_size(bytes).s, text_size(MEMORY_MIN_BYTES).s);
	else if (bytes > MEMORY_MAX_BYTES)
		refuse_partition(k, i,
				 "memory_bytes = %s: nested page tables translate 48 bits; give "
				 "at most %s",
				 text_size(bytes).s, text_size(MEMORY_MAX_BYTES).s);
	else if (bytes % LARGE_PAGE_BYTES != 0)
		refuse_partition(k, i, "memory_bytes = %s: not a multiple of %s; give %s",
				 text_size(bytes).s, text_size(LARGE_PAGE_BYTES).s,
				 text_size(align_up(bytes, LARGE_PAGE_BYTES)).s);
	else
		return true;
	return false;
}

/* Places stand in the plan: a partition has one if its memory_bytes is not 0. */
static bool is_placed(const struct check *k, part_id_t part)
{
	return k->plan->partitions[part].memory_bytes != 0;
}

/* The hole that starts at the first free byte of `range` from *at on, both 2 MiB aligned. */
static uint64_t next_hole(const struct check *k, const struct board_range *range, uint64_t *at)
{
	uint64_t end = align_down(range->base + range->bytes, LARGE_PAGE_BYTES);
	bool has_moved = true;

	while (has_moved) {
		has_moved = false;
		for (part_id_t i = 0; i < k->partition_count; i++) {
			const struct plan_partition *p = &k->plan->partitions[i];

			if (is_placed(k, i) && *at >= p->memory_base &&
			    *at - p->memory_base < p->memory_bytes) {
				*at = p->memory_base + p->memory_bytes;
				has_moved = true;
			}
		}
	}
	for (part_id_t i = 0; i < k->partition_count; i++) {
		const struct plan_partition *p = &k->plan->partitions[i];

		if (is_placed(k, i) && p->memory_base > *at)
			end = min_u64(end, p->memory_base);
	}
	return end > *at ? end - *at : 0;
}

struct holes {
	uint64_t fit;     /* base of the first that holds what is wanted; UINT64_MAX: none does */
	uint64_t largest; /* bytes */
	uint64_t total;   /* bytes */
};

static struct holes find_holes(const struct check *k, uint64_t wanted_bytes)
{
	struct holes h = { .fit = UINT64_MAX };

	for (uint32_t r = 0; r < k->board->memory_count; r++) {
		const struct board_range *range = &k->board->memory[r];
		uint64_t at = range->base, bytes;

		if (range->base > UINT64_MAX - LARGE_PAGE_BYTES)
			break;
		at = align_up(range->base, LARGE_PAGE_BYTES);
		while ((bytes = next_hole(k, range, &at)) != 0) {
			if (bytes >= wanted_bytes && h.fit == UINT64_MAX)
				h.fit = at;
			h.largest = max_u64(h.largest, bytes);
			h.total += bytes;
			at += bytes;
		}
	}
	return h;
}

/* The largest that has no place yet and a size to place; the first of equal ones. */
static part_id_t find_largest(const struct check *k, const bool *is_done)
{
	part_id_t largest = MAX_PARTITIONS;

	for (part_id_t i = 0; i < k->partition_count; i++) {
		if (k->has_size[i] && !is_done[i] &&
		    (largest == MAX_PARTITIONS || size_of(k, i) > size_of(k, largest)))
			largest = i;
	}
	return largest;
}

static void refuse_place(struct check *k, part_id_t part, const struct holes *h)
{
	if (h->largest == 0)
		refuse_partition(k, part,
				 "memory_bytes = %s does not fit: nothing is left after the "
				 "larger partitions; shrink those, or use a larger board",
				 text_size(size_of(k, part)).s);
	else
		refuse_partition(k, part,
				 "memory_bytes = %s does not fit: a partition's memory is "
				 "contiguous, and %s are left in all, %s in one piece; give at "
				 "most %s, shrink others, or use a larger board",
				 text_size(size_of(k, part)).s, text_size(h->total).s,
				 text_size(h->largest).s, text_size(h->largest).s);
}

void check_memory(struct check *k)
{
	bool is_done[MAX_PARTITIONS] = { false };
	part_id_t i;

	for (i = 0; i < k->partition_count; i++)
		k->has_size[i] = check_size(k, i);
	if (!k->has_memory_map)
		return;
	while ((i = find_largest(k, is_done)) != MAX_PARTITIONS) {
		struct holes h = find_holes(k, size_of(k, i));

		is_done[i] = true;
		if (h.fit == UINT64_MAX) {
			refuse_place(k, i, &h);
			continue;
		}
		k->plan->partitions[i].memory_base = h.fit;
		k->plan->partitions[i].memory_bytes = size_of(k, i);
	}
	k->plan->memory_free_bytes = find_holes(k, 0).total;
}
