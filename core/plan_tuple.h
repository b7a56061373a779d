/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/plan_tuple.h - who is given how much of what not all can have as they want it: of core/plan*.c.
 *
 * Model    A round is about one resource: a core's time, the board's memory, a disk's bytes a second.
 *	    Everybody wants {usual, min, max} of it. All begin with min; if that does not fit, the
 *	    round is lost. Then the most critical are raised to usual, then the next; the first
 *	    that cannot all have it are raised by the largest part of what lies between min and usual
 *	    that fits, the same for all of them, and those below keep min. If all have usual, what is
 *	    left is given out likewise, up to max.
 *	    Where everybody's usual fits at once, they have it, whatever min does: placing memory is
 *	    not monotone (core/plan.h), and less of it can fit worse.
 *	    What is given is what fits() was asked about and said yes to.
 * Source   Paper 004, Table 1: the default is what a guest expects to use, the minimum keeps its guarantees,
 *	    the maximum is the most that it can use.
 * Units    The resource's; grants between min, usual and max are multiples of `unit`.
 * Errors   None.
 * Sharing  Pure, but for fits(), which may use the caller's plan.
 */
#pragma once
#include "core/plan_check.h"

#define TUPLE_GRANT_MAX MAX_VCPUS

struct tuple_grant {
	uint32_t who;         /* the caller's */
	uint32_t criticality; /* higher: shrunk later, grown earlier */
	struct tuple wanted;  /* min <= usual <= max, complete */
	uint64_t least;       /* what min may be lowered to, in a proposal */
	uint64_t given;
};

struct tuple_round {
	struct check *k;
	uint32_t of; /* the core, the disk */
	uint32_t count;
	uint64_t unit;
	struct tuple_grant grants[TUPLE_GRANT_MAX];
	bool (*fits)(struct tuple_round *r); /* what is given now? Notes it in k->plan. */
};

/* Fills in .given, and leaves the plan so. False: not even the minima fit; they are given. */
MUST_CHECK bool tuple_grant_all(struct tuple_round *r);

/*
 * After that: the one whose min alone, lowered to *most at most, would do, and not less: the least critical
 * that can, of equal ones the one with the largest min. r->count: nobody's.
 */
uint32_t tuple_find_giver(struct tuple_round *r, uint64_t *most);

/* A tuple with what it leaves out: 0 is usual. */
static inline struct tuple tuple_whole(uint64_t usual, uint64_t min, uint64_t max)
{
	return (struct tuple){ usual, min != 0 ? min : usual, max != 0 ? max : usual };
}

/* "shrunk from 30 ms (at least 20 ms)", "grown from 30 ms (at most 40 ms)", for a plan's lines. */
struct tuple_words {
	char s[120];
};
struct tuple_words tuple_say(const struct tuple *wanted, uint64_t given,
			     struct short_text (*number)(uint64_t));
