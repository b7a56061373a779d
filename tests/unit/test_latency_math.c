/* SPDX-License-Identifier: Apache-2.0 */
/* io/latency_math.h against the library's functions. */
#include <math.h>
#include "io/latency_math.h"
#include "tests/test.h"

#define FIXED(x) ((double)(x) / LATENCY_ONE)

static void logarithms_and_powers_are_exact_enough(void)
{
	for (uint64_t x = 1; x < UINT64_MAX / 2; x += 1 + x / 61)
		CHECK(fabs(FIXED(latency_log2(x)) - log2((double)x)) < 1.0 / 65536);
	CHECK(latency_log2(0) == 0 && latency_log2(UINT64_MAX) == 64 * LATENCY_ONE);
	for (uint32_t n = 0; n < 64; n++) {
		CHECK(latency_log2(BIT64(n)) == (int32_t)n * LATENCY_ONE);
		CHECK(latency_exp2((int64_t)n * LATENCY_ONE) == BIT64(n));
	}
	for (int64_t x = 20 * LATENCY_ONE; x < 40 * LATENCY_ONE; x += 977) {
		double power = exp2(FIXED(x));

		CHECK(fabs((double)latency_exp2(x) - power) <= power / BIT64(20) + 1);
	}
	CHECK(latency_exp2(-1) == 0 && latency_exp2(INT64_MIN) == 0);
	CHECK(latency_exp2(64 * LATENCY_ONE) == UINT64_MAX &&
	      latency_exp2(INT64_MAX) == UINT64_MAX);
	CHECK(latency_exp2(64 * LATENCY_ONE - 1) >= UINT64_MAX - UINT64_MAX / 32768);
}

static void products_saturate(void)
{
	CHECK(latency_scale(7, 3, 2) == 10);
	CHECK(latency_scale(1, 1, 0) == UINT64_MAX && latency_scale(0, 1, 0) == UINT64_MAX);
	CHECK(latency_scale(UINT64_MAX, UINT64_MAX, UINT64_MAX) == UINT64_MAX);
	CHECK(latency_scale(UINT64_MAX, 2, 3) == UINT64_MAX / 3 * 2);
	CHECK(latency_scale(UINT64_MAX, 3, 2) == UINT64_MAX);
	CHECK(latency_scale(BIT64(63), 2, 1) == UINT64_MAX);
	CHECK(latency_scale(BIT64(63), 2, 2) == BIT64(63));
	CHECK(latency_add(UINT64_MAX, 1) == UINT64_MAX && latency_add(2, 3) == 5);
	CHECK(latency_mul(BIT64(32), BIT64(32)) == UINT64_MAX && latency_mul(2, 3) == 6);
}

int main(void)
{
	RUN(logarithms_and_powers_are_exact_enough);
	RUN(products_saturate);
	return test_failed;
}
