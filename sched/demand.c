/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/demand.h"

#define TIME_LIMIT BIT64(62)

/* What is known of a question while it is answered; steps are what bounds the answer's time. */
struct question {
	const struct supply *supply;
	const struct demand *demand;
	uint32_t steps;
};

static bool is_tired(const struct question *q)
{
	return q->steps >= DEMAND_STEP_MAX;
}

static uint64_t deadline_of(const struct demand_task *t)
{
	return t->deadline ? t->deadline : t->period;
}

static uint64_t ceil_div(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

/* Saturates at TIME_LIMIT, which is longer than any window. */
static uint64_t add_work(uint64_t sum, uint64_t count, const struct demand_task *t)
{
	uint64_t work;

	if (__builtin_mul_overflow(count, t->wcet, &work) || work >= TIME_LIMIT)
		return TIME_LIMIT;
	return min_u64(sum + work, TIME_LIMIT);
}

static uint64_t releases_before(const struct demand_task *t, uint64_t window)
{
	return ceil_div(window + t->jitter, t->period);
}

/* ---- Checks ---- */

static enum err check_task(const struct demand_task *t)
{
	if (t->wcet == 0 || t->period == 0 || t->deadline > t->period)
		return ERR_INVAL;
	if (t->period >= TIME_LIMIT || t->jitter >= TIME_LIMIT)
		return ERR_RANGE;
	return t->wcet > deadline_of(t) ? ERR_INVAL : OK;
}

static enum err check_tasks(const struct demand *d)
{
	enum err e = d->count == 0 ? ERR_INVAL : d->count > DEMAND_TASK_MAX ? ERR_NOMEM : OK;

	for (uint32_t i = 0; i < d->count && e == OK; i++)
		e = check_task(&d->tasks[i]);
	return e;
}

static enum err check_supply(const struct supply *s)
{
	if (s->budget == 0 || s->budget > s->period)
		return ERR_INVAL;
	return s->period < TIME_LIMIT ? OK : ERR_RANGE;
}

/* ---- Fixed priorities ---- */

static bool has_priority(const struct demand_task *tasks, uint32_t j, uint32_t i)
{
	if (tasks[j].period != tasks[i].period)
		return tasks[j].period < tasks[i].period;
	return j < i;
}

static uint64_t fixed_work(const struct question *q, uint32_t index, uint64_t window)
{
	const struct demand *const d = q->demand;
	uint64_t sum = d->tasks[index].wcet;

	for (uint32_t j = 0; j < d->count; j++)
		if (has_priority(d->tasks, j, index))
			sum = add_work(sum, releases_before(&d->tasks[j], window), &d->tasks[j]);
	return sum;
}

/* Done before its next job can be released (w + J <= D <= T): no job waits for one of its own task. */
static enum err fixed_response(struct question *q, uint32_t index, uint64_t *response)
{
	const struct demand_task *const t = &q->demand->tasks[index];
	uint64_t window = 0, next = 1;

	while (next > window) {
		window = next;
		next = supply_window(q->supply, fixed_work(q, index, window));
		if (next > deadline_of(t) || next + t->jitter > deadline_of(t))
			return ERR_RANGE;
		q->steps++;
		if (is_tired(q))
			return ERR_TIMEOUT;
	}
	*response = window + t->jitter;
	return OK;
}

/* ---- EDF ---- */

/* Jobs of the task that are due `due` after the guest became busy, or before. */
static uint64_t due_by(const struct demand_task *t, uint64_t due)
{
	const uint64_t reach = due + t->jitter, deadline = deadline_of(t);

	return reach < deadline ? 0 : (reach - deadline) / t->period + 1;
}

static uint64_t edf_work(const struct question *q, uint64_t due, uint64_t window)
{
	const struct demand *const d = q->demand;
	uint64_t sum = 0;

	for (uint32_t j = 0; j < d->count; j++) {
		const struct demand_task *const t = &d->tasks[j];

		sum = add_work(sum, min_u64(due_by(t, due), releases_before(t, window)), t);
	}
	return sum;
}

/*
 * It asks for less than it is supplied in the long run, else it may never have a pause. Rounded to the safe
 * side: what is within 2^-54 of the supply is refused. A whole processor may be asked for whole.
 */
static bool has_pauses(const struct question *q)
{
	const struct supply *const s = q->supply;
	uint64_t asked = 0;

	for (uint32_t i = 0; i < q->demand->count; i++)
		asked += mul_div(q->demand->tasks[i].wcet, BIT64(59), q->demand->tasks[i].period) +
			 1;
	if (s->budget == s->period)
		return asked <= BIT64(59) + q->demand->count;
	return asked < mul_div(s->budget, BIT64(59), s->period);
}

/* The longest time that the guest can have work without a pause; TIME_LIMIT: for ever. */
static uint64_t busy_window(struct question *q)
{
	const struct demand *const d = q->demand;
	uint64_t window = 0, next = 1;

	while (next > window && next < TIME_LIMIT) {
		uint64_t sum = 0;

		window = next;
		for (uint32_t j = 0; j < d->count; j++)
			sum = add_work(sum, releases_before(&d->tasks[j], window), &d->tasks[j]);
		next = min_u64(supply_window(q->supply, sum), TIME_LIMIT);
		q->steps++;
		if (is_tired(q))
			return TIME_LIMIT;
	}
	return next;
}

/* Of the job that is due at `due`; 0: the guest had a pause before it arrived. */
static uint64_t edf_response_of(struct question *q, uint32_t index, uint64_t due)
{
	const uint64_t deadline = deadline_of(&q->demand->tasks[index]);
	uint64_t window = 0, next = 1;

	while (next > window && !is_tired(q)) {
		window = next;
		next = min_u64(supply_window(q->supply, edf_work(q, due, window)), TIME_LIMIT);
		q->steps++;
	}
	return window + deadline > due ? window + deadline - due : 0;
}

/* The worst of the jobs that are due with those of tasks[j] released together when it became busy. */
static enum err edf_worst_of(struct question *q, uint32_t index, uint32_t j, uint64_t busy,
			     uint64_t *worst)
{
	const struct demand_task *const t = &q->demand->tasks[index];
	const struct demand_task *const other = &q->demand->tasks[j];
	const uint64_t deadline = deadline_of(t), end = busy + deadline + other->jitter;
	uint64_t at = deadline_of(other);

	/* Before that it would have arrived before it can have been released. */
	if (at < other->jitter + (deadline - t->jitter))
		at += ceil_div(other->jitter + (deadline - t->jitter) - at, other->period) *
		      other->period;
	for (; at < end; at += other->period) {
		*worst = max_u64(*worst, edf_response_of(q, index, at - other->jitter));
		if (is_tired(q))
			return ERR_TIMEOUT;
		if (*worst > deadline)
			return ERR_RANGE;
	}
	return OK;
}

/* The deadlines at which the work changes are those of jobs released together when it became busy. */
static enum err edf_response(struct question *q, uint32_t index, uint64_t *response)
{
	const struct demand *const d = q->demand;
	const struct demand_task *const t = &d->tasks[index];
	enum err e = OK;
	uint64_t busy;

	/* Otherwise, due at a time before it became busy, it would be late when it is released. */
	if (!has_pauses(q) || t->jitter + t->wcet > deadline_of(t))
		return ERR_RANGE;
	busy = busy_window(q);
	if (busy >= TIME_LIMIT)
		return is_tired(q) ? ERR_TIMEOUT : ERR_RANGE;
	*response = 0;
	for (uint32_t j = 0; j < d->count && e == OK; j++)
		e = edf_worst_of(q, index, j, busy, response);
	return e;
}

/* ---- Answers ---- */

static enum err response_of(struct question *q, uint32_t index, uint64_t *response)
{
	return q->demand->policy == DEMAND_EDF ? edf_response(q, index, response)
					       : fixed_response(q, index, response);
}

enum err demand_response(const struct supply *s, const struct demand *d, uint32_t index,
			 uint64_t *response)
{
	struct question q = { .supply = s, .demand = d };
	enum err e = check_tasks(d);

	if (e == OK)
		e = check_supply(s);
	if (e == OK && index >= d->count)
		e = ERR_INVAL;
	return e == OK ? response_of(&q, index, response) : e;
}

static enum err serve_all(struct question *q)
{
	enum err e = OK;
	uint64_t response;

	for (uint32_t i = 0; i < q->demand->count && e == OK; i++)
		e = response_of(q, i, &response);
	return e;
}

/* More budget never supplies less, so halving finds the least that serves. */
static enum err min_budget(struct question *q, struct supply *s)
{
	uint64_t too_small = 0, enough = s->period;
	enum err e;

	q->supply = s;
	s->budget = s->period;
	e = serve_all(q);
	while (e == OK && enough - too_small > 1) {
		s->budget = too_small + (enough - too_small) / 2;
		e = serve_all(q);
		if (e == OK) {
			enough = s->budget;
		} else if (e == ERR_RANGE) {
			too_small = s->budget;
			e = OK;
		}
	}
	s->budget = enough;
	return e;
}

enum err demand_min_budget(enum supply_kind kind, uint64_t period, const struct demand *d,
			   uint64_t *budget)
{
	struct supply s = { kind, period, period };
	struct question q = { .demand = d };
	enum err e = check_tasks(d);

	if (e == OK)
		e = check_supply(&s);
	if (e == OK)
		e = min_budget(&q, &s);
	if (e == OK)
		*budget = s.budget;
	return e;
}

/* (a.budget + o) / a.period <= (b.budget + o) / b.period */
static bool costs_no_more(const struct supply *a, const struct supply *b, uint64_t overhead)
{
	return (unsigned __int128)(a->budget + overhead) * b->period <=
	       (unsigned __int128)(b->budget + overhead) * a->period;
}

enum err demand_least(enum supply_kind kind, const struct demand_search *search,
		      const struct demand *d, struct supply *best)
{
	struct supply s = { .kind = kind };
	struct question q = { .demand = d };
	bool has_best = false;
	enum err e = check_tasks(d);

	if (e != OK)
		return e;
	if (search->first == 0 || search->step == 0)
		return ERR_INVAL;
	if (search->last >= TIME_LIMIT || search->step >= TIME_LIMIT ||
	    search->overhead >= TIME_LIMIT)
		return ERR_RANGE;
	for (s.period = search->first; s.period <= search->last; s.period += search->step) {
		e = min_budget(&q, &s);
		if (e == ERR_TIMEOUT)
			return e;
		if (e != OK)
			continue;
		if (!has_best || costs_no_more(&s, best, search->overhead))
			*best = s;
		has_best = true;
	}
	return has_best ? OK : ERR_RANGE;
}
