/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/model/disk_audit.h - the independent checker of BFQ's trail (io/iosched.h, iosched_audit).
 *
 * Model    B-WF2Q+ as io/bwf2q.h and docs/disk.md state it, played a second time from the records:
 *	    no trees, every child looked at for every choice; virtual times in 128 bits that never
 *	    wrap. Of BFQ it takes the budgets and when a turn ends from the records, and checks
 *	    what follows: who was chosen, from which queue requests came, that nobody got more
 *	    than its budget, that who pays for more than it got was slow.
 *	    Lag of a child that stays active: how far its service was behind its share, at most,
 *	    over all windows: X(t) = sum of w / (sum of weights) over what is served - its own;
 *	    lag = max over t1 <= t2 of X(t2) - X(t1). Compared with the bound of docs/disk.md.
 * Units    Bytes.
 */
#pragma once
#include "io/iosched.h"

#define AUDIT_CHILD_MAX IOSCHED_CLIENT_MAX

enum audit_state { AUDIT_AWAY, AUDIT_LINGERING, AUDIT_WAITING, AUDIT_SERVED, AUDIT_GOES_ON };

struct audit_child {
	unsigned __int128 start, finish;
	uint64_t order; /* since when it waits, for ties */
	uint32_t weight, queued;
	uint64_t budget, service; /* bytes, of its turn */
	enum audit_state state;
	/* Lag, since it is active */
	long double x, x_min, lag, phi_min, phi_max;
	uint64_t budget_max;
	/* .. the worst so far, with its bound; and the closest to its bound */
	long double lag_max, lag_bound, lag_part;
	uint64_t total;
};

struct audit_node {
	unsigned __int128 vtime;
	uint32_t child_count, served; /* index; AUDIT_CHILD_MAX: nobody */
	uint64_t budget_max, order;
	struct audit_child children[AUDIT_CHILD_MAX];
};

struct disk_audit {
	struct audit_node root, clients[IOSCHED_CLIENT_MAX];
	uint32_t in_flight, depth;
	uint64_t records, choices;
	const char *wrong; /* the first thing; or NULL */
	struct iosched_audit at;
};

void disk_audit_init(struct disk_audit *a, const struct iosched_config *config);
/* False: a rule is broken, from the first such record on. */
bool disk_audit_record(struct disk_audit *a, const struct iosched_audit *r);
