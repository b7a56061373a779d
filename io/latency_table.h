/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/latency_table.h - what the latency models learned: io/latency_table.c, written by tools/fit.
 *
 * Model    ANALYTIC: paper 000, Table III, for our disk. MLP: LATENCY_NETWORKS networks from
 *	    latency_features() to log2 of the latency in ns. A layer is
 *
 *		out[o] = round(bias[o] + sum over i of weight[i][o] x in[i])
 *
 *	    rounded to 16 bits after the point (half up), hidden ones then limited to 0 ..
 *	    LATENCY_NEURON_MAX. Features are not scaled: scaling is in the first layer's weights.
 * Margins  Where nobody is waited for, tails are much the same in all loads and well predicted: one margin
 *	    for all would be far too wide there, and too narrow elsewhere.
 * Units    "Fixed": 16 bits after the point. Coefficients: 32 bits after it.
 * Limits   Weights and biases are below LATENCY_WEIGHT_MAX, so that no sum overflows.
 * Sharing  Constant.
 */
#pragma once
#include "io/latency.h"

#define LATENCY_NETWORKS   5u
#define LATENCY_NEURONS    15u
#define LATENCY_HIDDEN     3u
#define LATENCY_NEURON_MAX INT32_C(0x7ffffff) /* 2048 */
#define LATENCY_WEIGHT_MAX INT32_C(0x4000000) /* 1024 */

struct latency_coefficients {
	uint64_t phi, ts_guest, si_guest, ts_host, si_host; /* lambdas */
	uint64_t switch_ns;                                 /* SW of a task */
	int32_t margin;                                     /* fixed, from 1: times the estimate */
	int32_t margin_no_idle;                             /* .. if slice_idle is 0; 0: the same */
};

struct latency_network {
	int32_t first[LATENCY_FEATURE_COUNT][LATENCY_NEURONS];
	int32_t hidden[LATENCY_HIDDEN - 1][LATENCY_NEURONS][LATENCY_NEURONS]; /* [from][to] */
	int32_t bias[LATENCY_HIDDEN][LATENCY_NEURONS];
	int32_t last[LATENCY_NEURONS];
	int32_t last_bias;
};

/* The loads that it was made from: latency_is_within(). Both ends are within. */
struct latency_domain {
	uint32_t guest_max, task_max; /* of a guest */
	uint32_t weight_min, weight_max, iops_min, iops_max;
	uint64_t slice_idle_min_ns, slice_idle_max_ns, timeout_min_ns, timeout_max_ns;
	uint32_t request_bytes;
	uint64_t max_budget_bytes, bytes_per_s;
};

struct latency_table {
	const char *disk;   /* the profile's name: configs/ssd.h */
	const char *record; /* for people: data, seeds, tools, errors; lines end with \n */
	struct latency_domain domain;
	struct latency_coefficients analytic;
	int32_t mlp_margin;         /* fixed, added to log2 */
	int32_t mlp_margin_no_idle; /* .. if slice_idle is 0; 0: the same */
	/* Of log2 before the margin: the data's own range, or a bit more. */
	int32_t mlp_min, mlp_max;
	struct latency_network networks[LATENCY_NETWORKS];
};
extern const struct latency_table latency_table;

/* The estimate of eq. (1) to (5) with these coefficients, ns; without the margin. */
uint64_t latency_analytic(const struct latency_coefficients *c, const struct latency_terms *t);
/* The mean of a table's networks: log2 of ns, fixed; without the margin. */
int32_t latency_mlp(const struct latency_table *table,
		    const int32_t features[LATENCY_FEATURE_COUNT]);
