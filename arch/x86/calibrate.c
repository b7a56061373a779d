/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/calibrate.h"

struct clock_bounds clock_bounds_from(const struct clock_reading *first,
				      const struct clock_reading *last, uint32_t mask,
				      uint64_t reference_hz)
{
	const uint64_t counts = (last->count - first->count) & mask;
	const uint64_t shortest = last->before_tsc - first->after_tsc;
	const uint64_t longest = last->after_tsc - first->before_tsc;

	if (counts < 2)
		return (struct clock_bounds){ 0, 0 };
	return (struct clock_bounds){ mul_div(shortest, reference_hz, counts + 1) + 1,
				      mul_div(longest, reference_hz, counts - 1) };
}

struct clock_bounds clock_bounds_of_timer(const struct clock_reading *first,
					  const struct clock_reading *last, uint64_t tsc_hz)
{
	const uint64_t counts = last->count - first->count;
	const uint64_t shortest = last->before_tsc - first->after_tsc;
	const uint64_t longest = last->after_tsc - first->before_tsc;

	if (counts == 0 || last->before_tsc <= first->after_tsc)
		return (struct clock_bounds){ 0, 0 };
	return (struct clock_bounds){ mul_div(counts - 1, tsc_hz, longest) + 1,
				      mul_div(counts + 1, tsc_hz, shortest) };
}

static uint64_t middle(struct clock_bounds b)
{
	return b.lo_hz / 2 + b.hi_hz / 2;
}

uint64_t clock_bounds_differ_ppm(struct clock_bounds a, struct clock_bounds b)
{
	const uint64_t ma = middle(a), mb = middle(b);

	if (ma == 0)
		return UINT64_MAX;
	return mul_div(ma > mb ? ma - mb : mb - ma, 1000000, ma);
}

struct clock_bounds clock_bounds_merge(struct clock_bounds a, struct clock_bounds b)
{
	const struct clock_bounds both = { max_u64(a.lo_hz, b.lo_hz), min_u64(a.hi_hz, b.hi_hz) };

	if (both.lo_hz <= both.hi_hz)
		return both;
	return (struct clock_bounds){ both.hi_hz, both.lo_hz };
}

uint64_t clock_bounds_round(struct clock_bounds b)
{
	uint64_t step = 1;

	while (step <= b.hi_hz / 10)
		step *= 10;
	while (b.hi_hz - b.hi_hz % step < b.lo_hz)
		step /= 10; /* at 1 the left side is hi_hz itself: the loop ends */
	return b.hi_hz - b.hi_hz % step;
}

uint32_t timer_count_for(uint64_t delta_tsc, uint64_t counts_per_tick)
{
	const unsigned __int128 counts =
		((unsigned __int128)delta_tsc * counts_per_tick + UINT32_MAX) >> 32;

	if (counts > UINT32_MAX)
		return UINT32_MAX;
	return counts == 0 ? 1 : (uint32_t)counts;
}

void tsc_skew_narrow(struct tsc_skew *s, uint64_t before_tsc, uint64_t other_tsc,
		     uint64_t after_tsc)
{
	const int64_t lo = (int64_t)(other_tsc - after_tsc);
	const int64_t hi = (int64_t)(other_tsc - before_tsc);

	if (lo > s->lo_tsc)
		s->lo_tsc = lo;
	if (hi < s->hi_tsc)
		s->hi_tsc = hi;
}

uint64_t tsc_skew_proven(const struct tsc_skew *s)
{
	if (s->lo_tsc > s->hi_tsc)
		return (uint64_t)s->lo_tsc - (uint64_t)s->hi_tsc;
	if (s->lo_tsc > 0)
		return (uint64_t)s->lo_tsc;
	return s->hi_tsc < 0 ? -(uint64_t)s->hi_tsc : 0;
}
