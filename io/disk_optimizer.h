/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/disk_optimizer.h - slice_idle, timeout_sync and weights that keep the targets of a disk_load, found
 * by local search over a latency model.
 *
 * Model    Starts at the load's own settings and the defaults, and goes to the best neighbour (one step
 *	    of slice_idle, timeout_sync, a guest's weight or a task's weight) until no neighbour is
 *	    better, or DISK_OPTIMIZER_PREDICTIONS predictions are used up: a fixed bound.
 *	    Better: the largest of predicted / target, over the tasks with targets of the guests that are
 *	    kept, is smaller.
 * Compromise (paper 000, section VI)  If not all targets can be met, the most urgent guest (the smallest
 *	    target; of equals the first) is kept, and then each further one by urgency that can be kept
 *	    with those before it. The others are told what they get.
 * Source   Paper 000, section VI, Fig. 4; ours: neighbours, order of the compromise, the bound.
 * Errors   ERR_INVAL: no guest, no task, a task without IOPS, weights out of range, no target at
 *	    all: result->why says which.
 * Sharing  Pure. About 6 KiB of stack.
 */
#pragma once
#include "io/latency.h"

#define DISK_OPTIMIZER_PREDICTIONS 4096u

/* What may be chosen. Sorted. */
struct disk_optimizer_range {
	const uint64_t *slice_idle_ns; /* 0: no idling */
	const uint64_t *timeout_ns;
	uint32_t slice_idle_count, timeout_count;
};
extern const struct disk_optimizer_range disk_optimizer_range;       /* all that the models know */
extern const struct disk_optimizer_range disk_optimizer_paper_range; /* Table II */

struct disk_optimum {
	struct disk_load load; /* as given, with the settings that were found */
	uint64_t predicted_ns[IOSCHED_CLIENT_MAX][IOSCHED_QUEUE_MAX];
	uint32_t kept; /* guests all of whose targets are predicted to be met: a bit each */
	bool is_met;   /* all of them */
	uint32_t predictions, steps;
	const char *why; /* ERR_INVAL */
	uint32_t why_guest, why_task;
};

MUST_CHECK enum err disk_optimize(const struct disk_load *load, enum latency_model model,
				  const struct disk_optimizer_range *range,
				  struct disk_optimum *optimum);
