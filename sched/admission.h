/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched/admission.h - may these servers share a core?
 *
 * Model    EDF on one core serves every admitted server its Q in each P if and only if
 *	    sum (Q_i + o) / P_i <= 1, where o is what a server costs the core in a period beyond
 *	    its budget. The sum is exact: one fraction of integers as long as it takes, so that
 *	    {1/3, 1/3, 1/3} is admitted, and one tick more than fits is refused, for any periods.
 * Source   Liu and Layland (EDF's bound is 1); Abeni and Buttazzo (a CBS is a periodic task).
 * Units    TSC ticks; parts per million.
 * Errors   ERR_INVAL: Q = 0 or Q > P. ERR_NOMEM: more than CBS_SERVER_MAX servers.
 *	    ERR_RANGE: P or o >= 2^62. A sum above 1 is an answer, not an error.
 * Cost     O(n^2). At build and boot, not at run time.
 * Sharing  Pure.
 */
#pragma once
#include "core/lib/base.h"

struct admission_server {
	uint64_t budget_tsc;
	uint64_t period_tsc;
};

struct admission {
	bool is_admitted;
	uint64_t utilization_ppm; /* of the core, rounded up; saturates at UINT64_MAX */
	uint64_t excess_ppm;      /* beyond 1, rounded up: 0 if and only if it is admitted */
};

MUST_CHECK enum err admission_test(const struct admission_server *servers, uint32_t server_count,
				   uint64_t overhead_tsc, struct admission *answer);
