/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/supply.h"

#define TIME_LIMIT BIT64(62)

uint64_t supply_bound(const struct supply *s, uint64_t length)
{
	uint64_t gap = s->period - s->budget;
	uint64_t rest;

	if (s->kind == SUPPLY_WORST_CASE) {
		if (length < gap)
			return 0;
		length -= gap;
	}
	rest = length % s->period;
	return length / s->period * s->budget + (rest > gap ? rest - gap : 0);
}

uint64_t supply_window(const struct supply *s, uint64_t demand)
{
	uint64_t gap = s->period - s->budget;
	uint64_t whole_count, window;

	if (demand == 0)
		return 0;
	/* All budgets but the last are used whole; the last comes at the end of its period. */
	whole_count = (demand - 1) / s->budget;
	if (__builtin_mul_overflow(whole_count, s->period, &window) || window >= TIME_LIMIT)
		return UINT64_MAX;
	window += gap + (demand - whole_count * s->budget);
	if (s->kind == SUPPLY_WORST_CASE)
		window += gap;
	return window < TIME_LIMIT ? window : UINT64_MAX;
}

static bool has_priority(const struct supply_task *tasks, uint32_t j, uint32_t i)
{
	if (tasks[j].period != tasks[i].period)
		return tasks[j].period < tasks[i].period;
	return j < i;
}

/* What task `index` and those above it ask for within `length`; UINT64_MAX: beyond 2^62. */
static uint64_t request_bound(const struct supply_task *tasks, uint32_t task_count, uint32_t index,
			      uint64_t length)
{
	uint64_t sum = tasks[index].wcet;

	for (uint32_t j = 0; j < task_count; j++) {
		uint64_t releases = (length + tasks[j].period - 1) / tasks[j].period;
		uint64_t demand;

		if (!has_priority(tasks, j, index))
			continue;
		if (__builtin_mul_overflow(releases, tasks[j].wcet, &demand) ||
		    demand >= TIME_LIMIT)
			return UINT64_MAX;
		sum += demand;
		if (sum >= TIME_LIMIT)
			return UINT64_MAX;
	}
	return sum;
}

static enum err check(const struct supply *s, const struct supply_task *tasks, uint32_t task_count)
{
	if (task_count == 0 || s->budget == 0 || s->budget > s->period)
		return ERR_INVAL;
	if (s->period >= TIME_LIMIT)
		return ERR_RANGE;
	for (uint32_t i = 0; i < task_count; i++) {
		if (tasks[i].wcet == 0 || tasks[i].wcet > tasks[i].period)
			return ERR_INVAL;
		if (tasks[i].period >= TIME_LIMIT)
			return ERR_RANGE;
	}
	return OK;
}

enum err supply_response(const struct supply *s, const struct supply_task *tasks,
			 uint32_t task_count, uint32_t index, uint64_t *response)
{
	uint64_t length = 1;
	enum err err = check(s, tasks, task_count);

	if (err != OK)
		return err;
	if (index >= task_count)
		return ERR_INVAL;
	/* The least fixed point, from below: the demand only grows with the window. */
	for (;;) {
		uint64_t demand = request_bound(tasks, task_count, index, length);
		uint64_t next;

		if (demand == UINT64_MAX)
			return ERR_RANGE;
		next = supply_window(s, demand);
		if (next > tasks[index].period)
			return ERR_RANGE;
		if (next <= length)
			break;
		length = next;
	}
	*response = length;
	return OK;
}

static bool serves_all(const struct supply *s, const struct supply_task *tasks, uint32_t task_count)
{
	uint64_t response;

	for (uint32_t i = 0; i < task_count; i++) {
		if (supply_response(s, tasks, task_count, i, &response) != OK)
			return false;
	}
	return true;
}

enum err supply_min_budget(enum supply_kind kind, uint64_t period, const struct supply_task *tasks,
			   uint32_t task_count, uint64_t *budget)
{
	struct supply s = { kind, period, period };
	uint64_t too_small = 0;
	enum err err = check(&s, tasks, task_count);

	if (err != OK)
		return err;
	if (!serves_all(&s, tasks, task_count))
		return ERR_RANGE;
	*budget = period;
	/* More budget never supplies less, so halving finds the least that serves. */
	while (*budget - too_small > 1) {
		s.budget = too_small + (*budget - too_small) / 2;
		if (serves_all(&s, tasks, task_count))
			*budget = s.budget;
		else
			too_small = s.budget;
	}
	return OK;
}
