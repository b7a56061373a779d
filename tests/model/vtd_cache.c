/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Caches that forget nothing by themselves ("Caching Translation Information"), and what each
 * invalidation takes out of them ("Context-Cache Invalidation" and its neighbours) - no more than
 * the specification demands.
 */
#include <stdlib.h>
#include "tests/model/vtd_state.h"

/* ---- A hash table: open addressing, at most half full ---- */

static size_t slot_of(const struct vtdm_cache *c, uint64_t key0, uint64_t key1)
{
	uint64_t h = (key0 * 0x9e3779b97f4a7c15u) ^ (key1 * 0xc2b2ae3d27d4eb4fu);

	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9u;
	return (size_t)(h >> 17) & (c->capacity - 1);
}

static struct vtdm_line *find_slot(const struct vtdm_cache *c, uint64_t key0, uint64_t key1)
{
	for (size_t i = slot_of(c, key0, key1);; i = (i + 1) & (c->capacity - 1)) {
		struct vtdm_line *const line = &c->lines[i];

		if (!line->used || (line->key[0] == key0 && line->key[1] == key1))
			return line;
	}
}

struct vtdm_line *vtdm_cache_find(const struct vtdm_cache *c, uint64_t key0, uint64_t key1)
{
	struct vtdm_line *const line = c->count ? find_slot(c, key0, key1) : NULL;

	return line && line->used ? line : NULL;
}

/* Keeps what `match` does not match (NULL: matches nothing) in a table of `capacity` lines. */
static void rebuild(struct vtdm_cache *c, size_t capacity, vtdm_match *match, const uint64_t *what)
{
	const struct vtdm_cache old = *c;

	c->capacity = capacity;
	c->count = 0;
	c->lines = calloc(capacity, sizeof(*c->lines));
	ASSERT(c->lines);
	for (size_t i = 0; i < old.capacity; i++) {
		const struct vtdm_line *const line = &old.lines[i];

		if (!line->used || (match && match(line, what)))
			continue;
		*find_slot(c, line->key[0], line->key[1]) = *line;
		c->count++;
	}
	free(old.lines);
}

struct vtdm_line *vtdm_cache_put(struct vtdm_cache *c, uint64_t key0, uint64_t key1)
{
	struct vtdm_line *line;

	if ((c->count + 1) * 2 > c->capacity)
		rebuild(c, c->capacity ? c->capacity * 2 : 64, NULL, NULL);
	line = find_slot(c, key0, key1);
	c->count += !line->used;
	*line = (struct vtdm_line){ .used = true, .key = { key0, key1 } };
	return line;
}

void vtdm_cache_drop(struct vtdm_cache *c, vtdm_match *match, const uint64_t *what)
{
	if (c->count)
		rebuild(c, c->capacity, match, what);
}

void vtdm_cache_free(struct vtdm_cache *c)
{
	free(c->lines);
	*c = (struct vtdm_cache){ 0 };
}

/* ---- Context cache: key source-id; words: entry low, entry high, fault ---- */

/* Entries in error and not-present ones, which caching mode keeps, are tagged with domain 0. */
static uint64_t context_domain(const struct vtdm_line *line)
{
	return line->word[2] ? 0 : field(line->word[1], 23, 8);
}

static bool context_of_domain(const struct vtdm_line *line, const uint64_t *domain)
{
	return context_domain(line) == *domain;
}

/* what: domain, source-id, bits of it to compare */
static bool context_of_device(const struct vtdm_line *line, const uint64_t *what)
{
	return context_domain(line) == what[0] && !((line->key[0] ^ what[1]) & what[2]);
}

void vtdm_invalidate_contexts(struct vtdm *m, uint32_t granularity, uint32_t domain,
			      uint32_t source, uint32_t function_mask)
{
	/* "Context Command Register", FM: how many bits of the function number do not count. */
	static const uint64_t ignored[4] = { 0, 4, 6, 7 };
	const uint64_t what[] = { domain, source, 0xffff & ~ignored[function_mask] };

	vtdm_drain_write_buffer(m);
	if (granularity == 1) {
		vtdm_cache_free(&m->contexts);
		m->context_clean = true;
		m->counts.context_global++;
	} else if (granularity == 2) {
		vtdm_cache_drop(&m->contexts, context_of_domain, what);
		m->counts.context_domain++;
	} else {
		vtdm_cache_drop(&m->contexts, context_of_device, what);
		m->counts.context_device++;
	}
}

