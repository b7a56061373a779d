/* SPDX-License-Identifier: Apache-2.0 */
#include "io/disk_optimizer_parts.h"

/* How far below or above its target somebody who does not count may be, to be told apart. */
#define EXCESS_MAX  (100u * OPTIMIZER_ONE)
#define RATIO_SHIFT 16

/* Rounded up: at most OPTIMIZER_ONE if, and only if, the target is met. */
static uint32_t ratio_of(uint64_t predicted_ns, uint64_t target_ns)
{
	uint64_t scaled = min_u64(predicted_ns, BIT64(47)) << RATIO_SHIFT;

	return (uint32_t)min_u64(scaled / target_ns + (scaled % target_ns != 0), UINT32_MAX);
}

struct score {
	uint64_t worst, excess;
};

static bool is_below(struct score a, struct score b)
{
	return a.worst < b.worst || (a.worst == b.worst && a.excess < b.excess);
}

uint32_t optimizer_predict_ratio(struct disk_optimum *o, uint32_t i)
{
	struct disk_optimizer_search *s = &o->search;
	uint32_t guest = s->tasks[i].guest, task = s->tasks[i].task;

	o->predictions++;
	return ratio_of(latency_predict_ns(s->model, &s->trial, &s->sums, guest, task),
			s->trial.guests[guest].tasks[task].target_ns);
}

/* Those that count are worst first, so that most candidates are dropped after a prediction or two. */
static bool score_trial(struct disk_optimum *o, struct score limit, struct score *score)
{
	struct disk_optimizer_search *s = &o->search;

	*score = (struct score){ .worst = s->floor };
	optimizer_sum(s);
	for (uint32_t i = 0; i < s->seen_count; i++) {
		uint64_t ratio;

		if (o->predictions >= s->predictions_end)
			return false;
		ratio = s->trial_ratios[i] = optimizer_predict_ratio(o, i);
		if (optimizer_counts(s, s->tasks[i].guest))
			score->worst = max_u64(score->worst, ratio);
		else
			score->excess += max_u64(min_u64(ratio, EXCESS_MAX), OPTIMIZER_ONE);
		if (!is_below(*score, limit))
			return false;
	}
	return is_below(*score, limit);
}

/* Those that count before the others, the worst before the better. Nearly sorted already. */
static bool is_before(const struct disk_optimizer_search *s, uint32_t guest_a, uint32_t ratio_a,
		      uint32_t guest_b, uint32_t ratio_b)
{
	uint32_t a = s->counting >> guest_a & 1, b = s->counting >> guest_b & 1;

	return a != b ? a > b : ratio_a > ratio_b;
}

static void sort_tasks(struct disk_optimizer_search *s)
{
	for (uint32_t i = 1; i < s->task_count; i++) {
		struct disk_optimizer_task t = s->tasks[i];
		uint32_t ratio = s->ratios[i], at = i;

		while (at > 0 &&
		       is_before(s, t.guest, ratio, s->tasks[at - 1].guest, s->ratios[at - 1])) {
			s->tasks[at] = s->tasks[at - 1];
			s->ratios[at] = s->ratios[at - 1];
			at--;
		}
		s->tasks[at] = t;
		s->ratios[at] = ratio;
	}
}

void optimizer_copy(struct disk_load *to, const struct disk_load *from, uint32_t guests)
{
	to->slice_idle_ns = from->slice_idle_ns;
	to->timeout_ns = from->timeout_ns;
	for (; guests; guests &= guests - 1) {
		uint32_t i = (uint32_t)__builtin_ctz(guests);

		to->guests[i].weight = from->guests[i].weight;
		for (uint32_t j = 0; j < from->guests[i].task_count; j++)
			to->guests[i].tasks[j].weight = from->guests[i].tasks[j].weight;
	}
}

void optimizer_forget_trial(struct disk_optimum *o)
{
	optimizer_copy(&o->search.trial, &o->load, o->search.touched);
	o->search.stale |= o->search.touched;
	o->search.touched = 0;
}

/* The worst off of those that are not good enough yet. */
static uint32_t find_focus(const struct disk_optimizer_search *s)
{
	for (uint32_t i = 0; i < s->seen_count; i++) {
		if (s->ratios[i] > s->floor)
			return s->tasks[i].guest;
	}
	return s->tasks[0].guest;
}

static void take(struct disk_optimum *o, struct score score)
{
	struct disk_optimizer_search *s = &o->search;

	optimizer_copy(&o->load, &s->trial, s->touched);
	s->touched = 0;
	for (uint32_t i = 0; i < s->seen_count; i++)
		s->ratios[i] = s->trial_ratios[i];
	s->worst = score.worst;
	s->excess = score.excess;
	sort_tasks(s);
	s->focus = find_focus(s);
}

bool optimizer_look(struct disk_optimum *o)
{
	struct disk_optimizer_search *s = &o->search;
	struct score score, limit = { s->worst, s->excess };

	if (!score_trial(o, limit, &score))
		return false;
	o->steps++;
	take(o, score);
	return true;
}

void optimizer_begin(struct disk_optimum *o)
{
	struct disk_optimizer_search *s = &o->search;
	struct score score, limit = { UINT64_MAX, UINT64_MAX };

	s->stale = optimizer_all_guests(&o->load);
	optimizer_copy(&s->trial, &o->load, s->stale);
	sort_tasks(s);
	s->seen_count = 0;
	while (s->seen_count < s->task_count &&
	       (s->heeds_others || (s->counting & BIT32(s->tasks[s->seen_count].guest)) != 0))
		s->seen_count++;
	/* Not enough predictions for one look: nothing will be better, and nothing is promised. */
	s->worst = s->excess = UINT64_MAX;
	if (score_trial(o, limit, &score))
		take(o, score);
}
