/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/trace.h - the last events of each core, in a ring of struct trace_record.
 *
 * Model    Scheduling events (sched/trace.h), on cores that are shared; with config.trace_details also
 *	      EXIT	at `tsc` a guest was left; arg: what the hypervisor worked for that exit, and why
 *			it was. Written when the work is done: `tsc` lies before that of records in front
 *			of it. What ended a guest's time has 0: its work is the scheduler's
 *	      IRQ	a host interrupt was taken, for vCPU arg; -1: for none, to have the core look
 *	      POST	interrupts were posted to vCPU arg, by this core
 *	      IO	a request of a shared disk: struct trace_io
 *	    on all cores. `server` of IRQ, POST and IO is nobody's, TRACE_NOBODY.
 *	    The ring is cut from the frame pool at boot; without one, recording costs one test. Details
 *	    are linked only where they are configured: else they cost a test that needs no memory, and
 *	    exits nothing (core/run.c has the loop twice).
 * Sharing  Written by its core only; dumped by core 0 after all cores have stopped.
 */
#pragma once
#include "core/partition.h"
#include "sched/trace.h"

/* `arg` ticks passed from another guest's exit to this one's entry, which `tsc` is after. */
#define TRACE_SWITCH TRACE_KIND_FREE
#define TRACE_EXIT   (TRACE_KIND_FREE + 1) /* arg 51:8 ticks; 7:0 enum exit_kind */
#define TRACE_IRQ    (TRACE_KIND_FREE + 2)
#define TRACE_POST   (TRACE_KIND_FREE + 3)
#define TRACE_IO     (TRACE_KIND_FREE + 4)
#define TRACE_NOBODY 0xffu

/* arg of IO: 47:24 sectors; 23:12 number; 11:4 client; 3:2 disk; 1:0 event. */
enum trace_io_event { TRACE_IO_TAKEN, TRACE_IO_GIVEN, TRACE_IO_DONE };
struct trace_io {
	enum trace_io_event event; /* from the guest's ring; to the disk; back to the ring */
	uint32_t disk, client;
	uint32_t number; /* of the request, among the client's: not that of another on its way */
	uint32_t sectors;
};
_Static_assert(CONFIG_DISK_MAX <= 4, "two bits have a disk's number");

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

/* core/trace_detail.c, into the calling core's ring; absent without config.trace_details. */
void trace_exit(const struct vcpu_state *v, const struct exit_info *e) __attribute__((weak));
void trace_interrupts(vcpu_set_t set) __attribute__((weak));
void trace_posts(vcpu_set_t set) __attribute__((weak));
void trace_disk(const struct trace_io *io) __attribute__((weak));

/* As "@{"trace":core,"records":[...]}" lines; waits for the UART: at the end only. */
void trace_dump(const struct trace *t, core_id_t core);
