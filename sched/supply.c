/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/supply.h"

#define TIME_LIMIT BIT64(62)

uint64_t supply_bound(const struct supply *s, uint64_t length)
{
	uint64_t gap = s->period - s->budget;
	uint64_t rest;

	if (s->kind == SUPPLY_WORST_CASE) {
		if (length < gap)
			return 0;
		length -= gap;
	}
	rest = length % s->period;
	return length / s->period * s->budget + (rest > gap ? rest - gap : 0);
}

uint64_t supply_window(const struct supply *s, uint64_t demand)
{
	uint64_t gap = s->period - s->budget;
	uint64_t whole_count, window;

	if (demand == 0)
		return 0;
	/* All budgets but the last are used whole; the last comes at the end of its period. */
	whole_count = (demand - 1) / s->budget;
	if (__builtin_mul_overflow(whole_count, s->period, &window) || window >= TIME_LIMIT)
		return UINT64_MAX;
	window += gap + (demand - whole_count * s->budget);
	if (s->kind == SUPPLY_WORST_CASE)
		window += gap;
	return window < TIME_LIMIT ? window : UINT64_MAX;
}
