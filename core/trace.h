/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/trace.h - the last scheduling events of each core, in a ring of struct trace_record.
 *
 * The ring is cut from the frame pool at boot; without one, recording costs one test.
 * Sharing  Written by its core only; dumped by core 0 after all cores have stopped.
 */
#pragma once
#include "sched/trace.h"

/* `arg` ticks passed from another guest's exit to this one's entry, which `tsc` is after. */
#define TRACE_SWITCH TRACE_KIND_FREE

struct trace {
	struct trace_record *ring; /* [I] NULL: tracing is off */
	uint64_t mask;             /* [I] records - 1 */
	uint64_t written;          /* [C] */
};

static inline void trace_add(struct trace *t, uint64_t tsc, enum trace_kind kind, uint32_t server,
			     int64_t arg)
{
	if (t->ring)
		t->ring[t->written++ & t->mask] = trace_record_make(tsc, kind, server, arg);
}

/* As "@{"trace":core,"first":n,"records":[...]}" lines; waits for the UART: at the end only. */
void trace_dump(const struct trace *t, core_id_t core);
