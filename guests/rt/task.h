/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/rt/task.h - runs periodic tasks by fixed priority or by deadline, preemptively, and records
 * every response.
 *
 * Model    As guests/rt/rm.h, whose decisions it carries out: a timer interrupt at the next
 *	    release that matters, a full context switch, HLT when nothing is ready. Each task
 *	    has a stack of its own; the caller of task_run() is the idle context.
 *	    A completed job is also reported to the hypervisor (GUEST_CALL_REPORT_JOB).
 *	    With `rounds` responses are kept in rounds of guests/rt/work.h, as 16 ticks each. What
 *	    passes between a release and its interrupt is in ticks of the TSC all the same.
 * Units    *_tsc: ticks of the guest's TSC.
 * Errors   false: no memory for the stacks.
 * Sharing  Jobs run with interrupts on and preempt each other: they must not call newlib.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "guests/rt/rm.h"
#include "guests/rt/trap.h"

struct task {
	/* By the caller; the index is the priority, 0 the highest, where that is what counts. */
	uint64_t period_tsc, offset_tsc, jitter_tsc;
	void (*job)(uint64_t arg);
	uint64_t arg;
	uint64_t jobs;       /* recorded; it ends when all tasks have done theirs. 0, of all:
			      * runs for ever and records nothing */
	uint64_t *responses; /* room for them */
	/* By the runner. */
	uint64_t done;
	uint64_t misses; /* among the first `jobs`, or all: responses beyond the period */
	struct trap_frame *context;
	bool is_released;       /* its oldest job is seen, with `rounds` only */
	uint64_t released_tick; /* .. and was released then, in rounds */
};

struct task_run {
	struct task *tasks;
	uint32_t count;
	uint64_t epoch_tsc; /* first release of all tasks */
	void (*idle)(void); /* called now and then while nothing is ready; may be NULL */
	const volatile uint64_t *rounds; /* NULL: the TSC is the clock */
	enum rm_policy policy;
	uint64_t round_tsc; /* 0: none: guests/rt/rm.h */
	bool is_busy;       /* it computes where it would sleep; then idle() is not called */
};

bool task_run(const struct task_run *run);
