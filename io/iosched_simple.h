/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/iosched_simple.h - the schedulers beside BFQ: arrival, deadline, priority, budget.
 *
 * Model    Each client has two lists in the order of arrival: of reads (and flushes, which somebody
 *	    waits for just as much) and of the rest; all but DEADLINE have everything in the first.
 *	      NONE      the request that came first
 *	      DEADLINE  the request that is overdue for longest; else the read that came first;
 *			else the first of the others. Due: arrival + read_expire or write_expire
 *	      PRIORITY  of the client of highest priority that has one, ties by index. With
 *			slice_idle_tsc, lower priorities wait while the client that was served last
 *			has something in flight or may soon send its next request (its think time,
 *			an average, is not above slice_idle_tsc), for timeout_tsc at most: what
 *			ionice's classes are under Linux' bfq
 *	      BUDGET    likewise, among clients with budget left. What a request counts for (as in
 *			io/bfq.h) is taken off; the last of a period may be more than what is left,
 *			and the next budget is less by that. At every multiple of period_tsc after
 *			the first request the budget is full again. Where only clients without
 *			budget have requests, the disk does nothing: that is how reservations of
 *			CPU time behave, and what the comparison is about.
 * Cost     O(clients) for iosched_simple_next(), O(1) for the rest.
 * Sharing  The caller's lock.
 */
#pragma once
#include "io/iosched_audit.h"

enum iosched_list { IOSCHED_READS, IOSCHED_OTHERS, IOSCHED_LIST_COUNT };

struct iosched_simple_client {
	struct {
		struct block_request *head, *tail;
	} lists[IOSCHED_LIST_COUNT];
	int64_t left_bytes;     /* BUDGET; negative: more than it had */
	uint64_t replenish_tsc; /* BUDGET: the next time; 0: it had no request yet */
	uint32_t in_flight;
	bool has_idled;
	uint64_t idle_since_tsc, think_tsc; /* PRIORITY: as in io/bfq.h */
};

struct iosched_simple {
	const struct iosched_config *config;
	uint64_t arrivals; /* ever */
	/* PRIORITY: who was served last, or NULL, and since when. */
	struct iosched_simple_client *holder;
	uint64_t since_tsc;
	struct iosched_simple_client clients[IOSCHED_CLIENT_MAX];
};

void iosched_simple_init(struct iosched_simple *s, const struct iosched_config *config);
void iosched_simple_add(struct iosched_simple *s, struct block_request *r, uint64_t now_tsc);
struct block_request *iosched_simple_next(struct iosched_simple *s, uint64_t now_tsc,
					  uint64_t *again_tsc);
void iosched_simple_done(struct iosched_simple *s, const struct block_request *r, uint64_t now_tsc);
struct block_request *iosched_simple_remove(struct iosched_simple *s, uint32_t client);
