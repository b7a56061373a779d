/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched/trace_check.h - did this core keep its promises? Asked of its trace, not of its code.
 *
 * Model    From sched/trace.h records and the servers' (Q, P) alone, and sharing no code with
 *	    sched/cbs.c, for every reserved server:
 *	    - between two replenishments it occupies the core for at most Q + overrun;
 *	    - where it was never blocked between two replenishments, for at least Q - shortfall;
 *	    - it is throttled no earlier than with Q - shortfall consumed, and does not run then;
 *	    - by d + reaction at the latest it is replenished, and d has become d + k * P;
 *	      a wake-up keeps d or makes it t + P, as the rule of cbs.h asks (within the same
 *	      limits, as the trace cannot know what was charged in between);
 *	    - no server is ready, with an earlier deadline than the one running (background: with
 *	      a higher priority and no reserved one ready), or with none running, for longer
 *	      than reaction.
 *	    A trace may begin anywhere: nothing is claimed of a server before its first record.
 * Units    TSC ticks.
 * Errors   The first violation ends the check; later records are not looked at.
 * Sharing  Pure. O(servers) per record: for tools and tests.
 */
#pragma once
#include "sched/trace.h"

#define TRACE_SERVER_MAX 64u
#define TRACE_NO_SERVER  UINT32_MAX

struct trace_server {
	uint64_t budget_tsc; /* 0: a background server */
	uint64_t period_tsc;
	uint32_t priority; /* background only */
};

struct trace_limits {
	uint64_t overrun_tsc;   /* late timer and exit path, work done for it by others */
	uint64_t shortfall_tsc; /* charged to it, but spent before its RUN or after its STOP */
	uint64_t reaction_tsc;  /* from an event to the switch that it asks for */
};

/* What was seen of one server. A window lies between two replenishments, waking ones included. */
struct trace_seen {
	uint64_t run_max_tsc;      /* in one window */
	uint64_t short_max_tsc;    /* Q less the least that it got in a window without a block */
	uint64_t late_max_tsc;     /* from its d to its replenishment */
	uint64_t wait_max_tsc;     /* ready and first in order, but not running */
	uint64_t window_count;     /* complete ones */
	uint64_t backlogged_count; /* of these, without a block */
	uint64_t record_count;
};

struct trace_violation {
	const char *rule; /* in words; NULL: none */
	uint64_t record_index;
	uint64_t tsc;
	uint32_t server;
	uint64_t found; /* ticks, or a point in time, as the rule says */
	uint64_t allowed;
};

enum trace_state {
	TRACE_STATE_UNKNOWN,
	TRACE_STATE_BLOCKED,
	TRACE_STATE_READY,
	TRACE_STATE_THROTTLED
};

struct trace_track {
	enum trace_state state;
	bool has_deadline;
	bool has_window;    /* its beginning was seen */
	bool is_backlogged; /* never blocked since */
	bool is_waiting;
	uint64_t deadline_tsc;
	uint64_t run_tsc;  /* in this window */
	uint64_t wait_tsc; /* is_waiting: since when */
};

struct trace_check {
	uint32_t server_count;
	struct trace_server servers[TRACE_SERVER_MAX];
	struct trace_limits limits;
	uint64_t record_count;
	uint64_t now_tsc;
	bool has_running; /* `running` is known */
	uint32_t running; /* or TRACE_NO_SERVER */
	struct trace_track track[TRACE_SERVER_MAX];
	struct trace_seen seen[TRACE_SERVER_MAX];
	struct trace_violation violation;
};

/* At most TRACE_SERVER_MAX servers: the index is the one that records name. */
void trace_check_init(struct trace_check *t, const struct trace_server *servers,
		      uint32_t server_count, const struct trace_limits *limits);

/* The next record. False: a violation, now or before. */
bool trace_check_record(struct trace_check *t, struct trace_record r);

/* True if every reserved server had at least `window_count` complete windows. */
bool trace_check_is_conclusive(const struct trace_check *t, uint64_t window_count);
