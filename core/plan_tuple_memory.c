/* SPDX-License-Identifier: Apache-2.0 */
/* core/plan_tuple_memory.c - partitions whose memory may be smaller or larger than it is written. */
#include "core/plan_grant.h"
#include "core/plan_tuple.h"

static struct tuple_round asked; /* too much for a stack at boot */

/* ---- Declarations ---- */

static void check_one(struct check *k, part_id_t i, const char *field, uint64_t bytes)
{
	const struct partition_config *const p = &k->config->partitions[i];
	const bool is_min = bytes == p->memory_min_bytes;

	if (is_min && bytes < check_memory_least(k, i))
		refuse_partition(k, i,
				 "%s = %s: such a guest does not start in less than %s; give "
				 "at least that",
				 field, text_size(bytes).s, text_size(check_memory_least(k, i)).s);
	else if (bytes > CHECK_MEMORY_MAX_BYTES)
		refuse_partition(k, i, "%s = %s: guest RAM is laid out for %s; give at most that",
				 field, text_size(bytes).s, text_size(CHECK_MEMORY_MAX_BYTES).s);
	else if (bytes % LARGE_PAGE_BYTES != 0)
		refuse_partition(k, i, "%s = %s: not a multiple of %s; give %s", field,
				 text_size(bytes).s, text_size(LARGE_PAGE_BYTES).s,
				 text_size(align_down(bytes, LARGE_PAGE_BYTES)).s);
	else
		k->has_memory_tuple[i] = true;
}

void check_memory_tuples(struct check *k)
{
	for (part_id_t i = 0; i < k->partition_count; i++) {
		const struct partition_config *const p = &k->config->partitions[i];

		if (p->memory_bytes == 0)
			continue; /* check_memory() says so */
		if (p->memory_min_bytes > p->memory_bytes)
			refuse_partition(
				k, i,
				"memory_min_bytes = %s is above memory_bytes = %s; it is shrunk to "
				"it, never raised: lower it, or give more memory_bytes",
				text_size(p->memory_min_bytes).s, text_size(p->memory_bytes).s);
		else if (p->memory_max_bytes != 0 && p->memory_max_bytes < p->memory_bytes)
			refuse_partition(
				k, i,
				"memory_max_bytes = %s is below memory_bytes = %s; it never has "
				"more than max: raise it, or give less memory_bytes",
				text_size(p->memory_max_bytes).s, text_size(p->memory_bytes).s);
		else if (p->memory_min_bytes != 0 || p->memory_max_bytes != 0) {
			if (p->memory_min_bytes != 0)
				check_one(k, i, "memory_min_bytes", p->memory_min_bytes);
			if (p->memory_max_bytes != 0)
				check_one(k, i, "memory_max_bytes", p->memory_max_bytes);
		}
	}
}

/* ---- Grants ---- */

static bool fits(struct tuple_round *r)
{
	for (uint32_t i = 0; i < r->count; i++)
		r->k->plan->partitions[r->grants[i].who].memory_bytes = r->grants[i].given;
	return check_memory_fits(r->k);
}

/* False: nobody's memory may be shrunk, or grow. */
static bool describe(struct check *k)
{
	bool has_any = false;

	asked = (struct tuple_round){ .k = k, .unit = LARGE_PAGE_BYTES, .fits = fits };
	for (part_id_t i = 0; i < k->partition_count; i++) {
		const struct partition_config *const p = &k->config->partitions[i];
		const bool has_tuple = k->has_memory_tuple[i];

		if (!k->is_placeable[i])
			continue;
		has_any |= has_tuple;
		asked.grants[asked.count++] = (struct tuple_grant){
			.who = i,
			.criticality = p->criticality,
			.wanted = tuple_whole(p->memory_bytes, has_tuple ? p->memory_min_bytes : 0,
					      has_tuple ? p->memory_max_bytes : 0),
			.least = check_memory_least(k, i)
		};
	}
	return has_any;
}

/* "one 64 MiB + two 128 MiB + disk 'd' 64 MiB": as many as there is room for. */
static uint64_t add_sizes(struct text *t, const struct check *k)
{
	const char *plus = "";
	uint64_t sum = 0;

	for (uint32_t i = 0; i < CHECK_ITEM_COUNT; i++) {
		if (!k->is_placeable[i])
			continue;
		text_add(t, "%s%s %s", plus,
			 i < MAX_PARTITIONS ? check_short_name(k, i).s
					    : check_disk_label(k, i - CHECK_ITEM_DISK).s,
			 text_size(check_item_bytes(k, i)).s);
		plus = " + ";
		sum += check_item_bytes(k, i);
	}
	return sum;
}

static void add_fix(struct text *t, struct check *k, uint64_t lack)
{
	uint64_t most;
	const uint32_t giver = tuple_find_giver(&asked, &most);
	const char *either = "";

	if (giver != asked.count) {
		const part_id_t part = asked.grants[giver].who;
		const bool has_min = k->config->partitions[part].memory_min_bytes != 0;

		text_add(t, "lower %s of %s to at most %s", has_min ? "memory_min" : "memory",
			 check_label(k, part).s, text_size(most).s);
		either = ", or ";
	}
	if (lack != 0)
		text_add(t, "%stake a board with %s more", either, text_size(lack).s);
	else if (giver == asked.count)
		text_add(t, "take a board with more memory in one piece");
}

static void refuse_minima(struct check *k)
{
	const struct check_room room = check_memory_room(k);
	char sizes[PLAN_INEQUALITY_BYTES], fix[PLAN_INEQUALITY_BYTES];
	struct text t = text_begin(sizes, sizeof(sizes)), f = text_begin(fix, sizeof(fix));
	const uint64_t sum = add_sizes(&t, k);
	const bool is_more = sum > room.bytes;

	/* Of memory in pieces, nobody can say how much more would do. */
	add_fix(&f, k, is_more && room.pieces == 1 ? sum - room.bytes : 0);
	refuse_system(k, "memory, shrunk to the minima: %s = %s %s %s%s; %s", sizes,
		      text_size(sum).s, is_more ? ">" : "<=", text_size(room.bytes).s,
		      is_more ? " that there are"
			      : " that there are, but in pieces, and each lies in one",
		      fix);
}

bool grant_memory(struct check *k)
{
	if (!describe(k) || tuple_grant_all(&asked))
		return true;
	refuse_minima(k);
	return false;
}

/* ---- The plan ---- */

struct tuple plan_memory_tuple(const struct config *c, part_id_t part)
{
	const struct partition_config *const p = &c->partitions[part];

	if (p->memory_min_bytes == 0 && p->memory_max_bytes == 0)
		return (struct tuple){ 0 };
	return tuple_whole(p->memory_bytes, p->memory_min_bytes, p->memory_max_bytes);
}

void plan_print_memory(const struct config *c, const struct plan *plan, part_id_t part,
		       void (*put)(const char *line))
{
	const struct tuple wanted = plan_memory_tuple(c, part);
	const uint64_t given = plan->partitions[part].memory_bytes;

	if (wanted.usual == 0 || given == wanted.usual)
		return;
	text_line(put, "  %-15s %s: %s the board's memory; criticality %u", "",
		  tuple_say(&wanted, given, text_size).s,
		  given < wanted.usual ? "there is no more of" : "others leave it of",
		  c->partitions[part].criticality);
}
