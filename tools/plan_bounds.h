/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/plan_bounds.h - everything that a plan promises as a number, in one list, for those who check runs
 * against it: tools/lib/bounds.py.
 *
 * Model    {"name","kind","bound","unit"} each, and what a run calls it: "partition", "vcpu", "core", ..
 *	      response	    of a task, from its arrival to its end; "analysis": all that the number is made of
 *	      budget	    CPU time of a server between two budgets: Q, and what nothing interrupts: a step of
 *			    the service or the longest exit, PLAN_BLOCKING_NS, and a switch
 *	      late	    periods in which a server did not get its Q: none
 *	      switch	    from one guest to another
 *	      exit	    of a guest on a shared core: PLAN_BLOCKING_NS; where exits are traced
 *	      utilization   of the core, by all reservations together
 *	      request	    to a disk, of a share that keeps to what the promise supposes; "outstanding"
 *	      prediction    the 99.99th percentile of a disk's task: an estimate, no promise
 *	      rate	    of a virtual function: bytes, packets or interrupts a second, at most
 *	      console	    bytes of guests' lines a second
 */
#pragma once
#include "core/plan.h"

/* ,"bounds":[..] of an accepted plan. */
void json_bounds(const struct config *c, const struct plan *plan);
