/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/pc/ticks.h - a device's clock as a function of the TSC.
 *
 * Model    A clock of `hz` that began at `epoch_tsc` has ticked floor(elapsed * hz / tsc_hz) times.
 *	    Always from the epoch, with the full 128-bit product: exact, so nothing ever drifts.
 *	    The CPU has this as two instructions; C has it as a call into libgcc.
 * Errors   None. hz <= tsc_hz, or the quotient would not fit; a time before the epoch is the
 *	    epoch (another core's TSC may be a little behind).
 */
#pragma once
#include "core/lib/base.h"

struct tick_quotient {
	uint64_t value, remainder;
};

/* a * b / c; the quotient fits into 64 bits: b <= c, or a and b are small. */
static inline struct tick_quotient tick_mul_div(uint64_t a, uint64_t b, uint64_t c)
{
	struct tick_quotient q;
	uint64_t low, high;

	__asm__("mulq %3" : "=a"(low), "=d"(high) : "0"(a), "rm"(b) : "cc");
	__asm__("divq %4" : "=a"(q.value), "=d"(q.remainder) : "0"(low), "1"(high), "rm"(c) : "cc");
	return q;
}

/* The difference is signed, so that an epoch may lie before TSC 0. */
static inline uint64_t ticks_since_tsc(uint64_t epoch_tsc, uint64_t now_tsc)
{
	const int64_t elapsed = (int64_t)(now_tsc - epoch_tsc);

	return elapsed > 0 ? (uint64_t)elapsed : 0;
}

/* How often the clock has ticked. */
static inline uint64_t ticks_at(uint64_t epoch_tsc, uint64_t now_tsc, uint64_t hz, uint64_t tsc_hz)
{
	return tick_mul_div(ticks_since_tsc(epoch_tsc, now_tsc), hz, tsc_hz).value;
}

/* The first TSC at which the clock has ticked `ticks` times. */
static inline uint64_t ticks_to_tsc(uint64_t epoch_tsc, uint64_t ticks, uint64_t hz,
				    uint64_t tsc_hz)
{
	const struct tick_quotient q = tick_mul_div(ticks, tsc_hz, hz);

	return epoch_tsc + q.value + (q.remainder != 0);
}
