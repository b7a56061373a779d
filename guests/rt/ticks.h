/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/rt/ticks.h - TSC ticks to time and back, rounded down. Pure.
 *
 * Split so that no product overflows and no 128-bit division is needed: that would be a
 * function of the host's libgcc, which may use a red zone. For hz <= 10^10.
 */
#pragma once
#include <stdint.h>

#define TICKS_US_PER_S       UINT64_C(1000000)
#define TICKS_TENTH_US_PER_S UINT64_C(10000000)

static inline uint64_t ticks_from_us(uint64_t us, uint64_t tsc_hz)
{
	return us / TICKS_US_PER_S * tsc_hz + us % TICKS_US_PER_S * tsc_hz / TICKS_US_PER_S;
}

/* In tenths of a microsecond. */
static inline uint64_t ticks_to_tenth_us(uint64_t ticks, uint64_t tsc_hz)
{
	return ticks / tsc_hz * TICKS_TENTH_US_PER_S +
	       ticks % tsc_hz * TICKS_TENTH_US_PER_S / tsc_hz;
}
