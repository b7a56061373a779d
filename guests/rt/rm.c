/* SPDX-License-Identifier: Apache-2.0 */
#include "guests/rt/rm.h"

/* `round_begin_tsc` and `in_round` say which job it is. */
static void place(struct rm_task *t)
{
	t->arrival_tsc = t->round_begin_tsc + t->offset_tsc + t->in_round * t->period_tsc;
	t->release_tsc = t->arrival_tsc + (t->in_round == 0 ? t->jitter_tsc : 0);
}

void rm_start(struct rm_set *s, uint64_t epoch_tsc)
{
	for (uint32_t i = 0; i < s->count; i++) {
		s->task[i].round_begin_tsc = epoch_tsc;
		s->task[i].in_round = 0;
		s->task[i].done = 0;
		place(&s->task[i]);
	}
}

static uint64_t deadline_of(const struct rm_set *s, uint32_t i)
{
	return s->task[i].arrival_tsc + s->task[i].period_tsc;
}

/* Is task i to run before j, both ready? */
static bool precedes(const struct rm_set *s, uint32_t i, uint32_t j)
{
	if (j == RM_IDLE)
		return true;
	if (s->policy == RM_EDF && deadline_of(s, i) != deadline_of(s, j))
		return deadline_of(s, i) < deadline_of(s, j);
	return i < j;
}

struct rm_pick rm_pick(const struct rm_set *s, uint64_t now_tsc)
{
	struct rm_pick pick = { RM_IDLE, RM_NEVER };

	for (uint32_t i = 0; i < s->count; i++)
		if (s->task[i].release_tsc <= now_tsc && precedes(s, i, pick.task))
			pick.task = i;
	/* Not ready: its release would preempt whatever of a lower priority runs. */
	for (uint32_t i = 0; i < s->count; i++)
		if (s->task[i].release_tsc > now_tsc && s->task[i].release_tsc < pick.until_tsc &&
		    precedes(s, i, pick.task))
			pick.until_tsc = s->task[i].release_tsc;
	return pick;
}

uint64_t rm_complete(struct rm_set *s, uint32_t task, uint64_t now_tsc)
{
	struct rm_task *t = &s->task[task];
	uint64_t response = now_tsc - t->arrival_tsc;

	t->done++;
	t->in_round++; /* absolute: a late job shifts no later release */
	if (s->round_tsc && t->in_round == s->round_tsc / t->period_tsc) {
		t->in_round = 0;
		t->round_begin_tsc += s->round_tsc;
	}
	place(t);
	return response;
}

bool rm_all_done(const struct rm_set *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (s->task[i].done < s->task[i].wanted)
			return false;
	return true;
}
