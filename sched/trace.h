/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched/trace.h - one scheduling event in 16 bytes, as the image writes it and tools read it.
 *
 * Model    A core appends records in the order in which things happen to its struct cbs.
 *	      RUN	`server` occupies the core from `tsc` on, until its STOP, BLOCK or THROTTLE,
 *			or the next RUN, whichever is first. Repeating it changes nothing
 *	      STOP	nothing runs from `tsc` on (the core idles, or is about to switch)
 *	      WAKE	cbs_wake() found it BLOCKED. Not written when it was not
 *	      BLOCK	cbs_block()
 *	      THROTTLE	it became CBS_THROTTLED, by cbs_charge() or, right after WAKE, by waking
 *			with nothing left
 *	      REPLENISH	cbs_pick() gave it a new budget: one for each bit in cbs.replenished,
 *			before the RUN of the server picked. (A wake that does so is only WAKE)
 *	      CHARGE	`arg` ticks were charged to it that it did not occupy the core: work done
 *			for it while another had it
 *	    `tsc` is the `now` that the operation was given, and never decreases.
 *	    `arg` of RUN, WAKE and REPLENISH is the server's deadline after the event, relative
 *	    to `tsc`: a record is then 16 bytes, and the deadline is exact. 0 for background
 *	    servers and for the other kinds. Kinds from TRACE_KIND_FREE on belong to core/;
 *	    sched/trace_check.h skips them.
 * Units    TSC ticks. An arg beyond +-2^51 saturates.
 * Sharing  Plain data.
 */
#pragma once
#include "core/lib/base.h"

enum trace_kind {
	TRACE_RUN = 1, /* 0 is no record: memory that was never written */
	TRACE_STOP = 2,
	TRACE_WAKE = 3,
	TRACE_BLOCK = 4,
	TRACE_THROTTLE = 5,
	TRACE_REPLENISH = 6,
	TRACE_CHARGE = 7,
	TRACE_KIND_FREE = 8,
	TRACE_KIND_MAX = 15,
};

struct trace_record {
	uint64_t tsc;
	uint64_t word; /* 63:12 arg, signed; 11:4 server; 3:0 kind */
};
_Static_assert(sizeof(struct trace_record) == 16, "a record is two words");

#define TRACE_ARG_MAX (INT64_C(1) << 51)

static inline struct trace_record trace_record_make(uint64_t tsc, enum trace_kind kind,
						    uint32_t server, int64_t arg)
{
	uint64_t word = (uint64_t)arg << 12;

	if (__builtin_expect((int64_t)word >> 12 != arg, 0))
		word = (uint64_t)(arg < 0 ? -TRACE_ARG_MAX : TRACE_ARG_MAX - 1) << 12;
	return (struct trace_record){ tsc, word | (uint64_t)(server & 0xff) << 4 | (uint64_t)kind };
}

static inline uint32_t trace_kind(struct trace_record r)
{
	return (uint32_t)(r.word & 0xf);
}

static inline uint32_t trace_server(struct trace_record r)
{
	return (uint32_t)(r.word >> 4 & 0xff);
}

static inline int64_t trace_arg(struct trace_record r)
{
	return (int64_t)r.word >> 12;
}

/* The server's deadline, of RUN, WAKE and REPLENISH. */
static inline uint64_t trace_deadline(struct trace_record r)
{
	return r.tsc + (uint64_t)trace_arg(r);
}
