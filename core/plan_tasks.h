/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/plan_tasks.h - how long guests' tasks take at most, by the reservations of the plan.
 *
 * Linked only into images whose configuration has CPU_TASKS().
 * Errors   plan_task_bound() false: there is no such task. In an accepted plan all of them have a bound.
 * Sharing  Pure.
 */
#pragma once
#include "core/plan.h"

/* From the arrival of a task to its completion, in ns: sched/demand.h. */
bool plan_task_bound(const struct config *system, const struct plan *plan, part_id_t part,
		     uint32_t task, uint64_t *bound_ns) __attribute__((weak));
void plan_print_cpu_tasks(const struct config *system, const struct plan *plan,
			  void (*put)(const char *line)) __attribute__((weak));
