/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched/admission.h - may these servers share a core?
 *
 * Model    EDF on one core serves every admitted server its Q in each P if
 *	      sum (Q_i + o) / P_i <= 1, and
 *	      sum over P_i <= P_k of (Q_i + o) / P_i  +  B_k / P_k <= 1 for each server k,
 *	    where o is what a server costs the core in a period beyond its budget, and B_k the longest
 *	    that anyone with a longer period, or in the background, is at something that nothing
 *	    interrupts: k may have to wait for that once, when its turn has come. Where nothing
 *	    blocks, only if, too.
 *	    The sums are exact: one fraction of integers as long as it takes, so that
 *	    {1/3, 1/3, 1/3} is admitted, and one tick more than fits is refused, for any periods.
 * Source   Liu and Layland (EDF's bound is 1); Abeni and Buttazzo (a CBS is a periodic task);
 *	    Baker, "Stack-based scheduling of realtime processes" (1991): EDF with blocking.
 * Units    TSC ticks; parts per million.
 * Errors   ERR_INVAL: Q = 0 or Q > P. ERR_NOMEM: more than CBS_SERVER_MAX servers.
 *	    ERR_RANGE: P, o or a blocking time >= 2^62. A sum above 1 is an answer, not an error.
 * Cost     O(n^2). At build and boot, not at run time.
 * Sharing  Pure.
 */
#pragma once
#include "core/lib/base.h"

struct admission_server {
	uint64_t budget_tsc;
	uint64_t period_tsc;
	uint64_t blocking_tsc; /* the longest that it is at something that nothing interrupts */
};

struct admission {
	bool is_admitted;
	uint64_t utilization_ppm; /* of the core, rounded up; saturates at UINT64_MAX */
	uint64_t excess_ppm;      /* beyond 1, rounded up: 0 if and only if the first sum fits */
	/* Of those that would have to wait too long one of the shortest period; server_count: none */
	uint32_t blocked;
	uint64_t blocking_tsc; /* B_k of that one, */
	uint64_t blocked_ppm;  /* .. and its sum, rounded up */
};

/* background_tsc: the same of those who have what is left over; 0: there are none. */
MUST_CHECK enum err admission_test(const struct admission_server *servers, uint32_t server_count,
				   uint64_t overhead_tsc, uint64_t background_tsc,
				   struct admission *answer);
