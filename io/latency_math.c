/* SPDX-License-Identifier: Apache-2.0 */
#include "io/latency_math.h"

/* Constants with 30 bits after the point. */
#define ONE_30    BIT64(30)
#define ROOT_2_30 1518500250 /* 2^(1/2) */
/* 2 / ln 2, 2 / (3 ln 2), 2 / (5 ln 2) */
#define LOG_1 INT64_C(3098164010)
#define LOG_3 INT64_C(1032721336)
#define LOG_5 INT64_C(619632802)

/*
 * x = 2^n m with m from 2^-1/2 to 2^1/2, and log2 m = 2/ln 2 (s + s^3/3 + s^5/5 + ..),
 * s = (m - 1)/(m + 1): what is left out is below 2^-18.
 */
int32_t latency_log2(uint64_t x)
{
	int32_t n;
	int64_t m, s, square;

	if (x == 0)
		return 0;
	n = 63 - __builtin_clzll(x);
	m = (int64_t)(n > 30 ? x >> (n - 30) : x << (30 - n));
	if (m > ROOT_2_30) {
		m >>= 1;
		n++;
	}
	s = (m - (int64_t)ONE_30) * (int64_t)ONE_30 / (m + (int64_t)ONE_30);
	square = s * s >> 30;
	m = LOG_3 + (LOG_5 * square >> 30);
	m = LOG_1 + (m * square >> 30);
	m = m * s >> 30;
	return n * LATENCY_ONE + (int32_t)((m + 8192) >> 14);
}

/* 2^x = 2^n e^(f ln 2), f from 0 to 1: its series' terms are (ln 2)^k / k!, the 8th below 2^-19. */
uint64_t latency_exp2(int64_t x)
{
	static const uint32_t terms[] = { 16377,    165394,    1431680,  10327387,
					  59597083, 257941248, 744261118 };
	int64_t n = x >> 16;
	uint64_t f = (uint64_t)(x & 0xffff) << 14, sum = 0;

	if (n >= 64)
		return UINT64_MAX;
	if (n < 0)
		return 0;
	for (uint32_t i = 0; i < ARRAY_SIZE(terms); i++)
		sum = ((sum + terms[i]) * f) >> 30;
	sum += ONE_30;
	return n >= 30 ? sum << (n - 30) : sum >> (30 - n);
}

uint64_t latency_scale(uint64_t a, uint64_t b, uint64_t c)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	if (c <= (uint64_t)(product >> 64))
		return UINT64_MAX;
	return product >> 64 ? (uint64_t)(product / c) : (uint64_t)product / c;
}
