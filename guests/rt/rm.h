/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/rt/rm.h - preemptive scheduling of periodic tasks, by fixed priority or by deadline. Pure.
 *
 * Model    Job k of task i arrives at epoch + offset + k * period, is released then, and is ready until
 *	    completed; job k + 1 waits for job k. Its deadline is its arrival and a period. The
 *	    response of a job is its completion minus its own arrival, however long it waited
 *	    for the one before.
 *	    RM_FIXED: task i has priority i, 0 the highest. RM_EDF: the earliest deadline first, of
 *	    equal ones the lower index.
 *	    With rounds everything begins anew at epoch + r * round: a task has round / period jobs
 *	    in each. The first of each round, of all where there are none, is released
 *	    `jitter` after its arrival.
 * Source   Liu and Layland 1973, "Scheduling Algorithms for Multiprogramming in a Hard-
 *	    Real-Time Environment": rate-monotonic where shorter periods come first.
 * Units    *_tsc: TSC ticks, absolute, or of a period. No clock is read here.
 * Cost     Linear in the number of tasks, RM_TASK_MAX at most.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define RM_TASK_MAX 16u
#define RM_IDLE     UINT32_MAX
#define RM_NEVER    UINT64_MAX

enum rm_policy { RM_FIXED, RM_EDF };

struct rm_task {
	/* By the caller; with rounds, a round has room for a period at least. */
	uint64_t period_tsc, offset_tsc, jitter_tsc;
	uint64_t wanted; /* jobs */
	/* Of the oldest job that is not completed. */
	uint64_t arrival_tsc, release_tsc;
	uint64_t done; /* jobs completed: that oldest job's number */
	uint64_t round_begin_tsc, in_round;
};

struct rm_set {
	struct rm_task task[RM_TASK_MAX];
	uint32_t count;
	enum rm_policy policy;
	uint64_t round_tsc; /* 0: no rounds */
};

/* The first round begins at `epoch_tsc`. */
void rm_start(struct rm_set *s, uint64_t epoch_tsc);

struct rm_pick {
	uint32_t task;      /* runs now, or RM_IDLE */
	uint64_t until_tsc; /* the first release that can change that; RM_NEVER if none */
};
struct rm_pick rm_pick(const struct rm_set *s, uint64_t now_tsc);

/* The oldest job of `task`, which is ready, is completed; returns its response in ticks. */
uint64_t rm_complete(struct rm_set *s, uint32_t task, uint64_t now_tsc);

/* True once every task has completed the jobs that are wanted. */
bool rm_all_done(const struct rm_set *s);
