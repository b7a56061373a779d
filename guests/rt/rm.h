/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/rt/rm.h - fixed-priority preemptive scheduling of periodic tasks. Pure.
 *
 * Model    Task i has priority i, 0 the highest. Its job k is released at epoch + k * period
 *	    and is ready until completed; job k + 1 waits for job k. The response of a job is
 *	    its completion minus its own release, however long it waited for the one before.
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

struct rm_task {
	uint64_t period_tsc;
	uint64_t release_tsc; /* of the oldest job that is not completed */
	uint64_t done;        /* jobs completed: that oldest job's number */
};

struct rm_set {
	struct rm_task task[RM_TASK_MAX];
	uint32_t count;
};

/* Job 0 of every task will be released at `epoch_tsc`. */
void rm_start(struct rm_set *s, uint64_t epoch_tsc);

struct rm_pick {
	uint32_t task;      /* runs now, or RM_IDLE */
	uint64_t until_tsc; /* the first release that can change that; RM_NEVER if none */
};
struct rm_pick rm_pick(const struct rm_set *s, uint64_t now_tsc);

/* The oldest job of `task`, which is ready, is completed; returns its response in ticks. */
uint64_t rm_complete(struct rm_set *s, uint32_t task, uint64_t now_tsc);

/* True once every task has completed `jobs` jobs. */
bool rm_all_done(const struct rm_set *s, uint64_t jobs);
