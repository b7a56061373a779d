/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/compute/main.c - counts primes and compares with the logarithmic integral, for ever.
 *
 * Without arguments it prints nothing, sleeps never and executes no instruction that exits:
 * on a core of its own it takes 0 exits.
 * Arguments
 *   say=S	  a line for people every S seconds
 *   seconds=S	  ends after S seconds of its TSC, with the last line
 *   burn=1	  only burns time in the loop of guests/rt/work.h, for ever
 *
 * Model    Sieve of Eratosthenes in segments of 64 Ki numbers; Li(x), the integral of 1/log,
 *	    by the midpoint rule: integer work and newlib's libm. Starts again at 2^32.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "guests/rt/args.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/work.h"

#define SEGMENT 65536u
#define END     (UINT64_C(1) << 32) /* the first segment's primes are enough below */
#define LI_STEP 64u

static struct {
	uint64_t next; /* numbers below have been looked at */
	uint64_t primes;
	double li;
	uint32_t small[6542]; /* all primes below 2^16 */
	uint32_t small_count;
	uint8_t composite[SEGMENT];
} sieve;

static void cross_out(uint64_t prime)
{
	uint64_t at = (sieve.next + prime - 1) / prime * prime;

	if (at < prime * prime)
		at = prime * prime;
	for (; at < sieve.next + SEGMENT; at += prime)
		sieve.composite[at - sieve.next] = 1;
}

static void first_segment(void)
{
	sieve.composite[0] = sieve.composite[1] = 1;
	for (uint32_t n = 2; n < SEGMENT; n++) {
		if (sieve.composite[n])
			continue;
		cross_out(n);
		sieve.small[sieve.small_count++] = n;
	}
}

static void next_segment(void)
{
	memset(sieve.composite, 0, sizeof(sieve.composite));
	if (sieve.next == 0)
		first_segment();
	for (uint32_t i = 0; sieve.next && i < sieve.small_count; i++)
		cross_out(sieve.small[i]);
	for (uint32_t i = 0; i < SEGMENT; i++)
		sieve.primes += !sieve.composite[i];
	for (uint32_t i = sieve.next ? 0 : LI_STEP; i < SEGMENT; i += LI_STEP)
		sieve.li += LI_STEP / log((double)(sieve.next + i + LI_STEP / 2));
	sieve.next += SEGMENT;
	if (sieve.next == END) {
		sieve.next = 0;
		sieve.primes = 0;
		sieve.small_count = 0;
		sieve.li = 0;
	}
}

static void say(void)
{
	printf("%lu primes below %lu; the integral of 1/log says %.0f\n", sieve.primes, sieve.next,
	       sieve.li);
}

int main(void)
{
	const char *args = guest_info()->args;
	uint64_t hz = guest_info()->tsc_hz;
	uint64_t say_tsc = args_number(args, "say", 0) * hz;
	uint64_t length_tsc = args_number(args, "seconds", 0) * hz;
	uint64_t start = cpu_rdtsc();
	uint64_t said = start;

	while (args_number(args, "burn", 0))
		work_loops(hz);
	for (;;) {
		uint64_t now;

		next_segment();
		now = cpu_rdtsc();
		if (length_tsc && now - start >= length_tsc)
			break;
		if (say_tsc && now - said >= say_tsc) {
			said = now;
			say();
		}
	}
	say();
	return EXIT_SUCCESS;
}
