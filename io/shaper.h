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
 *	    What is given away are tokens: all of them together are filled with what the link
 *	    carries, so that nobody's gain is somebody else's loss. What a bucket cannot hold goes to
 *	    a pool, and from there to buckets with room. A bucket holds `burst_ns` of what its
 *	    client may have of the link when all want it; while it uses more than that, more, up to
 *	    `burst_ns` of what it may have when nobody else wants any.
 *	    The device behind it knows no rates. Where it can carry more than `link_bytes`, all of
 *	    this is kept to the frame, or to the round in which it is watched. Where `link_bytes` is all
 *	    that it carries, who sends small frames in turn with who sends large ones is crowded
 *	    out; while somebody may be, 1/64 of the link and more stays free, so that they come back.
 *	    Packets have no link: everybody has its max of them. So have bytes if the link is not
 *	    known, or usual where that is less.
 *	    The planner sees that the usual rates fit the link (else it shrinks them, not below min).
 * Source   "Quality of Service for I/O Workloads in Multi-core Virtualized Servers" (papers, 004), Table 1 and
 *	    section 5, "QoS and virtual-NIC".
 * Units    Bytes and packets a second; times in ns, absolute. 0: none given. Tokens: 2^-16 bytes or
 *	    packets.
 * Errors   None. More than SHAPER_CLIENT_MAX clients, or a tuple that is not min <= usual <= max: a broken
 *	    invariant; the planner has refused it.
 * Sharing  The caller's. Pure. _tick(): bounded by the number of clients; the others: constant.
 */
#pragma once
#include "core/lib/base.h"

#define SHAPER_CLIENT_MAX 64u
#define SHAPER_RATE_MAX   (UINT64_C(1) << 40) /* more than any link: rates are cut to it */

struct shaper_tuple {
	uint64_t usual, min, max;
};
struct shaper_claim {
	struct shaper_tuple bytes, packets;
	uint32_t priority; /* higher first */
};

struct shaper_bucket {
	uint64_t assured, most; /* filled with, a second: at least, at most; most 0: no limit */
	int64_t room, surge;    /* what it may hold; while it uses much, at most */
	int64_t tokens, lacks;
	uint64_t fraction; /* of a token */
	uint64_t used;     /* since the last tick */
	uint64_t filled;   /* tokens, since ever: what it had to use */
};
struct shaper_client {
	uint32_t priority;
	struct shaper_bucket bytes, packets;
	uint64_t closed_count; /* times that it was found closed */
};
struct shaper {
	uint64_t link_bytes; /* of the link, a second; 0: not known, and nothing is given away */
	uint64_t burst_ns;   /* a bucket holds so much of its rate at most */
	uint64_t last_ns, remainder;
	int64_t pool;     /* what the link has given, and nobody has */
	uint64_t crowded; /* bytes of those who may want more than they could send */
	uint32_t free_shift;
	uint32_t count, turn;
	struct shaper_client clients[SHAPER_CLIENT_MAX];
	uint8_t order[SHAPER_CLIENT_MAX]; /* clients, by priority */
};

void shaper_init(struct shaper *s, uint64_t link_bytes, uint64_t burst_ns, uint64_t now_ns);
/* Boot only; clients are numbered from 0. */
uint32_t shaper_add(struct shaper *s, const struct shaper_claim *claim);
/* It has received, or sent, so much: found out later, or frame by frame. */
void shaper_take(struct shaper *s, uint32_t client, uint64_t packets, uint64_t bytes);
/* It may have more now. False: somebody wanted, and it had nothing. */
bool shaper_is_open(struct shaper *s, uint32_t client);
/* Fills the buckets up to now, and gives what is left to those who want it. Any time; often enough: four
 * times in a burst. */
void shaper_tick(struct shaper *s, uint64_t now_ns);
