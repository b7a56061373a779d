/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plan_tuple.h"
#include "core/lib/assert.h"
#include "core/lib/fmt.h"

/* What is raised together is raised by so many 2^-30 of the way. */
#define WHOLE_BITS 30u
#define WHOLE      BIT64(WHOLE_BITS)

enum leg { MIN_TO_USUAL, USUAL_TO_MAX };

static uint64_t from_of(const struct tuple_grant *g, enum leg leg)
{
	return leg == MIN_TO_USUAL ? g->wanted.min : g->wanted.usual;
}

static uint64_t to_of(const struct tuple_grant *g, enum leg leg)
{
	return leg == MIN_TO_USUAL ? g->wanted.usual : g->wanted.max;
}

static void give_all(struct tuple_round *r, enum leg leg)
{
	for (uint32_t i = 0; i < r->count; i++)
		r->grants[i].given = from_of(&r->grants[i], leg);
}

/* So much of the way for all of this criticality; in whole units, but for its two ends. */
static bool try_part(struct tuple_round *r, enum leg leg, uint32_t criticality, uint64_t part)
{
	for (uint32_t i = 0; i < r->count; i++) {
		struct tuple_grant *const g = &r->grants[i];
		const uint64_t from = from_of(g, leg), way = to_of(g, leg) - from;
		uint64_t to = from + (uint64_t)((unsigned __int128)way * part >> WHOLE_BITS);

		if (g->criticality != criticality)
			continue;
		if (part < WHOLE)
			to = max_u64(to - to % r->unit, from);
		g->given = to;
	}
	return r->fits(r);
}

/* A unit more for whoever it fits for: rounding has left it. */
static void give_rest(struct tuple_round *r, enum leg leg, uint32_t criticality)
{
	for (uint32_t i = 0; i < r->count; i++) {
		struct tuple_grant *const g = &r->grants[i];
		const uint64_t had = g->given;

		if (g->criticality != criticality || had == to_of(g, leg))
			continue;
		g->given = min_u64(had - had % r->unit + r->unit, to_of(g, leg));
		if (!r->fits(r))
			g->given = had;
	}
}

/* True: they have all of it. */
static bool raise(struct tuple_round *r, enum leg leg, uint32_t criticality)
{
	uint64_t fits = 0, too_much = WHOLE;

	if (try_part(r, leg, criticality, WHOLE))
		return true;
	while (too_much - fits > 1) {
		const uint64_t middle = fits + (too_much - fits) / 2;

		if (try_part(r, leg, criticality, middle))
			fits = middle;
		else
			too_much = middle;
	}
	(void)try_part(r, leg, criticality, fits);
	give_rest(r, leg, criticality);
	return false;
}

/* The highest criticality below `bound`; false: there is none. */
static bool next_below(const struct tuple_round *r, uint64_t bound, uint32_t *criticality)
{
	bool is_found = false;

	for (uint32_t i = 0; i < r->count; i++) {
		const uint32_t c = r->grants[i].criticality;

		if (c >= bound || (is_found && c <= *criticality))
			continue;
		*criticality = c;
		is_found = true;
	}
	return is_found;
}

static bool raise_all(struct tuple_round *r, enum leg leg)
{
	uint64_t bound = BIT64(32);
	uint32_t criticality = 0;

	for (; next_below(r, bound, &criticality); bound = criticality)
		if (!raise(r, leg, criticality))
			return false;
	return true;
}

bool tuple_grant_all(struct tuple_round *r)
{
	bool has_usual, has_min = true;

	ASSERT(r->count <= TUPLE_GRANT_MAX && r->unit != 0);
	give_all(r, USUAL_TO_MAX);
	has_usual = r->fits(r);
	if (!has_usual) {
		give_all(r, MIN_TO_USUAL);
		has_min = r->fits(r);
		has_usual = has_min && raise_all(r, MIN_TO_USUAL);
	}
	if (has_usual)
		(void)raise_all(r, USUAL_TO_MAX);
	(void)r->fits(r); /* the plan has what was given, not what was tried last */
	return has_min;
}

/* The largest min of it with which all fits; false: none does. */
static bool find_most(struct tuple_round *r, struct tuple_grant *g, uint64_t *most)
{
	const uint64_t own = g->given;
	uint64_t fits = g->least, too_much = own;
	bool is_found;

	g->given = fits;
	is_found = fits < own && r->fits(r);
	while (is_found && too_much - fits > r->unit) {
		const uint64_t middle =
			fits + max_u64((too_much - fits) / 2 / r->unit, 1) * r->unit;

		g->given = middle;
		if (r->fits(r))
			fits = middle;
		else
			too_much = middle;
	}
	g->given = own;
	*most = fits;
	return is_found;
}

uint32_t tuple_find_giver(struct tuple_round *r, uint64_t *most)
{
	uint32_t giver = r->count;

	for (uint32_t i = 0; i < r->count; i++) {
		const struct tuple_grant *const g = &r->grants[i], *const best = &r->grants[giver];
		uint64_t bytes;

		if (giver != r->count &&
		    (g->criticality > best->criticality ||
		     (g->criticality == best->criticality && g->given <= best->given)))
			continue;
		if (!find_most(r, &r->grants[i], &bytes))
			continue;
		giver = i;
		*most = bytes;
	}
	(void)r->fits(r);
	return giver;
}

struct tuple_words tuple_say(const struct tuple *wanted, uint64_t given,
			     struct short_text (*number)(uint64_t))
{
	const bool is_less = given < wanted->usual;
	struct tuple_words t;

	fmt_text(t.s, sizeof(t.s), "%s from %s (%s %s)", is_less ? "shrunk" : "grown",
		 number(wanted->usual).s, is_less ? "at least" : "at most",
		 number(is_less ? wanted->min : wanted->max).s);
	return t;
}
