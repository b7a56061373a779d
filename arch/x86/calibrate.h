/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/calibrate.h - what readings of two clocks prove about their rates and their offset.
 *
 * Model    A reading is the count of a reference clock, taken between two readings of the TSC.
 *	    Two such readings bound the TSC's frequency: the reference shows whole counts, so
 *	    the true time between is less than one count shorter or longer than the difference,
 *	    and the reads happened somewhere between their brackets. Likewise, the TSC of
 *	    another core, read between two readings of ours, bounds the offset of the two.
 *	    Every bound holds whatever interrupts or delays a reading: it only gets wider.
 * Units    *_tsc TSC ticks, *_hz Hertz, rates in counts per tick as 32.32 fixed point.
 * Sharing  Pure.
 */
#pragma once
#include "core/lib/base.h"

/* Two measurements that differ by more than this are no clock. */
#define CALIBRATE_LIMIT_PPM 500u

struct clock_reading {
	uint64_t before_tsc;
	uint32_t count;
	uint64_t after_tsc;
};

struct clock_bounds {
	uint64_t lo_hz, hi_hz; /* hi_hz = 0: nothing is known */
};

/*
 * Bounds of the TSC's frequency from two readings of a reference with `reference_hz` that counts
 * upwards modulo mask + 1 and did not go round. hi_hz = 0: less than two counts passed.
 */
struct clock_bounds clock_bounds_from(const struct clock_reading *first,
				      const struct clock_reading *last, uint32_t mask,
				      uint64_t reference_hz);

/*
 * The other way round: bounds of the frequency of a timer that counts upwards modulo 2^32, given
 * the TSC's. hi_hz = 0: no time passed between the readings.
 */
struct clock_bounds clock_bounds_of_timer(const struct clock_reading *first,
					  const struct clock_reading *last, uint64_t tsc_hz);

/* How far the middles of `a` and `b` lie apart, in millionths of a's. */
uint64_t clock_bounds_differ_ppm(struct clock_bounds a, struct clock_bounds b);

/* Where both agree; where they do not overlap, everything between them. */
struct clock_bounds clock_bounds_merge(struct clock_bounds a, struct clock_bounds b);

/*
 * The number with the fewest digits within the bounds: clocks are built for round frequencies,
 * and any number within the bounds is as likely as the middle.
 */
uint64_t clock_bounds_round(struct clock_bounds b);

/* The count that takes at least `delta_tsc`; at least 1, and at most what 32 bits hold. */
uint32_t timer_count_for(uint64_t delta_tsc, uint64_t counts_per_tick);

/* Another core's TSC minus ours lies in [lo, hi]; begin with SKEW_UNKNOWN. */
struct tsc_skew {
	int64_t lo_tsc, hi_tsc;
};
#define SKEW_UNKNOWN ((struct tsc_skew){ INT64_MIN, INT64_MAX })

void tsc_skew_narrow(struct tsc_skew *s, uint64_t before_tsc, uint64_t other_tsc,
		     uint64_t after_tsc);
/* The smallest offset that explains all readings; if none does, by how much they disagree. */
uint64_t tsc_skew_proven(const struct tsc_skew *s);
