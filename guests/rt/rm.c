/* SPDX-License-Identifier: Apache-2.0 */
#include "guests/rt/rm.h"

void rm_start(struct rm_set *s, uint64_t epoch_tsc)
{
	for (uint32_t i = 0; i < s->count; i++) {
		s->task[i].release_tsc = epoch_tsc;
		s->task[i].done = 0;
	}
}

struct rm_pick rm_pick(const struct rm_set *s, uint64_t now_tsc)
{
	uint64_t until = RM_NEVER;

	for (uint32_t i = 0; i < s->count; i++) {
		if (s->task[i].release_tsc <= now_tsc)
			return (struct rm_pick){ i, until };
		/* Not ready: its release would preempt whatever of lower priority runs. */
		if (s->task[i].release_tsc < until)
			until = s->task[i].release_tsc;
	}
	return (struct rm_pick){ RM_IDLE, until };
}

uint64_t rm_complete(struct rm_set *s, uint32_t task, uint64_t now_tsc)
{
	struct rm_task *t = &s->task[task];
	uint64_t response = now_tsc - t->release_tsc;

	t->done++;
	t->release_tsc += t->period_tsc; /* absolute: a late job shifts no later release */
	return response;
}

bool rm_all_done(const struct rm_set *s, uint64_t jobs)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (s->task[i].done < jobs)
			return false;
	return true;
}
