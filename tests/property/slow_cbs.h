/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/property/slow_cbs.h - the rules of sched/cbs.h, written out: the oracle of its tests.
 *
 * Plain arrays and linear searches; time passes one period after the other. Shares nothing
 * with sched/cbs.c but the names of states.
 */
#pragma once
#include <stdio.h>
#include <string.h>
#include "sched/cbs.h"

struct slow_server {
	bool is_background;
	enum cbs_state state;
	uint64_t budget, period, left, deadline;
	uint32_t priority;
	uint64_t overrun_max, replenished, late;
};

struct slow_cbs {
	uint32_t count;
	struct slow_server s[CBS_SERVER_MAX];
};

static inline void slow_add(struct slow_cbs *m, uint64_t budget, uint64_t period, uint32_t priority)
{
	struct slow_server *s = &m->s[m->count++];

	memset(s, 0, sizeof(*s));
	s->is_background = budget == 0;
	s->budget = budget;
	s->period = period;
	s->priority = priority;
}

static inline void slow_wake(struct slow_cbs *m, uint32_t i, uint64_t t)
{
	struct slow_server *s = &m->s[i];

	if (s->state != CBS_BLOCKED)
		return;
	if (s->is_background) {
		s->state = CBS_READY;
		return;
	}
	/* q / (d - t) >= Q / P, compared as fractions: it could run faster than Q/P until d. */
	if (t >= s->deadline || (unsigned __int128)s->left * s->period >=
					(unsigned __int128)s->budget * (s->deadline - t)) {
		s->left = s->budget;
		s->deadline = t + s->period;
		s->replenished++;
	}
	s->state = s->left > 0 ? CBS_READY : CBS_THROTTLED;
}

static inline void slow_block(struct slow_cbs *m, uint32_t i)
{
	m->s[i].state = CBS_BLOCKED;
}

static inline void slow_charge(struct slow_cbs *m, uint32_t i, uint64_t used)
{
	struct slow_server *s = &m->s[i];

	if (s->is_background)
		return;
	if (used > s->left && used - s->left > s->overrun_max)
		s->overrun_max = used - s->left;
	s->left = used > s->left ? 0 : s->left - used;
	if (s->left == 0 && s->state == CBS_READY)
		s->state = CBS_THROTTLED;
}

/* Returns the set of servers that got a new budget. */
static inline uint64_t slow_replenish(struct slow_cbs *m, uint64_t t)
{
	uint64_t who = 0;

	for (uint32_t i = 0; i < m->count; i++) {
		struct slow_server *s = &m->s[i];

		while (!s->is_background && s->state != CBS_BLOCKED && s->deadline <= t) {
			if (s->state == CBS_READY)
				s->late++;
			s->state = CBS_READY;
			s->left = s->budget;
			s->deadline += s->period;
			s->replenished++;
			who |= BIT64(i);
		}
	}
	return who;
}

static inline struct cbs_pick slow_pick(const struct slow_cbs *m, uint64_t t)
{
	struct cbs_pick p = { CBS_NONE, TSC_NEVER };
	const struct slow_server *best = NULL;

	for (uint32_t i = 0; i < m->count; i++) {
		const struct slow_server *s = &m->s[i];
		bool is_better = best == NULL;

		if (s->state == CBS_THROTTLED && s->deadline < p.until_tsc)
			p.until_tsc = s->deadline;
		if (s->state != CBS_READY)
			continue;
		if (best != NULL && best->is_background)
			is_better = !s->is_background || s->priority > best->priority;
		else if (best != NULL)
			is_better = !s->is_background && s->deadline < best->deadline;
		if (!is_better)
			continue;
		best = s;
		p.server = i;
	}
	if (best == NULL || best->is_background)
		return p;
	if (best->deadline < p.until_tsc)
		p.until_tsc = best->deadline;
	if (t + best->left < p.until_tsc)
		p.until_tsc = t + best->left;
	return p;
}

/* Says what differs, and where. */
static inline bool slow_agrees(const struct slow_cbs *m, const struct cbs *c)
{
	for (uint32_t i = 0; i < m->count; i++) {
		const struct slow_server *a = &m->s[i];
		const struct cbs_server *b = &c->servers[i];

		if (a->state == b->state && a->left == b->left_tsc &&
		    a->deadline == b->deadline_tsc && a->overrun_max == b->overrun_max_tsc &&
		    a->replenished == b->replenish_count && a->late == b->late_count)
			continue;
		printf("server %u (model/cbs): state %d/%d q %llu/%llu d %llu/%llu overrun "
		       "%llu/%llu new %llu/%llu late %llu/%llu\n",
		       i, (int)a->state, (int)b->state, (unsigned long long)a->left,
		       (unsigned long long)b->left_tsc, (unsigned long long)a->deadline,
		       (unsigned long long)b->deadline_tsc, (unsigned long long)a->overrun_max,
		       (unsigned long long)b->overrun_max_tsc, (unsigned long long)a->replenished,
		       (unsigned long long)b->replenish_count, (unsigned long long)a->late,
		       (unsigned long long)b->late_count);
		return false;
	}
	return m->count == c->server_count;
}
