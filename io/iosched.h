/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/iosched.h - in which order a shared disk serves its clients: one of five schedulers.
 *
 * Model    A client is a partition's share of the disk, with up to IOSCHED_QUEUE_MAX virtqueues.
 *	    iosched_add() gives the scheduler a request; iosched_next() takes out the one that the
 *	    device is to have now, at most `depth` at a time; iosched_done() says that it is
 *	    complete. A scheduler may keep requests back although the device is free (idling, or a
 *	    budget that is used up): then it says when to ask again.
 *	    Within a virtqueue requests are served in the order of their arrival (DEADLINE: reads
 *	    among reads, the others among themselves).
 *
 *	      IOSCHED_BFQ       B-WF2Q+ with budgets over clients, and over virtqueues within one:
 *			        io/bfq.h has algorithm, source and bounds
 *	      IOSCHED_NONE      order of arrival
 *	      IOSCHED_DEADLINE  reads before writes, neither beyond its deadline
 *	      IOSCHED_PRIORITY  fixed priorities of clients: the comparison "ionice" of paper 000.
				Idles for the client it served last, as BFQ does
 *	      IOSCHED_BUDGET    each client's budget of service, replenished every period; by
 *			        priority while it lasts: the mimic of RT-Xen of paper 000
 * Cost     O(log n) in the number of queues for BFQ, at most O(clients) for the others; nothing
 *	    depends on the number of requests. No memory but the struct's.
 * Units    TSC ticks, bytes.
 * Errors   iosched_init(): ERR_INVAL: a configuration that core/plan_disk.c would refuse.
 * Sharing  Pure; the caller's lock.
 */
#pragma once
#include "core/lib/block.h"

#ifndef IOSCHED_CLIENT_MAX /* tests/bench/ asks for more */
#define IOSCHED_CLIENT_MAX 32u
#endif
#define IOSCHED_QUEUE_MAX  8u
#define IOSCHED_NO_QUEUE   UINT16_MAX /* in the trail: the client itself */
#define IOSCHED_WEIGHT_MAX 1000u

enum iosched_kind {
	IOSCHED_BFQ,
	IOSCHED_NONE,
	IOSCHED_DEADLINE,
	IOSCHED_PRIORITY,
	IOSCHED_BUDGET,
	IOSCHED_KIND_COUNT
};

struct iosched_client_config {
	uint32_t weight;                           /* BFQ: 1 to IOSCHED_WEIGHT_MAX */
	uint32_t queue_count;                      /* 1 to IOSCHED_QUEUE_MAX */
	uint32_t queue_weights[IOSCHED_QUEUE_MAX]; /* BFQ: likewise */
	bool has_async_writes; /* BFQ: nobody waits for its writes: no idling for them */
	uint32_t priority;     /* PRIORITY, BUDGET: higher first */
	uint64_t budget_bytes, period_tsc; /* BUDGET: so much in every period */
};

struct iosched_config {
	enum iosched_kind kind;
	uint32_t client_count;
	const struct iosched_client_config *clients; /* lives as long as the scheduler */
	uint32_t depth; /* requests that the device has at a time, from 1 */
	/* BFQ, PRIORITY: docs/disk.md has what they do. 0 means 0: no idling; no limit of time. */
	uint64_t slice_idle_tsc, timeout_tsc;
	bool is_strict; /* BFQ: idles for distant requests although all weights are equal */
	uint64_t max_budget_bytes; /* of a turn; at least one request's length. 0: measured */
	bool has_fixed_budgets;    /* every budget is max_budget_bytes: no feedback */
	/* DEADLINE */
	uint64_t read_expire_tsc, write_expire_tsc;
	uint64_t tsc_hz;
	/* Every decision, for checkers; or NULL. A ring of audit_mask + 1 records. */
	struct iosched_audit *audit;
	uint32_t audit_mask;
};

/*
 * One decision: what tests/ recompute service and lag from. BFQ has turns of clients (queue is
 * IOSCHED_NO_QUEUE) and, within a client of several queues, of queues.
 */
enum iosched_event {
	IOSCHED_ADDED, /* a request; `bytes` is what it counts for */
	IOSCHED_DISPATCHED,
	IOSCHED_COMPLETED,
	IOSCHED_REMOVED,
	IOSCHED_ACTIVATED, /* BFQ: it waits for its turn; `bytes` is the budget */
	IOSCHED_SELECTED,  /* BFQ: its turn begins; the budget */
	IOSCHED_EXPIRED    /* BFQ: its turn has ended; the service that it is charged for */
};
struct iosched_audit {
	uint64_t tsc;
	uint8_t event;  /* enum iosched_event */
	uint8_t reason; /* EXPIRED: enum bfq_expiry */
	uint16_t client, queue;
	uint32_t bytes;
};

struct iosched; /* io/iosched_state.h: storage is static, one for each disk */

MUST_CHECK enum err iosched_init(struct iosched *s, const struct iosched_config *config);
/* r->client, queue, op, sector and sector_count are set. */
void iosched_add(struct iosched *s, struct block_request *r, uint64_t now_tsc);
/*
 * The next one for the device. NULL: none now, and *again_tsc says when to ask again though nothing
 * was added or completed; TSC_NEVER: no need.
 */
struct block_request *iosched_next(struct iosched *s, uint64_t now_tsc, uint64_t *again_tsc);
void iosched_done(struct iosched *s, struct block_request *r, uint64_t now_tsc);
/* Takes out one of the client's requests that the device was not given, or NULL: it has none. */
struct block_request *iosched_remove(struct iosched *s, uint32_t client);
const char *iosched_name(enum iosched_kind kind);
