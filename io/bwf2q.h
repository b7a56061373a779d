/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/bwf2q.h - B-WF2Q+: who is served next, and for how much, so that shares follow weights.
 *
 * Model    A server hands out service in turns. A child that has work waits with the budget B of
 *	    its next turn; it is chosen, gets service of at most B, and its turn ends. On the
 *	    server's virtual time V a turn begins at S and would end at F = S + B / weight:
 *	      wake     S = max(V, its last F)
 *	      choose   of those with S <= V the smallest F, ties by who waits longer
 *	      serve    V += service / sum of weights
 *	      end      F = S + charged / weight: what was not used is given back. Who has more work
 *	               waits again from S = F
 *	    V jumps to the smallest S where nobody who waits has begun. A child without work
 *	    counts in the sum of weights until V reaches its F: up to there it was served ahead of
 *	    the others, and without it they would be taken for later than they are.
 * Source   Bennett and Zhang, "Hierarchical Packet Fair Queueing Algorithms" (WF2Q+: V, and the
 *	    choice); Valente and Checconi, "High Throughput Disk Scheduling with Fair Bandwidth
 *	    Distribution" (budgets in the place of packets, corrected afterwards).
 *	    docs/disk.md, "Guarantees": how far a child can be behind its share.
 * Numbers  Service in sectors, a turn at most BWF2Q_BUDGET_MAX = 2^17 of them; virtual time in
 *	    2^-41 sectors for a weight of 1, modulo 2^64. A turn is thus at most 2^58 long, and
 *	    docs/disk.md shows that S and F of whoever waits, and the F that is remembered, are
 *	    never farther from V than two turns: the sign of a 64-bit difference is their order,
 *	    for ever. Reciprocals of weights are exact to 2^-31.
 * Cost     O(log n) each: one AVL tree by F, that knows the smallest S of each subtree.
 * Errors   None.
 * Sharing  The caller's lock.
 */
#pragma once
#include "core/lib/base.h"

#define BWF2Q_FRACTION   41u
#define BWF2Q_BUDGET_MAX (UINT32_C(1) << 17)

enum bwf2q_state {
	BWF2Q_FORGOTTEN, /* no work; its F has passed */
	BWF2Q_LINGERING, /* no work; V has not reached its F */
	BWF2Q_WAITING,
	BWF2Q_IN_SERVICE
};

struct bwf2q_child {
	uint64_t start, finish;
	uint64_t min_start; /* of its subtree */
	uint64_t inverse;   /* 2^BWF2Q_FRACTION / weight */
	struct bwf2q_child *side[2], *parent;
	uint32_t budget, service; /* of its turn */
	uint32_t weight;          /* [I] 1 or more */
	uint8_t height;
	uint8_t state; /* enum bwf2q_state */
	uint16_t id;   /* [I] the caller's */
};

struct bwf2q {
	uint64_t vtime;
	uint64_t inverse;                        /* 2^BWF2Q_FRACTION / weight_sum */
	struct bwf2q_child *waiting, *lingering; /* roots of trees */
	struct bwf2q_child *in_service;          /* or NULL */
	uint32_t weight_sum;                     /* of all children but FORGOTTEN ones */
};

void bwf2q_init(struct bwf2q *s);
void bwf2q_child_init(struct bwf2q_child *c, uint32_t weight, uint16_t id);
/* It has work; it had none and is not in service. */
void bwf2q_wake(struct bwf2q *s, struct bwf2q_child *c, uint32_t budget);
/* It waits and has no work any more. */
void bwf2q_withdraw(struct bwf2q *s, struct bwf2q_child *c);
/* Who is in service from now on. Nobody is, and somebody waits. */
struct bwf2q_child *bwf2q_choose(struct bwf2q *s);
/* The end of the turn in service; `charged` is its service or, as a fine, more, up to its budget. */
void bwf2q_end(struct bwf2q *s, uint32_t charged);
/* The same, for one that has more work. */
void bwf2q_end_and_wait(struct bwf2q *s, uint32_t charged, uint32_t budget);

/* Nobody waits: who is in service ends its turn, wakes at once and is chosen again. */
void bwf2q_renew(struct bwf2q *s, uint32_t budget);

void bwf2q_forget(struct bwf2q *s);

/* So many sectors to who is in service. */
static inline void bwf2q_serve(struct bwf2q *s, uint32_t sectors)
{
	s->vtime += sectors * s->inverse;
	s->in_service->service += sectors;
	if (__builtin_expect(s->lingering != NULL, 0))
		bwf2q_forget(s);
}
