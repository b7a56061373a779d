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
 * Limits   What the data did not have (more guests, tasks, other rates) is predicted, and marked:
 *	    latency_is_within().
 * Units    ns.
 * Sharing  Pure.
 */
#pragma once
#include "io/disk_load.h"

enum latency_model { LATENCY_ANALYTIC, LATENCY_MLP, LATENCY_MODEL_COUNT };

/* Sums over the load that every task's prediction needs: made once for a load. */
struct latency_sums {
	uint32_t task_count, weight;
	uint64_t iops;
	uint32_t guest_weight[IOSCHED_CLIENT_MAX]; /* of its tasks */
	uint32_t guest_iops[IOSCHED_CLIENT_MAX];
};
void latency_sum(const struct disk_load *load, struct latency_sums *sums);

/* With the margin. UINT64_MAX: beyond what 64 bits hold. */
uint64_t latency_predict_ns(enum latency_model model, const struct disk_load *load,
			    const struct latency_sums *sums, uint32_t guest, uint32_t task);
/* Was the model fitted to loads like this one? */
bool latency_is_within(const struct disk_load *load);

/* What the network reads, in its order; 16 bits after the point. For training. */
#define LATENCY_FEATURE_MAX 16u
uint32_t latency_features(const struct disk_load *load, const struct latency_sums *sums,
			  uint32_t guest, uint32_t task, int32_t *features);
