/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/disk_optimizer.h - slice_idle, timeout_sync and weights that keep the targets of a disk_load, found
 * by local search over a latency model.
 *
 * Model    Settings are better if the largest of predicted / target, over the tasks that count, is
 *	    smaller. Starts: the load's own settings and equal weights, each with every slice_idle and
 *	    timeout of the range. From the best of them to whatever of these is better:
 *	      neighbours    another slice_idle; another timeout; a guest's or a task's weight 1, 2 or
 *			    4 steps of the range up or down; all weights at once after how far
 *			    their owners are from their targets
 *	      from below    least weights for all, and more for whoever is above the ratio that is
 *			    asked for, until nobody is (paper 000, Fig. 4); that is exact for a
 *			    model in which weight only helps who has it
 *	      pairs         two neighbours' changes at once
 *	    It ends where none is better, or when DISK_OPTIMIZER_PREDICTIONS() are used up: a fixed
 *	    bound. The result is never worse than the load's own settings; in a compromise, it keeps
 *	    whom they keep, by urgency.
 * Compromise (paper 000, section VI)  If not all targets can be met, the most urgent guest is kept
 *	    (critical ones before others, then the smallest target; of equals the first), and then
 *	    each further one by urgency that can be kept with those before it. The settings are
 *	    those that keep these, and of those the ones in which the others' predictions are least
 *	    above their targets. They are told what they get.
 * Source   Paper 000, section VI, Fig. 4; ours: starts, neighbours, order of the compromise, the bound.
 * Errors   ERR_INVAL: no guest or too many, no task, a task without IOPS, weights out of range, no
 *	    target at all, a range without values: optimum->why says which, where that is of use
 *	    with guest and task.
 * Sharing  Pure. Less than 1 KiB of stack; the rest is in struct disk_optimum, 17 KiB.
 */
#pragma once
#include "io/latency.h"

/* At most so many: one by the networks costs some twenty times as much as one by the equations. */
#define DISK_OPTIMIZER_PREDICTIONS(model) ((model) == LATENCY_MLP ? 3072u : 32768u)

/* What may be chosen, besides what the load has. Sorted. */
struct disk_optimizer_range {
	const uint64_t *slice_idle_ns; /* 0: no idling */
	const uint64_t *timeout_ns;
	const uint32_t *weights;                                /* of guests and of tasks */
	uint32_t slice_idle_count, timeout_count, weight_count; /* from 1 */
};
extern const struct disk_optimizer_range disk_optimizer_range;       /* all that the models know */
extern const struct disk_optimizer_range disk_optimizer_paper_range; /* Table II */

/* The search's own: not to be read. */
struct disk_optimizer_task {
	uint8_t guest, task;
};
struct disk_optimizer_search {
	const struct disk_load *given;
	const struct disk_optimizer_range *range;
	enum latency_model model;
	uint32_t predictions_end; /* of this part of the search */
	uint32_t counting;        /* guests whose targets count: a bit each */
	bool heeds_others;        /* the others' excess counts as well, but less */
	uint64_t floor;           /* ratios below are as good as this */
	uint64_t worst, excess;   /* of the settings at hand */
	struct disk_load trial, saved;
	uint32_t touched; /* guests whose weights differ in trial: a bit each */
	uint32_t stale;   /* .. or did when `sums` were made */
	struct latency_sums sums;
	bool is_raised;                  /* a task's weight, while its guest is settled */
	uint32_t task_count, seen_count; /* with targets; and of these, looked at: the first ones */
	struct disk_optimizer_task tasks[IOSCHED_CLIENT_MAX * IOSCHED_QUEUE_MAX]; /* worst first */
	uint32_t focus; /* the guest that is worst off */
	uint32_t ratios[IOSCHED_CLIENT_MAX * IOSCHED_QUEUE_MAX];
	uint32_t trial_ratios[IOSCHED_CLIENT_MAX * IOSCHED_QUEUE_MAX];
};

struct disk_optimum {
	struct disk_load load; /* as given, with the settings that were found */
	uint64_t predicted_ns[IOSCHED_CLIENT_MAX][IOSCHED_QUEUE_MAX];
	uint32_t
		kept; /* guests all of whose targets (or none) are predicted to be met: a bit each */
	bool is_met;  /* all of them */
	uint32_t predictions, steps;
	const char *why; /* ERR_INVAL */
	uint32_t why_guest, why_task;
	struct disk_optimizer_search search;
};

MUST_CHECK enum err disk_optimize(const struct disk_load *load, enum latency_model model,
				  const struct disk_optimizer_range *range,
				  struct disk_optimum *optimum);
