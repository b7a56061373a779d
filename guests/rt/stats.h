/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/rt/stats.h - percentiles of recorded values. Pure.
 *
 * Source   Nearest-rank percentile: the smallest value such that at least p % of all are not
 *	    above it. Always one of the recorded values, never an interpolation.
 */
#pragma once
#include <stdint.h>

/* Ascending, in place, O(n log n) whatever the order. */
void stats_sort(uint64_t *values, uint64_t count);

/* Of sorted values: the least that `num` in `den` of all do not exceed. No values: 0. */
uint64_t stats_rank(const uint64_t *sorted, uint64_t count, uint64_t num, uint64_t den);
/* Of sorted values; 0 < percent <= 100. No values: 0. */
uint64_t stats_percentile(const uint64_t *sorted, uint64_t count, uint32_t percent);
