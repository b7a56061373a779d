/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched/cbs.h - EDF between hard constant-bandwidth servers, on one core.
 *
 * Model    Server i = (Q, P) has remaining budget q and absolute deadline d.
 *	    wake at t   if q * P >= (d - t) * Q, or t >= d:  d = t + P, q = Q
 *	                else q and d stay; with q = 0 it is throttled until d
 *	    charge      q -= used, not below 0; at 0 the server is throttled until d
 *	    time d      q = Q and d += P, whether it was throttled or merely late: d moves in
 *	                whole periods, so it never drifts. A server that was READY with q > 0
 *	                at its d was not served in time: `late_count` says how often.
 *	    pick        the READY server of earliest d, ties by index. Where none is ready, the
 *	                background server of highest priority that is ready.
 *	    A server that blocks keeps q and d, and charges still count against it: work done
 *	    for it while it sleeps is paid from what it has, at the latest from waking on.
 *	    Overrun (used > q) is not carried over: in each period a server gets at least Q, if
 *	    backlogged and admitted, and at most Q plus the lateness of the timer and of the
 *	    exit path, which the caller bounds and publishes. `overrun_max_tsc` records it.
 * Source   Abeni and Buttazzo, CBS; the hard variant as in paper 002, section 3.
 * Units    *_tsc are TSC ticks; points in time are absolute, below 2^63, and never decrease from
 *	    call to call. No clock is read here.
 * Errors   cbs_add_*: ERR_NOMEM: more than CBS_SERVER_MAX. ERR_INVAL: Q = 0, Q > P, or two
 *	    background servers of one priority. ERR_RANGE: P >= 2^62.
 * Cost     Every operation is O(log n) in the number of servers added, but cbs_pick(), which
 *	    is O(r log n) for the r replenishments that fell due since the last call, and
 *	    cbs_add_*(), O(n).
 * Sharing  One struct per core; only that core touches it.
 */
#pragma once
#include "core/lib/base.h"

#define CBS_SERVER_MAX 64u
#define CBS_NONE       UINT32_MAX /* no server: the core is idle */

enum cbs_class { CBS_RESERVED, CBS_BACKGROUND };
enum cbs_state { CBS_BLOCKED, CBS_READY, CBS_THROTTLED };

struct cbs_server {
	enum cbs_class class;     /* [I] */
	enum cbs_state state;     /* [C] */
	uint64_t budget_tsc;      /* [I] Q */
	uint64_t period_tsc;      /* [I] P */
	uint64_t left_tsc;        /* [C] q */
	uint64_t deadline_tsc;    /* [C] d */
	uint32_t priority;        /* [I] CBS_BACKGROUND only; higher runs first */
	uint64_t overrun_max_tsc; /* [C] largest used - q ever charged */
	uint64_t replenish_count; /* [C] new budgets, by waking or at d; skipped periods count */
	uint64_t late_count;      /* [C] periods that ended while it was READY */
};

/*
 * A tournament: who of the servers that take part has the smallest key, ties by index. Leaf i is
 * server i for ever, so that one who enters or leaves changes only the way to the root, and a
 * match costs the same whoever wins it.
 */
struct cbs_tree {
	uint64_t key[CBS_SERVER_MAX];       /* d, or UINT32_MAX - priority; CBS_AWAY */
	uint8_t winner[2 * CBS_SERVER_MAX]; /* [1] is the root; [2i] and [2i + 1] play for [i] */
};
#define CBS_AWAY UINT64_MAX /* the key of a server that does not take part */

struct cbs {
	uint32_t server_count;
	uint32_t leaf_count;  /* of each tree: the power of two that has room for all servers */
	uint64_t replenished; /* bit i: cbs_pick() just gave server i a new budget; for traces */
	struct cbs_server servers[CBS_SERVER_MAX];
	struct cbs_tree ready;      /* CBS_RESERVED and READY, by d */
	struct cbs_tree throttled;  /* CBS_RESERVED and THROTTLED, by d */
	struct cbs_tree background; /* CBS_BACKGROUND and READY, by priority */
};
_Static_assert(CBS_SERVER_MAX <= 64, "one bit of cbs.replenished for each server");

struct cbs_pick {
	uint32_t server;    /* CBS_NONE: idle */
	uint64_t until_tsc; /* pick again then, at the latest; TSC_NEVER: only on an event */
};

void cbs_init(struct cbs *c);
MUST_CHECK enum err cbs_add_reservation(struct cbs *c, uint64_t budget_tsc, uint64_t period_tsc,
					uint32_t *server);
MUST_CHECK enum err cbs_add_background(struct cbs *c, uint32_t priority, uint32_t *server);

/* A server has work. Nothing happens unless it is BLOCKED. */
void cbs_wake(struct cbs *c, uint32_t server, uint64_t now_tsc);
/* It has none. Charge it first. Its q and d stay. */
void cbs_block(struct cbs *c, uint32_t server);
/* It consumed `used_tsc` (guest and hypervisor time). May throttle it. */
void cbs_charge(struct cbs *c, uint32_t server, uint64_t used_tsc);
/* Replenishes what is due, then chooses. */
struct cbs_pick cbs_pick(struct cbs *c, uint64_t now_tsc);
