/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/shaper.h - bandwidth and packet rate of functions that share a link, one direction of it.
 *
 * Model    Each client has a token bucket for bytes and one for packets. It is open while both hold
 *	    something; what it takes may leave a debt, which it waits out, so that over a
 *	    second it has its rate exactly, however coarsely it is watched. A closed client's
 *	    excess is somebody else's to drop, at the device.
 *	    A client has a tuple {usual, min, max}. Usual is what it may count on; what others leave of
 *	    theirs, and the link has beyond that, goes to those who want more: by priority, of
 *	    equal ones in equal parts, to nobody beyond max. Without a tuple a client counts on
 *	    nothing, and has no maximum.
 *	    The planner sees that the usual rates fit the link (else it shrinks them, not below min).
 * Source   "Quality of Service for I/O Workloads in Multi-core Virtualized Servers" (papers, 004), Table 1 and
 *	    section 5, "QoS and virtual-NIC".
 * Units    Bytes and packets a second; times in ns, absolute. 0: none given.
 * Errors   None. More than SHAPER_CLIENT_MAX clients, or a tuple that is not min <= usual <= max: a broken
 *	    invariant; the planner has refused it.
 * Sharing  The caller's. Pure. _tick(): bounded by the number of clients; the others: constant.
 */
#pragma once
#include "core/lib/base.h"

#define SHAPER_CLIENT_MAX 64u

struct shaper_tuple {
	uint64_t usual, min, max;
};
struct shaper_claim {
	struct shaper_tuple bytes, packets;
	uint32_t priority; /* higher first */
};

struct shaper_bucket {
	uint64_t rate;  /* that it is filled with now; 0: not limited */
	int64_t tokens; /* times 2^16 */
	uint64_t used;  /* since the last tick */
};
struct shaper_client {
	struct shaper_claim claim;
	struct shaper_bucket bytes, packets;
	uint64_t closed_count; /* times that it was found closed */
	bool wants_more;       /* it was closed, or used all it had, since the last tick */
};
struct shaper {
	uint64_t link_bytes; /* of the link, a second; 0: not known, and nothing is given away */
	uint64_t burst_ns;   /* a bucket holds so much of its rate at most */
	uint64_t last_ns;
	uint32_t count;
	struct shaper_client clients[SHAPER_CLIENT_MAX];
};

void shaper_init(struct shaper *s, uint64_t link_bytes, uint64_t burst_ns, uint64_t now_ns);
/* Boot only; clients are numbered from 0. */
uint32_t shaper_add(struct shaper *s, const struct shaper_claim *claim);
/* It has received, or sent, so much: found out later, or frame by frame. */
void shaper_take(struct shaper *s, uint32_t client, uint64_t packets, uint64_t bytes);
/* It may have more now. False: somebody wanted, and it had nothing. */
bool shaper_is_open(struct shaper *s, uint32_t client);
/* Fills the buckets up to now, and gives what is left to those who want it. Any time; often enough: a
 * burst. */
void shaper_tick(struct shaper *s, uint64_t now_ns);