/* ---- IOTLB and paging-structure caches: keys of vtdm_key(), address ---- */

static uint32_t shift_of_kind(uint64_t kind)
{
	return kind >= KEY_NO_READ ? 12 : 12 + 9 * ((uint32_t)kind - 1);
}

static bool translation_of_domain(const struct vtdm_line *line, const uint64_t *domain)
{
	return line->key[0] >> 8 == *domain;
}

/*
 * what: domain, first address, size. A large page is invalidated by a range that contains it:
 * "Invalidate Address Register" has software give a mask of at least 9 for one of 2 MiB.
 */
static bool translation_inside(const struct vtdm_line *line, const uint64_t *what)
{
	const uint32_t shift = shift_of_kind(line->key[0] & 0xff);
	const uint64_t first = line->key[1] << shift;

	return line->key[0] >> 8 == what[0] && first >= what[1] &&
	       first + ((1ull << shift) - 1) <= what[1] + (what[2] - 1);
}

/* A paging structure's kind is the level of the entry that refers to it. */
static bool structure_touched(const struct vtdm_line *line, const uint64_t *what)
{
	const uint32_t shift = shift_of_kind(line->key[0] & 0xff);
	const uint64_t first = line->key[1] << shift;

	return line->key[0] >> 8 == what[0] && first <= what[1] + (what[2] - 1) &&
	       first + ((1ull << shift) - 1) >= what[1];
}

/* The same for what is kept by source. */
static struct vtdm_line by_domain(const struct vtdm_line *line)
{
	struct vtdm_line as = *line;

	as.key[0] = vtdm_key((uint32_t)line->word[2], line->key[0] & 0xff);
	return as;
}

static bool source_of_domain(const struct vtdm_line *line, const uint64_t *domain)
{
	const struct vtdm_line as = by_domain(line);

	return translation_of_domain(&as, domain);
}

static bool source_inside(const struct vtdm_line *line, const uint64_t *what)
{
	const struct vtdm_line as = by_domain(line);

	return translation_inside(&as, what);
}

static void invalidate_pages(struct vtdm *m, uint32_t domain, uint64_t page_hint_mask)
{
	const uint64_t bytes = 1ull << (12 + field(page_hint_mask, 5, 0));
	const uint64_t guest = span(m->caps.guest_bits - 1, 0);
	const uint64_t what[] = { domain, page_hint_mask & guest & ~(bytes - 1), bytes };

	vtdm_cache_drop(&m->translations, translation_inside, what);
	vtdm_cache_drop(&m->by_source, source_inside, what);
	if (!(page_hint_mask & BIT64(6)))
		vtdm_cache_drop(&m->structures, structure_touched, what);
	m->counts.iotlb_page++;
}

void vtdm_forget_translations(struct vtdm *m)
{
	vtdm_cache_free(&m->translations);
	vtdm_cache_free(&m->by_source);
	vtdm_cache_free(&m->structures);
}

void vtdm_invalidate_translations(struct vtdm *m, uint32_t granularity, uint32_t domain,
				  uint64_t page_hint_mask)
{
	const uint64_t what = domain;

	vtdm_drain_write_buffer(m);
	if (granularity == 1) {
		vtdm_forget_translations(m);
		/* "Set Root Table Pointer": the context cache first, then the IOTLB. */
		m->iotlb_clean = m->context_clean;
		m->counts.iotlb_global++;
	} else if (granularity == 2 || !m->caps.page_selective) {
		vtdm_cache_drop(&m->translations, translation_of_domain, &what);
		vtdm_cache_drop(&m->by_source, source_of_domain, &what);
		vtdm_cache_drop(&m->structures, translation_of_domain, &what);
		m->counts.iotlb_domain++;
	} else {
		invalidate_pages(m, domain, page_hint_mask);
	}
}

/* ---- Interrupt-entry cache: key index; words: entry low, entry high, fault ---- */

static bool entry_inside(const struct vtdm_line *line, const uint64_t *what)
{
	return !((line->key[0] ^ what[0]) & what[1]);
}

void vtdm_invalidate_entries(struct vtdm *m, bool all, uint32_t index, uint32_t mask)
{
	const uint64_t what[] = { index, UINT64_MAX << mask };

	vtdm_drain_write_buffer(m);
	if (all) {
		vtdm_cache_free(&m->entries);
		m->entries_clean = true;
		m->counts.entry_global++;
	} else {
		vtdm_cache_drop(&m->entries, entry_inside, what);
		m->counts.entry_index++;
	}
}
