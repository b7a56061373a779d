/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched/demand.h - what the tasks of a guest ask of its reservation: response times, the least budget.
 *
 * Model    A task (C, T, D, J) arrives at least every T, is released up to J later, needs C, and is to
 *	    be done within D of its arrival. The guest schedules its tasks by fixed priorities,
 *	    rate-monotonic (equal periods by index), or by EDF; the reservation supplies at least
 *	    sbf(t) in any window t (sched/supply.h).
 *	      rate-monotonic  R_i = J_i + the least w with
 *				  C_i + sum over higher priority j of ceil((w + J_j) / T_j) C_j <= sbf(w)
 *	      EDF	      of each deadline d in the longest time that the guest is busy, the least w with
 *				  sum over j of n_j(w, d) C_j <= sbf(w), R_i = max of w - (d - D_i)
 *			      n_j: releases before w, of those that are due by d
 *	    SUPPLY_FULL_BUDGET holds for a guest that is idle before the critical instant: for one
 *	    with other work of a lower priority it is too short. The worst case always holds.
 * Source   Joseph and Pandya; Tindell (jitter); Spuri (EDF); Shin and Lee; paper 002, section 4.1.
 * Units    Any one unit of time throughout; integers, rounded to the safe side.
 * Errors   ERR_NOMEM: more than DEMAND_TASK_MAX tasks. ERR_INVAL: no task, C = 0, C > D, D > T, Q = 0,
 *	    Q > P. ERR_RANGE: a time >= 2^62, or a deadline that cannot be promised (of _min_budget():
 *	    not even with Q = P; of _least(): with no period). ERR_TIMEOUT: that takes more than
 *	    DEMAND_STEP_MAX steps to tell, of _min_budget() and _least() all questions together.
 * Sharing  Pure. For the planner: its time grows with the time that the guest is busy, up to that many steps
 *	    of which each looks at every task once.
 */
#pragma once
#include "sched/supply.h"

#define DEMAND_TASK_MAX 16u
#define DEMAND_STEP_MAX 200000u

enum demand_policy { DEMAND_RATE_MONOTONIC, DEMAND_EDF };

struct demand_task {
	uint64_t wcet, period;
	uint64_t deadline; /* 0: the period */
	uint64_t jitter;
};
struct demand {
	enum demand_policy policy;
	const struct demand_task *tasks;
	uint32_t count;
};

/* A bound of the time from arrival to completion of tasks[index]. */
MUST_CHECK enum err demand_response(const struct supply *s, const struct demand *d, uint32_t index,
				    uint64_t *response);

/* The least budget for `period` that serves all tasks. */
MUST_CHECK enum err demand_min_budget(enum supply_kind kind, uint64_t period,
				      const struct demand *d, uint64_t *budget);

/*
 * Of the periods from `first` to `last` in steps of `step`, each with its least budget Q, the one with the
 * least (Q + overhead) / P; of equal ones the longest. ERR_INVAL also: first = 0, step = 0.
 */
struct demand_search {
	uint64_t first, last, step;
	uint64_t overhead; /* of a switch: a server costs it once a period */
};
MUST_CHECK enum err demand_least(enum supply_kind kind, const struct demand_search *search,
				 const struct demand *d, struct supply *best);
