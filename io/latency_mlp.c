/* SPDX-License-Identifier: Apache-2.0 */
#include "io/latency_table.h"

#define HALF (INT64_C(1) << 15)

/*
 * Inputs that are 0 add nothing, and of what leaves a ReLU about half is: so each input goes to all
 * outputs, and not the other way round.
 */
static inline void add_input(int64_t sums[LATENCY_NEURONS], int64_t in,
			     const int32_t weights[LATENCY_NEURONS])
{
	if (in == 0)
		return;
#pragma GCC unroll 15
	for (uint32_t o = 0; o < LATENCY_NEURONS; o++)
		sums[o] += in * weights[o];
}

static inline void add_bias(int64_t sums[LATENCY_NEURONS], const int32_t bias[LATENCY_NEURONS])
{
	for (uint32_t o = 0; o < LATENCY_NEURONS; o++)
		sums[o] = bias[o] * INT64_C(65536) + HALF;
}

/* ReLU, and the limit that keeps the next sums in 64 bits. */
static inline int64_t neuron(int64_t sum)
{
	int64_t out = sum >> 16;

	if (out < 0)
		return 0;
	return out < LATENCY_NEURON_MAX ? out : LATENCY_NEURON_MAX;
}

static int64_t network(const struct latency_network *n,
		       const int32_t features[LATENCY_FEATURE_COUNT])
{
	int64_t sums[2][LATENCY_NEURONS], out = n->last_bias * INT64_C(65536) + HALF;
	int64_t *from = sums[0], *to = sums[1];

	add_bias(from, n->bias[0]);
	for (uint32_t i = 0; i < LATENCY_FEATURE_COUNT; i++)
		add_input(from, features[i], n->first[i]);
	for (uint32_t layer = 0; layer < LATENCY_HIDDEN - 1; layer++) {
		int64_t *swap = from;

		add_bias(to, n->bias[layer + 1]);
		for (uint32_t i = 0; i < LATENCY_NEURONS; i++)
			add_input(to, neuron(from[i]), n->hidden[layer][i]);
		from = to;
		to = swap;
	}
	for (uint32_t i = 0; i < LATENCY_NEURONS; i++)
		out += neuron(from[i]) * n->last[i];
	return out >> 16;
}

int32_t latency_mlp(const struct latency_table *table,
		    const int32_t features[LATENCY_FEATURE_COUNT])
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < LATENCY_NETWORKS; i++)
		sum += network(&table->networks[i], features);
	/* The mean, rounded down. (Division of negative numbers rounds towards 0.) */
	sum = sum >= 0 ? sum / (int64_t)LATENCY_NETWORKS
		       : -((-sum + (int64_t)LATENCY_NETWORKS - 1) / (int64_t)LATENCY_NETWORKS);
	if (sum < table->mlp_min)
		return table->mlp_min;
	return sum < table->mlp_max ? (int32_t)sum : table->mlp_max;
}
