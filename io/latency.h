/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/latency.h - the tail latency (99.99th percentile) that a task of a disk_load will see: two models.
 *
 * Model    LATENCY_ANALYTIC  paper 000, eq. (1) to (5), with five fitted coefficients
 *	    LATENCY_MLP       a neural network: 3 hidden layers of 15, ReLU; the mean of 5, each
 *			      trained without a fifth of the data
 *	    Both were fitted to simulated runs of io/bfq.c over the disk that io/latency_table.c names;
 *	    both predictions carry a margin, also fitted, so that few real tails are above them:
 *	    how few, docs/latency.md says.
 *	    Integers only: the planner, the simulator and the image get the same bits.
 * Reading  The paper prints the effect of slice_idle as (1 - lambda) x SI / default. Small lambdas
 *	    would then mean a strong effect, and short waits low throughput: its text and its Table
 *	    III say the opposite of both. Here it is 1 - lambda x SI / default. The guests have no
 *	    scheduler of their own: eq. (4)'s SI and TS are the host's, with their own lambdas.
 *	    A timeout of 0 (none) is as LATENCY_NO_TIMEOUT_NS.
 * Limits   What the data did not have (more guests, tasks, other rates) is predicted, and marked:
 *	    latency_is_within(). Nothing overflows: what is beyond 64 bits is UINT64_MAX.
 * Units    ns. A "fixed" has 16 bits after the point.
 * Sharing  Pure.
 */
#pragma once
#include "io/disk_load.h"

#define LATENCY_SLICE_IDLE_DEFAULT_NS MS(8)
#define LATENCY_NO_TIMEOUT_NS         SEC(1) /* the interval that the equations are about */

enum latency_model { LATENCY_ANALYTIC, LATENCY_MLP, LATENCY_MODEL_COUNT };

/*
 * Sums over the load that every task's prediction needs: made once for a load. A guest is awaited if
 * its requests come, on average, before slice_idle is over: io/bfq.h, "Waiting".
 */
struct latency_sums {
	uint32_t task_count, weight;
	uint64_t iops;
	uint32_t awaited; /* guests, a bit each */
	uint32_t awaited_count, awaited_weight;
	uint32_t guest_weight[IOSCHED_CLIENT_MAX]; /* of its tasks */
	uint64_t guest_iops[IOSCHED_CLIENT_MAX];
};
void latency_sum(const struct disk_load *load, struct latency_sums *sums);
/* Again, after a change of slice_idle, of guests' weights, and of tasks' weights in `guests` (a bit each). */
void latency_sum_settings(const struct disk_load *load, struct latency_sums *sums, uint32_t guests);

/* With the margin. UINT64_MAX: beyond what 64 bits hold. */
uint64_t latency_predict_ns(enum latency_model model, const struct disk_load *load,
			    const struct latency_sums *sums, uint32_t guest, uint32_t task);
/* Without: what was fitted. */
uint64_t latency_estimate_ns(enum latency_model model, const struct disk_load *load,
			     const struct latency_sums *sums, uint32_t guest, uint32_t task);
/* Were the models fitted to loads like this one? */
bool latency_is_within(const struct disk_load *load);

/*
 * What eq. (1) to (5) are made of; phi are shares, T is bytes_per_s, A bytes in one second:
 *
 *	estimate = tasks x SW + (host_own / lphi + host_others) / E(SI^H) + E(TS^H)
 *		 + (guest_own / lphi^2 + guest_others / lphi) / E(SI^G) + E(TS^G)
 *	E(SI)    = 1 - lambda_si x SI / default, at least LATENCY_EFFECT_MIN
 *	E(TS)    = lambda_ts x TS
 *
 * Each is rounded down once: less than 1 ns off. For the fit, which has other lambdas.
 */
#define LATENCY_EFFECT_MIN 0.0625
struct latency_terms {
	uint32_t task_count;   /* |Gamma^H| + |Gamma^G| */
	uint64_t host_own;     /* (A^G + B_max - L_min) / (phi^G T) */
	uint64_t host_others;  /* (the other guests' A + B_max) / T */
	uint64_t guest_own;    /* (A^tau + B_max - L_min) / (phi^tau phi^G T) */
	uint64_t guest_others; /* (the guest's other tasks' A + B_max) / (phi^G T) */
	uint64_t slice_idle, timeout;
};
void latency_make_terms(const struct disk_load *load, const struct latency_sums *sums,
			uint32_t guest, uint32_t task, struct latency_terms *terms);

/* What the networks read, in this order; fixed. */
enum latency_feature {
	FEATURE_GUESTS,         /* log2 of: guests */
	FEATURE_TASKS,          /* .. all tasks */
	FEATURE_GUEST_TASKS,    /* .. the guest's */
	FEATURE_IOPS,           /* .. the task's rate */
	FEATURE_GUEST_IOPS,     /* .. its guest's */
	FEATURE_ALL_IOPS,       /* .. everybody's */
	FEATURE_GUEST_SHARE,    /* .. 1 / phi^G */
	FEATURE_TASK_SHARE,     /* .. 1 / phi^tau */
	FEATURE_SLICE_IDLE,     /* ms */
	FEATURE_TIMEOUT,        /* log2 of ms */
	FEATURE_GUEST_PATIENCE, /* log2 of requests of its guest in slice_idle; from -4 to 4 */
	FEATURE_AWAITED,        /* other guests that are awaited */
	FEATURE_OTHERS_WEIGHT,  /* log2 of 1 + their weight / its guest's: turns between its own */
	FEATURE_LARGEST_WEIGHT, /* log2 of 1 + the largest of these weights / its guest's */
	FEATURE_SIBLINGS, /* log2 of 1 + the same in its guest, if weights there differ; else 0 */
	FEATURE_TASK_PATIENCE, /* as GUEST_PATIENCE, of the task, if weights there differ; else 0 */
	LATENCY_FEATURE_COUNT
};
extern const char *const latency_feature_names[LATENCY_FEATURE_COUNT];
void latency_features(const struct disk_load *load, const struct latency_sums *sums, uint32_t guest,
		      uint32_t task, int32_t features[LATENCY_FEATURE_COUNT]);
