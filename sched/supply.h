/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched/supply.h - what a reservation is sure to supply.
 *
 * Model    In any window of length t a server (Q, P) supplies at least sbf(t):
 *	      SUPPLY_WORST_CASE   the window opens when the budget was just used up at the start
 *				  of a period, and the next comes at the end: nothing for 2(P-Q)
 *	      SUPPLY_FULL_BUDGET  the window opens with the server's busy period, thus with a full
 *				  budget and a deadline P away: nothing for P-Q. True of a CBS
 *				  whose guest is idle before; the analysis of paper 002
 *		  full(t) = floor(t / P) * Q + max(0, t mod P - (P - Q))
 *		  worst(t) = full(t - (P - Q))
 * Source   Shin and Lee, periodic resource model; paper 002, section 4.1.
 * Units    Any one unit of time throughout; integers, rounded to the safe side.
 * Errors   None: 0 < Q <= P < 2^62 is the caller's to see to (sched/demand.h does).
 * Sharing  Pure.
 */
#pragma once
#include "core/lib/base.h"

enum supply_kind { SUPPLY_WORST_CASE, SUPPLY_FULL_BUDGET };

struct supply {
	enum supply_kind kind;
	uint64_t budget;
	uint64_t period;
};

/* sbf(length). The supply is valid. */
uint64_t supply_bound(const struct supply *s, uint64_t length);

/* The length of the shortest window sure to hold `demand`; UINT64_MAX: beyond 2^62. */
uint64_t supply_window(const struct supply *s, uint64_t demand);
