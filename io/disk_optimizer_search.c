/* SPDX-License-Identifier: Apache-2.0 */
#include "io/disk_optimizer_parts.h"

void optimizer_climb(struct disk_optimum *o, uint32_t enough)
{
	while (!optimizer_is_over(o, enough)) {
		if (!optimizer_sweep(o, enough) && !optimizer_raise(o, RAISE_GUESTS, enough) &&
		    !optimizer_raise(o, RAISE_TASKS, enough) &&
		    !optimizer_raise_elsewhere(o, RAISE_GUESTS, enough) &&
		    !optimizer_raise_elsewhere(o, RAISE_TASKS, enough) &&
		    !optimizer_sweep_pairs(o, enough))
			return;
	}
}

/* The trial's weights with every slice_idle and timeout of the range. */
static void look_at_range(struct disk_optimum *o)
{
	struct disk_optimizer_search *s = &o->search;

	for (uint32_t i = 0; i < s->range->slice_idle_count; i++) {
		for (uint32_t j = 0; j < s->range->timeout_count; j++) {
			s->trial.slice_idle_ns = s->range->slice_idle_ns[i];
			s->trial.timeout_ns = s->range->timeout_ns[j];
			optimizer_look(o);
		}
	}
	optimizer_forget_trial(o);
}

/* The guests' weights, and all tasks' equal. */
static void set_weights(struct disk_optimizer_search *s, uint32_t counting, uint32_t others)
{
	s->touched = optimizer_all_guests(&s->trial);
	for (uint32_t i = 0; i < s->trial.guest_count; i++) {
		s->trial.guests[i].weight = optimizer_counts(s, i) ? counting : others;
		optimizer_set_tasks(&s->trial.guests[i], counting);
	}
}

void optimizer_start(struct disk_optimum *o)
{
	const struct disk_optimizer_range *range = o->search.range;

	look_at_range(o);
	set_weights(&o->search, optimizer_top(range), optimizer_top(range));
	look_at_range(o);
}

void optimizer_remember(struct disk_optimum *o)
{
	struct disk_optimizer_search *s = &o->search;

	s->touched = optimizer_all_guests(&s->trial);
	optimizer_copy(&s->trial, s->given, s->touched);
	optimizer_look(o);
	optimizer_forget_trial(o);
}

void optimizer_favour(struct disk_optimum *o)
{
	const struct disk_optimizer_range *range = o->search.range;

	set_weights(&o->search, optimizer_top(range), range->weights[0]);
	look_at_range(o);
}
