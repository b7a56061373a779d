/* SPDX-License-Identifier: Apache-2.0 */
#include "guests/rt/stats.h"

/* Lets values[root] sink to its place in the max-heap values[0, count). */
static void sift_down(uint64_t *values, uint64_t root, uint64_t count)
{
	for (;;) {
		uint64_t child = 2 * root + 1;
		uint64_t sinking = values[root];

		if (child >= count)
			return;
		if (child + 1 < count && values[child + 1] > values[child])
			child++;
		if (values[child] <= sinking)
			return;
		values[root] = values[child];
		values[child] = sinking;
		root = child;
	}
}

void stats_sort(uint64_t *values, uint64_t count)
{
	for (uint64_t i = count / 2; i-- > 0;)
		sift_down(values, i, count);
	for (uint64_t end = count; end > 1; end--) {
		uint64_t largest = values[0];

		values[0] = values[end - 1];
		values[end - 1] = largest;
		sift_down(values, 0, end - 1);
	}
}

uint64_t stats_rank(const uint64_t *sorted, uint64_t count, uint64_t num, uint64_t den)
{
	const uint64_t rank = (count * num + den - 1) / den;

	return count ? sorted[rank ? rank - 1 : 0] : 0;
}

uint64_t stats_percentile(const uint64_t *sorted, uint64_t count, uint32_t percent)
{
	return stats_rank(sorted, count, percent, 100);
}
