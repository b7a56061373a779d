/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/latency_math.h - log2 and 2^x in integers, and products that saturate: for io/latency*.c.
 *
 * Units    A "fixed" has 16 bits after the point.
 * Errors   latency_log2(): within 2^-16 of the real one. latency_exp2(): within 2^-20 of it, in parts,
 *	    and one.
 * Sharing  Pure.
 */
#pragma once
#include "core/lib/base.h"

#define LATENCY_ONE 65536 /* 1, fixed */

/* Of x; of 1 if x is 0. */
int32_t latency_log2(uint64_t x);
/* Of numerator / denominator; 0 counts as 1. */
static inline int32_t latency_log2_ratio(uint64_t numerator, uint64_t denominator)
{
	return latency_log2(numerator) - latency_log2(denominator);
}

/* 2^x, rounded down; UINT64_MAX: from 2^64 on. */
uint64_t latency_exp2(int64_t x);

static inline uint64_t latency_add(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static inline uint64_t latency_mul(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* a * b / c, rounded down; UINT64_MAX: it does not fit, or c is 0. */
uint64_t latency_scale(uint64_t a, uint64_t b, uint64_t c);
