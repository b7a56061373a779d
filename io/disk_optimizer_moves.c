/* SPDX-License-Identifier: Apache-2.0 */
#include "io/disk_optimizer_parts.h"
#include "io/latency_math.h"

/* A weight, in steps of the range: 1, 2 and 4, up and down. */
#define STEP_COUNT 6u

/* All weights after their distance: by half of it, and by all of it. */
enum balance {
	BALANCE_GUESTS_HALF,
	BALANCE_GUESTS,
	BALANCE_TASKS_HALF,
	BALANCE_TASKS,
	BALANCE_COUNT
};

static bool set(uint64_t *value, uint64_t to)
{
	if (*value == to)
		return false;
	*value = to;
	return true;
}

uint32_t optimizer_next_up(const struct disk_optimizer_range *range, uint32_t weight)
{
	for (uint32_t i = 0; i < range->weight_count; i++) {
		if (range->weights[i] > weight)
			return range->weights[i];
	}
	return weight;
}

static uint32_t next_down(const struct disk_optimizer_range *range, uint32_t weight)
{
	for (uint32_t i = range->weight_count; i > 0; i--) {
		if (range->weights[i - 1] < weight)
			return range->weights[i - 1];
	}
	return weight;
}

static bool step_weight(const struct disk_optimizer_range *range, uint32_t *weight, uint32_t step)
{
	uint32_t before = *weight;

	for (uint32_t i = 0; i < BIT32(step / 2); i++)
		*weight = step % 2 == 0 ? optimizer_next_up(range, *weight)
					: next_down(range, *weight);
	return *weight != before;
}

/* The range's nearest to 2^x. */
static uint32_t nearest_weight(const struct disk_optimizer_range *range, int32_t log2_weight)
{
	uint64_t weight = log2_weight > 0 ? latency_exp2(log2_weight) : 1;
	uint32_t i = 0;

	while (i + 1 < range->weight_count && range->weights[i] < weight)
		i++;
	if (i > 0 && weight < range->weights[i] &&
	    weight - range->weights[i - 1] < range->weights[i] - weight)
		i--;
	return range->weights[i];
}

/* count weights at exponents of their own, the largest at the range's largest. */
struct weights {
	uint32_t count;
	int32_t log2[IOSCHED_CLIENT_MAX];
};

static uint32_t weight_at(const struct disk_optimizer_range *range, const struct weights *w,
			  uint32_t i)
{
	int32_t largest = w->log2[0];

	for (uint32_t k = 1; k < w->count; k++)
		largest = w->log2[k] > largest ? w->log2[k] : largest;
	return nearest_weight(range, w->log2[i] - largest + latency_log2(optimizer_top(range)));
}

static bool balance_guests(struct disk_optimizer_search *s, int32_t halves)
{
	struct weights w = { .count = s->trial.guest_count };
	bool is_changed = false;
	uint32_t seen = 0;

	for (uint32_t i = 0; i < w.count; i++)
		w.log2[i] = latency_log2(s->trial.guests[i].weight);
	s->touched = optimizer_all_guests(&s->trial);
	for (uint32_t i = 0; i < s->seen_count; i++) {
		uint32_t guest = s->tasks[i].guest;

		if ((seen & BIT32(guest)) != 0)
			continue; /* a worse task of it was seen */
		seen |= BIT32(guest);
		w.log2[guest] +=
			(latency_log2(s->ratios[i]) - latency_log2(OPTIMIZER_ONE)) * halves / 2;
	}
	for (uint32_t i = 0; i < w.count; i++) {
		uint32_t weight = weight_at(s->range, &w, i);

		is_changed |= weight != s->trial.guests[i].weight;
		s->trial.guests[i].weight = weight;
	}
	return is_changed;
}

/* Of the guest that is worst off. */
static bool balance_tasks(struct disk_optimizer_search *s, int32_t halves)
{
	uint32_t guest = s->focus;
	struct disk_load_guest *g = &s->trial.guests[guest];
	struct weights w = { .count = g->task_count };
	bool is_changed = false;

	for (uint32_t j = 0; j < w.count; j++)
		w.log2[j] = latency_log2(g->tasks[j].weight);
	s->touched |= BIT32(guest);
	for (uint32_t i = 0; i < s->seen_count; i++) {
		if (s->tasks[i].guest == guest)
			w.log2[s->tasks[i].task] +=
				(latency_log2(s->ratios[i]) - latency_log2(OPTIMIZER_ONE)) *
				halves / 2;
	}
	for (uint32_t j = 0; j < w.count; j++) {
		uint32_t weight = weight_at(s->range, &w, j);

		is_changed |= weight != g->tasks[j].weight;
		g->tasks[j].weight = weight;
	}
	return is_changed;
}

