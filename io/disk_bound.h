/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/disk_bound.h - how long a request of a client with BFQ takes at most: for planning.
 *
 * Model    From the request's arrival at the scheduler to its completion there pass
 *	      - what the device already has: `depth` requests of the longest;
 *	      - the turn that has just begun: the largest budget B_max, or what of it is possible in
 *		timeout_ns (and the last request); one slice_idle_ns, if that turn's owner has
 *		nothing more to send;
 *	      - what the others are due until this one's turn must be over: V grows by
 *		((k - 1) L + B) / w until then, and each gets its own weight times that. L: its
 *		longest request, k: how many of them it has outstanding at most, w: its weight, B:
 *		the budget of its turn. (V may be late by B_max, above: no more.)
 *	      - its own k requests; one stall of the device.
 *	    B is max_budget where budgets are fixed. Where they learn, at most the larger of
 *	    BFQ_FLOOR and twice what it can use in a turn, (k + 1) L / (1 - share).
 *	    docs/disk.md, "Guarantees", has the proof.
 * Given    that the client asks for less than its share: between the arrivals of any requests n + 1
 *	    and 1, V grows by at least n L / w, but for bursts of k.
 *	    That the others have enough outstanding not to be waited for within a turn, or that
 *	    there is a timeout_ns: a turn of requests that come one by one, each just before
 *	    slice_idle_ns is over, has no other limit.
 *	    That the device serves one after the other as the model says, or faster, and stalls at
 *	    most once while the request is there. That a client's requests are of
 *	    request_min_bytes at least: many small ones take longer than few large ones. (A flush
 *	    counts for 4096 bytes; what the device does then is to be in stall_ns.)
 * Units    Nanoseconds, bytes; picoseconds per byte.
 * Errors   None; what does not fit 64 bits is UINT64_MAX.
 * Sharing  Pure.
 */
#pragma once
#include "io/iosched.h"

struct disk_bound_client {
	uint32_t weight;
	uint64_t request_max_bytes, request_min_bytes;
};

struct disk_bound_system {
	const struct disk_bound_client *clients;
	uint32_t client_count;
	uint32_t depth;
	uint64_t max_budget_bytes; /* as configured; where it is measured: BWF2Q_BUDGET_MAX */
	bool has_fixed_budgets;
	uint64_t slice_idle_ns, timeout_ns;
	struct {
		uint64_t fixed_ns, byte_ps; /* of each request; of each byte */
		uint64_t stall_ns;
	} device;
};

struct disk_bound {
	uint64_t ns;
	/* What it is made of: in the device already; the turn that has begun; others' dues and its own. */
	uint64_t in_device_ns, turn_ns, due_ns;
};

/* For requests of clients[client], of which at most `outstanding` (from 1) are there at a time. */
struct disk_bound disk_bound_of(const struct disk_bound_system *s, uint32_t client,
				uint32_t outstanding);
