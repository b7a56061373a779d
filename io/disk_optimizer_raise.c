/* SPDX-License-Identifier: Apache-2.0 */
#include "io/disk_optimizer_parts.h"

/* Raises the i-th task until it is not above `ratio`. */
static bool settle_task(struct disk_optimum *o, uint32_t i, enum raise what, uint64_t ratio)
{
	struct disk_optimizer_search *s = &o->search;
	struct disk_optimizer_task t = s->tasks[i];
	uint32_t *weight = &s->trial.guests[t.guest].tasks[t.task].weight;

	while (o->predictions < s->predictions_end) {
		if (optimizer_predict_ratio(o, i) <= ratio)
			return true;
		if (what == RAISE_GUESTS || *weight == optimizer_top(s->range))
			return false;
		*weight = optimizer_next_up(s->range, *weight);
		latency_sum_settings(&s->trial, &s->sums, BIT32(t.guest));
		s->is_raised = true;
	}
	return false;
}

/* .. all of a guest's, at the weight that it has. */
static bool settle_tasks(struct disk_optimum *o, uint32_t guest, enum raise what, uint64_t ratio)
{
	struct disk_optimizer_search *s = &o->search;

	do {
		s->is_raised = false;
		for (uint32_t i = 0; i < s->seen_count; i++) {
			if (s->tasks[i].guest == guest && !settle_task(o, i, what, ratio))
				return false;
		}
	} while (s->is_raised);
	return true;
}

/* Gives a guest more until its tasks can be settled. */
static bool settle_guest(struct disk_optimum *o, uint32_t guest, enum raise what, uint64_t ratio)
{
	struct disk_optimizer_search *s = &o->search;
	struct disk_load_guest *g = &s->trial.guests[guest];

	while (!settle_tasks(o, guest, what, ratio)) {
		if (g->weight == optimizer_top(s->range) || o->predictions >= s->predictions_end)
			return false;
		g->weight = optimizer_next_up(s->range, g->weight);
		if (what == RAISE_TASKS)
			optimizer_set_tasks(g, s->range->weights[0]);
		latency_sum_settings(&s->trial, &s->sums, BIT32(guest));
	}
	return true;
}

/*
 * If more weight never makes a tail longer, and never another's shorter, then this ends at the least
 * weights that keep all ratios at `ratio`, or there are none: who is raised needs it whatever the
 * others have. (Paper 000, Fig. 4: "assigns larger weights".) Each time around, a guest is raised.
 */
static bool raise_all(struct disk_optimum *o, enum raise what, uint64_t ratio)
{
	struct disk_optimizer_search *s = &o->search;
	uint32_t weight;

	s->touched = optimizer_all_guests(&s->trial);
	for (uint32_t i = 0; i < s->trial.guest_count; i++) {
		s->trial.guests[i].weight = s->range->weights[0];
		if (what == RAISE_TASKS)
			optimizer_set_tasks(&s->trial.guests[i], s->range->weights[0]);
	}
	optimizer_sum(s);
	do {
		weight = s->sums.weight;
		for (uint32_t i = 0; i < s->trial.guest_count; i++) {
			if (optimizer_counts(s, i) && !settle_guest(o, i, what, ratio))
				return false;
		}
	} while (s->sums.weight != weight);
	return optimizer_look(o);
}

/* Large steps first: they cost as much as small ones. */
static bool raise_at(struct disk_optimum *o, enum raise what, uint64_t slice_idle_ns,
		     uint64_t timeout_ns, uint32_t enough)
{
	struct disk_optimizer_search *s = &o->search;
	uint64_t step = s->worst / 4;
	bool is_better = false, is_taken;

	while (!optimizer_is_over(o, enough) && s->worst > s->floor) {
		s->trial.slice_idle_ns = slice_idle_ns;
		s->trial.timeout_ns = timeout_ns;
		is_taken = raise_all(o, what, s->worst - max_u64(step, 1));
		optimizer_forget_trial(o);
		is_better |= is_taken;
		if (!is_taken && step == 0)
			break;
		if (!is_taken)
			step = step > s->worst / 128 ? step / 4 : 0;
	}
	return is_better;
}

bool optimizer_raise(struct disk_optimum *o, enum raise what, uint32_t enough)
{
	return raise_at(o, what, o->load.slice_idle_ns, o->load.timeout_ns, enough);
}

bool optimizer_raise_elsewhere(struct disk_optimum *o, enum raise what, uint32_t enough)
{
	const struct disk_optimizer_range *range = o->search.range;
	bool is_better = false;

	for (uint32_t i = 0; i < range->slice_idle_count && !is_better; i++) {
		for (uint32_t j = 0; j < range->timeout_count && !is_better; j++)
			is_better = raise_at(o, what, range->slice_idle_ns[i], range->timeout_ns[j],
					     enough);
	}
	return is_better;
}