static bool balance(struct disk_optimizer_search *s, enum balance how)
{
	if (how == BALANCE_GUESTS_HALF || how == BALANCE_GUESTS)
		return balance_guests(s, how == BALANCE_GUESTS ? 2 : 1);
	return balance_tasks(s, how == BALANCE_TASKS ? 2 : 1);
}

/* A task's weight means nothing to other guests: only those of the guest that is worst off are of use. */
static bool step_task(struct disk_optimizer_search *s, uint32_t index)
{
	struct disk_load_guest *g = &s->trial.guests[s->focus];

	s->touched |= BIT32(s->focus);
	return g->task_count > 1 &&
	       step_weight(s->range, &g->tasks[index / STEP_COUNT].weight, index % STEP_COUNT);
}

static bool step_guest(struct disk_optimizer_search *s, uint32_t index)
{
	uint32_t guest = index / STEP_COUNT;

	s->touched |= BIT32(guest);
	return step_weight(s->range, &s->trial.guests[guest].weight, index % STEP_COUNT);
}

static uint32_t move_count(const struct disk_optimizer_search *s)
{
	return s->range->slice_idle_count + s->range->timeout_count + BALANCE_COUNT +
	       (s->trial.guest_count + s->trial.guests[s->focus].task_count) * STEP_COUNT;
}

/* False: there is no such neighbour, and the trial is as it was. */
static bool move(struct disk_optimizer_search *s, uint32_t index)
{
	const struct disk_optimizer_range *range = s->range;
	uint32_t guest_moves = s->trial.guest_count * STEP_COUNT;

	if (index < range->slice_idle_count)
		return set(&s->trial.slice_idle_ns, range->slice_idle_ns[index]);
	index -= range->slice_idle_count;
	if (index < range->timeout_count)
		return set(&s->trial.timeout_ns, range->timeout_ns[index]);
	index -= range->timeout_count;
	if (index < BALANCE_COUNT)
		return balance(s, (enum balance)index);
	index -= BALANCE_COUNT;
	if (index < guest_moves)
		return step_guest(s, index);
	return step_task(s, index - guest_moves);
}

bool optimizer_sweep(struct disk_optimum *o, uint32_t enough)
{
	struct disk_optimizer_search *s = &o->search;
	uint32_t steps = o->steps;

	for (uint32_t i = 0; i < move_count(s) && !optimizer_is_over(o, enough); i++) {
		if (move(s, i))
			optimizer_look(o);
		optimizer_forget_trial(o);
	}
	return o->steps != steps;
}

/*
 * Where those begin that can go with `index`: two slice_idles, or two timeouts, are not two moves, and
 * all weights at once are enough for one.
 */
static uint32_t first_partner(const struct disk_optimizer_range *range, uint32_t index)
{
	uint32_t timeouts = range->slice_idle_count, balances = timeouts + range->timeout_count;

	if (index < timeouts)
		return timeouts;
	return index < balances ? balances + BALANCE_COUNT : index + 1;
}

static bool is_balance(const struct disk_optimizer_range *range, uint32_t index)
{
	return index - range->slice_idle_count - range->timeout_count < BALANCE_COUNT;
}

/* The first, and each other one with it. */
static bool look_at_pairs(struct disk_optimum *o, uint32_t first, uint32_t enough)
{
	struct disk_optimizer_search *s = &o->search;
	uint32_t count = move_count(s);
	bool is_better = false;

	for (uint32_t i = first_partner(s->range, first); i < count && !is_better; i++) {
		if (optimizer_is_over(o, enough) || is_balance(s->range, i))
			continue;
		is_better = move(s, first) && move(s, i) && optimizer_look(o);
		optimizer_forget_trial(o);
	}
	return is_better;
}

bool optimizer_sweep_pairs(struct disk_optimum *o, uint32_t enough)
{
	struct disk_optimizer_search *s = &o->search;
	uint32_t count = move_count(s);

	for (uint32_t i = 0; i < count; i++) {
		bool is_move = !is_balance(s->range, i) && move(s, i);

		optimizer_forget_trial(o);
		if (is_move && look_at_pairs(o, i, enough))
			return true;
	}
	return false;
}
