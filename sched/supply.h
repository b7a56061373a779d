/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched/supply.h - what a reservation is sure to supply, and the least one that tasks need.
 *
 * Model    In any window of length t a server (Q, P) supplies at least sbf(t):
 *	      SUPPLY_WORST_CASE   the window opens when the budget was just used up at the start
 *				  of a period, and the next comes at the end: nothing for 2(P-Q)
 *	      SUPPLY_FULL_BUDGET  the window opens with the server's busy period, thus with a full
 *				  budget and a deadline P away: nothing for P-Q. True of a CBS
 *				  whose guest is idle before; the analysis of paper 002
 *		  full(t) = floor(t / P) * Q + max(0, t mod P - (P - Q))
 *		  worst(t) = full(t - (P - Q))
 *	    Tasks (C, T) inside the server have rate-monotonic priorities, equal periods by
 *	    index, and deadlines T. Task i meets them if at some t <= T_i
 *		  C_i + sum over higher priority j of ceil(t / T_j) * C_j <= sbf(t)
 *	    The least such t bounds its response time.
 * Source   Shin and Lee, periodic resource model; paper 002, section 4.1.
 * Units    Any one unit of time throughout; integers, rounded to the safe side.
 * Errors   ERR_INVAL: Q = 0, Q > P, C = 0, C > T, no task. ERR_RANGE: a time >= 2^62, or a
 *	    deadline that cannot be promised (of supply_min_budget: not even with Q = P).
 * Sharing  Pure. For the planner: the running time grows with the tasks' hyperperiod.
 */
#pragma once
#include "core/lib/base.h"

enum supply_kind { SUPPLY_WORST_CASE, SUPPLY_FULL_BUDGET };

struct supply {
	enum supply_kind kind;
	uint64_t budget;
	uint64_t period;
};

struct supply_task {
	uint64_t wcet;
	uint64_t period;
};

/* sbf(length). The supply is valid. */
uint64_t supply_bound(const struct supply *s, uint64_t length);

/* The length of the shortest window sure to hold `demand`; UINT64_MAX: beyond 2^62. */
uint64_t supply_window(const struct supply *s, uint64_t demand);

/* A bound of the response time of tasks[index]. ERR_RANGE: beyond its period. */
MUST_CHECK enum err supply_response(const struct supply *s, const struct supply_task *tasks,
				    uint32_t task_count, uint32_t index, uint64_t *response);

/* The least budget for `period` that serves all tasks. */
MUST_CHECK enum err supply_min_budget(enum supply_kind kind, uint64_t period,
				      const struct supply_task *tasks, uint32_t task_count,
				      uint64_t *budget);
