/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before the first fit: the coefficients of paper 000, Table III, and a network of a single path that
 * was not trained: it says 64 ms + 2^(guest's turns) x timeout, roughly. tools/fit replaces this file.
 */
#include "io/latency_table.h"

#define COEFFICIENT(x) ((uint64_t)((x)*4294967296.0 + 0.5))
#define FIXED(x)       ((int32_t)((x)*65536))

/* log2 of timeout / 64 ms x turns; of the turns (others_weight) at least those for one. */
#define UNTRAINED \
	{ \
		.first = { [FEATURE_TIMEOUT] = { FIXED(1) }, \
			   [FEATURE_OTHERS_WEIGHT] = { FIXED(1) } }, \
		.hidden = { { { FIXED(1) } }, { { FIXED(1) } } }, .bias = { { FIXED(-6) } }, \
		.last = { FIXED(1) }, .last_bias = FIXED(26) \
	}

const struct latency_table latency_table = {
	.disk = "none",
	.record = "Not fitted: paper 000, Table III; untrained networks.\n",
	.domain = { .guest_max = 4,
		    .task_max = 3,
		    .weight_min = 50,
		    .weight_max = 700,
		    .iops_min = 100,
		    .iops_max = 1500,
		    .slice_idle_min_ns = 0,
		    .slice_idle_max_ns = MS(8),
		    .timeout_min_ns = MS(8),
		    .timeout_max_ns = MS(125),
		    .request_bytes = 4096,
		    .max_budget_bytes = MIB(8),
		    .bytes_per_s = UINT64_C(245000000) },
	.analytic = { .phi = COEFFICIENT(0.36),
		      .ts_guest = COEFFICIENT(0.000001),
		      .si_guest = COEFFICIENT(0.000001),
		      .ts_host = COEFFICIENT(0.7),
		      .si_host = COEFFICIENT(0.5),
		      .switch_ns = 5000,
		      .margin = FIXED(1) },
	.mlp_margin = 0,
	.mlp_min = FIXED(16),
	.mlp_max = FIXED(36),
	.networks = { UNTRAINED, UNTRAINED, UNTRAINED, UNTRAINED, UNTRAINED },
};
