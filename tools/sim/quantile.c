/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/sim/quantile.h"

static void swap(uint64_t *a, uint64_t *b)
{
	const uint64_t v = *a;

	*a = *b;
	*b = v;
}

static uint64_t median_of_3(uint64_t a, uint64_t b, uint64_t c)
{
	const uint64_t low = min_u64(a, b), high = max_u64(a, b);

	return c < low ? low : c > high ? high : c;
}

uint64_t quantile_select(uint64_t *samples, size_t low, size_t high, size_t index)
{
	while (high - low > 1) {
		const uint64_t pivot = median_of_3(samples[low], samples[low + (high - low) / 2],
						   samples[high - 1]);
		size_t i = low, j = high - 1;

		/* To the left of i nothing is above the pivot, to the right of j nothing below it. */
		for (;;) {
			while (samples[i] < pivot)
				i++;
			while (samples[j] > pivot)
				j--;
			if (i >= j)
				break;
			swap(&samples[i++], &samples[j--]);
		}
		/* i == j: that one is the pivot, and both sides may have it. i > j: between them nothing. */
		if (index < i)
			high = i;
		else
			low = i;
		if (i == j && index == i)
			return samples[i];
	}
	return samples[low];
}

size_t quantile_index(size_t count, uint32_t ppm)
{
	return (size_t)((count * (uint64_t)ppm + 999999) / 1000000) - (ppm > 0);
}
