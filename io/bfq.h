/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/bfq.h - budget fair queueing: a disk's clients, and the virtqueues of each, by weight.
 *
 * Model    Clients are children of one B-WF2Q+ server (io/bwf2q.h), and the virtqueues of a client
 *	    with more than one are children of a server of the client's. Who is chosen has the
 *	    device to itself for a turn, which ends when
 *	      EXHAUSTED   its next request is longer than what is left of its budget
 *	      TIMED_OUT   it has had the device for timeout_tsc: as slow as that, it pays for its
 *			  whole budget
 *	      NO_BACKLOG  it has no request, and is not waited for
 *	      TOO_IDLE    it was waited for, in vain
 *	      REMOVED     its requests were taken away
 *	    A client's turn may end within one of its queue's: that goes on with the client's next.
 * Waiting  Whoever sends the next request only after the last is complete (most readers do) has no
 *	    request in between, and would lose its turn with each. So one that has run empty in its
 *	    turn is waited for: until nothing of it is in flight, and then for slice_idle_tsc. It
 *	    is not
 *	      - if its think time (from "nothing in flight, nothing queued" to the next request; an
 *		average) is above slice_idle_tsc: in vain;
 *	      - if its last request was a write and it has_async_writes: nobody waits for that;
 *	      - if its requests are far from each other and all weights are equal, unless is_strict: for
 *		a disk another's request is as good as its own, and turns of a request each are fair;
 *	      - a queue whose client has requests in others: unless their weights differ.
 * Budgets  Of a client and of a queue, by feedback: doubled when exhausted (or timed out: whoever is
 *	    slow is to come later and for longer), what was used when there was nothing left to do,
 *	    half of it at least if something is still in flight. From BFQ_FLOOR to the largest:
 *	    max_budget_bytes, or, if that is 0, what the device does in timeout_tsc at its peak rate,
 *	    measured (BFQ_DEFAULT until then). Never less than its longest request. It begins at
 *	    BFQ_FLOOR, so that a client that asks for little is served soon.
 * Service  In sectors. Reads, writes, discards, zeroes: theirs, at most BWF2Q_BUDGET_MAX; a flush as
 *	    much as the 4 KiB that it may at least stand for: if it were free, a turn of flushes
 *	    would never end.
 * Order    Of arrival, within a queue, whatever the operations.
 * Source   Valente and Checconi, "High Throughput Disk Scheduling with Fair Bandwidth Distribution";
 *	    ours: the rules under Waiting and Budgets as they are here, two levels.
 * Cost     bfq_add(), bfq_next(), bfq_done(), bfq_remove(): O(log n) in clients and queues.
 * Sharing  The caller's lock.
 */
#pragma once
#include "io/bwf2q.h"
#include "io/iosched_audit.h"

#define BFQ_FLOOR         (32u * 1024 / BLOCK_SECTOR_BYTES)
#define BFQ_DEFAULT       (8192u * 1024 / BLOCK_SECTOR_BYTES)
#define BFQ_FLUSH_SECTORS (4096u / BLOCK_SECTOR_BYTES)
#define BFQ_FAR_SECTORS   1024u /* from the end of one request to the next */

enum bfq_expiry { BFQ_EXHAUSTED, BFQ_TIMED_OUT, BFQ_TOO_IDLE, BFQ_NO_BACKLOG, BFQ_REMOVED };

/* What a client and a queue have in common. */
struct bfq_flow {
	struct bwf2q_child child;
	uint32_t queued, in_flight;
	uint32_t budget;           /* of its next turn, if `longest` is not more; sectors */
	uint32_t longest;          /* request of it ever */
	uint64_t since_tsc;        /* the device is its own */
	uint64_t used_tsc;         /* .. and was, in earlier parts of this turn: queues only */
	uint64_t idle_since_tsc;   /* nothing queued, nothing in flight */
	uint64_t think_tsc;        /* average; 0: not known yet */
	bool has_idled, is_paused; /* paused: in service, its client is not */
};

struct bfq_queue {
	struct bfq_flow flow;
	struct block_request *head, *tail;
	uint64_t end_sector; /* of the request that was added last */
	uint32_t far;        /* 0 to 256: how many of the last ones were far from each other */
	bool is_async;       /* the last that was dispatched: nobody waits for it */
};

struct bfq_client {
	struct bfq_flow flow;
	struct bwf2q server; /* of queues; unused if there is one */
	struct bfq_queue *recent;
	uint32_t queue_count;
	bool has_async_writes, are_weights_equal;
	struct bfq_queue queues[IOSCHED_QUEUE_MAX];
};

/* How fast the device is: served without a pause, over a window. */
struct bfq_rate {
	uint64_t began_tsc; /* 0: with the next request */
	uint64_t sectors;
	uint32_t count;
	uint64_t peak; /* sectors in timeout_tsc */
};

struct bfq {
	struct bwf2q server; /* of clients */
	const struct iosched_config *config;
	struct iosched_trail *trail;
	uint32_t queued, in_flight;
	uint32_t budget_max;    /* sectors */
	bool are_weights_equal; /* .. and that may be made use of */
	bool heeds_distance;    /* it may matter where requests are */
	struct bfq_rate rate;
	struct bfq_client clients[IOSCHED_CLIENT_MAX];
};

/* The configuration was checked. */
void bfq_init(struct bfq *b, const struct iosched_config *config, struct iosched_trail *trail);
void bfq_add(struct bfq *b, struct block_request *r, uint64_t now_tsc);
struct block_request *bfq_next(struct bfq *b, uint64_t now_tsc, uint64_t *again_tsc);
void bfq_done(struct bfq *b, struct block_request *r, uint64_t now_tsc);
struct block_request *bfq_remove(struct bfq *b, uint32_t client, uint64_t now_tsc);

/* What it counts for. */
static inline uint32_t bfq_service(const struct block_request *r)
{
	uint32_t sectors = r->op == BLOCK_FLUSH ? BFQ_FLUSH_SECTORS : r->sector_count;

	if (__builtin_expect(sectors == 0, 0))
		return 1;
	return sectors < BWF2Q_BUDGET_MAX ? sectors : BWF2Q_BUDGET_MAX;
}
