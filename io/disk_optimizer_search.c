/* SPDX-License-Identifier: Apache-2.0 */
#include "io/disk_optimizer_parts.h"
#include "io/latency_math.h"

/* How far below or above its target somebody who does not count may be, to be told apart. */
#define EXCESS_MAX  (100u * OPTIMIZER_ONE)
#define RATIO_SHIFT 16

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

/* --- looking ------------------------------------------------------------------------------ */

/* Rounded up: at most OPTIMIZER_ONE if, and only if, the target is met. */
static uint32_t ratio_of(uint64_t predicted_ns, uint64_t target_ns)
{
	uint64_t scaled = min_u64(predicted_ns, BIT64(47)) << RATIO_SHIFT;

	return (uint32_t)min_u64(scaled / target_ns + (scaled % target_ns != 0), UINT32_MAX);
}

struct score {
	uint64_t worst, excess;
};

static bool counts(const struct disk_optimizer_search *s, uint32_t guest)
{
	return (s->counting & BIT32(guest)) != 0;
}

static bool is_below(struct score a, struct score b)
{
	return a.worst < b.worst || (a.worst == b.worst && a.excess < b.excess);
}

/* Of the i-th task, in trial, whose sums are up to date. */
static uint32_t predict_ratio(struct disk_optimum *o, uint32_t i)
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
	latency_sum(&s->trial, &s->sums);
	for (uint32_t i = 0; i < s->seen_count; i++) {
		uint64_t ratio;

		if (o->predictions >= s->predictions_end)
			return false;
		ratio = s->trial_ratios[i] = predict_ratio(o, i);
		if (counts(s, s->tasks[i].guest))
			score->worst = max_u64(score->worst, ratio);
		else
			score->excess += max_u64(min_u64(ratio, EXCESS_MAX), OPTIMIZER_ONE);
		if (!is_below(*score, limit))
			return false;
	}
	return true;
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

/* From one load to the other, the weights of these guests. */
static void copy_settings(struct disk_load *to, const struct disk_load *from, uint32_t guests)
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

static void forget_trial(struct disk_optimum *o)
{
	copy_settings(&o->search.trial, &o->load, o->search.touched);
	o->search.touched = 0;
}

static uint32_t all_guests(const struct disk_load *load)
{
	return (uint32_t)(BIT64(load->guest_count) - 1);
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

	copy_settings(&o->load, &s->trial, s->touched);
	s->touched = 0;
	for (uint32_t i = 0; i < s->seen_count; i++)
		s->ratios[i] = s->trial_ratios[i];
	s->worst = score.worst;
	s->excess = score.excess;
	sort_tasks(s);
	s->focus = find_focus(s);
}

/* True: the trial is better, and is what is at hand now. */
static bool look(struct disk_optimum *o)
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

	copy_settings(&s->trial, &o->load, all_guests(&o->load));
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

/* --- neighbours --------------------------------------------------------------------------- */

static bool set(uint64_t *value, uint64_t to)
{
	if (*value == to)
		return false;
	*value = to;
	return true;
}

static uint32_t next_up(const struct disk_optimizer_range *range, uint32_t weight)
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
		*weight = step % 2 == 0 ? next_up(range, *weight) : next_down(range, *weight);
	return *weight != before;
}

static uint32_t top(const struct disk_optimizer_range *range)
{
	return range->weights[range->weight_count - 1];
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
	return nearest_weight(range, w->log2[i] - largest + latency_log2(top(range)));
}

static bool balance_guests(struct disk_optimizer_search *s, int32_t halves)
{
	struct weights w = { .count = s->trial.guest_count };
	bool is_changed = false;
	uint32_t seen = 0;

	for (uint32_t i = 0; i < w.count; i++)
		w.log2[i] = latency_log2(s->trial.guests[i].weight);
	s->touched = all_guests(&s->trial);
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

static void set_tasks(struct disk_load_guest *g, uint32_t weight)
{
	for (uint32_t j = 0; j < g->task_count; j++)
		g->tasks[j].weight = weight;
}

/* --- the search --------------------------------------------------------------------------- */

static bool is_over(const struct disk_optimum *o, uint32_t enough)
{
	return o->search.worst <= enough || o->predictions >= o->search.predictions_end;
}

/* All neighbours; whatever is better is taken, and its neighbours are next. */
static bool sweep(struct disk_optimum *o, uint32_t enough)
{
	struct disk_optimizer_search *s = &o->search;
	uint32_t steps = o->steps;

	for (uint32_t i = 0; i < move_count(s) && !is_over(o, enough); i++) {
		if (move(s, i))
			look(o);
		forget_trial(o);
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
		if (is_over(o, enough) || is_balance(s->range, i))
			continue;
		is_better = move(s, first) && move(s, i) && look(o);
		forget_trial(o);
	}
	return is_better;
}

/* Two at once, up to the first that is better. */
static bool sweep_pairs(struct disk_optimum *o, uint32_t enough)
{
	struct disk_optimizer_search *s = &o->search;
	uint32_t count = move_count(s);

	for (uint32_t i = 0; i < count; i++) {
		bool is_move = !is_balance(s->range, i) && move(s, i);

		forget_trial(o);
		if (is_move && look_at_pairs(o, i, enough))
			return true;
	}
	return false;
}

/* --- weights from below ------------------------------------------------------------------- */

enum raise { RAISE_GUESTS, RAISE_TASKS };

/* Raises the i-th task until it is not above `ratio`. */
static bool settle_task(struct disk_optimum *o, uint32_t i, enum raise what, uint64_t ratio)
{
	struct disk_optimizer_search *s = &o->search;
	struct disk_optimizer_task t = s->tasks[i];
	uint32_t *weight = &s->trial.guests[t.guest].tasks[t.task].weight;

	while (o->predictions < s->predictions_end) {
		if (predict_ratio(o, i) <= ratio)
			return true;
		if (what == RAISE_GUESTS || *weight == top(s->range))
			return false;
		*weight = next_up(s->range, *weight);
		latency_sum(&s->trial, &s->sums);
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
		if (g->weight == top(s->range) || o->predictions >= s->predictions_end)
			return false;
		g->weight = next_up(s->range, g->weight);
		if (what == RAISE_TASKS)
			set_tasks(g, s->range->weights[0]);
		latency_sum(&s->trial, &s->sums);
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

	s->touched = all_guests(&s->trial);
	for (uint32_t i = 0; i < s->trial.guest_count; i++) {
		s->trial.guests[i].weight = s->range->weights[0];
		if (what == RAISE_TASKS)
			set_tasks(&s->trial.guests[i], s->range->weights[0]);
	}
	latency_sum(&s->trial, &s->sums);
	do {
		weight = s->sums.weight;
		for (uint32_t i = 0; i < s->trial.guest_count; i++) {
			if (counts(s, i) && !settle_guest(o, i, what, ratio))
				return false;
		}
	} while (s->sums.weight != weight);
	return look(o);
}

/* Large steps first: they cost as much as small ones. */
static bool raise_at(struct disk_optimum *o, enum raise what, uint64_t slice_idle_ns,
		     uint64_t timeout_ns, uint32_t enough)
{
	struct disk_optimizer_search *s = &o->search;
	uint64_t step = s->worst / 4;
	bool is_better = false, is_taken;

	while (!is_over(o, enough) && s->worst > s->floor) {
		s->trial.slice_idle_ns = slice_idle_ns;
		s->trial.timeout_ns = timeout_ns;
		is_taken = raise_all(o, what, s->worst - max_u64(step, 1));
		forget_trial(o);
		is_better |= is_taken;
		if (!is_taken && step == 0)
			break;
		if (!is_taken)
			step = step > s->worst / 128 ? step / 4 : 0;
	}
	return is_better;
}

static bool raise_here(struct disk_optimum *o, enum raise what, uint32_t enough)
{
	return raise_at(o, what, o->load.slice_idle_ns, o->load.timeout_ns, enough);
}

static bool raise_elsewhere(struct disk_optimum *o, enum raise what, uint32_t enough)
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

void optimizer_climb(struct disk_optimum *o, uint32_t enough)
{
	while (!is_over(o, enough)) {
		if (!sweep(o, enough) && !raise_here(o, RAISE_GUESTS, enough) &&
		    !raise_here(o, RAISE_TASKS, enough) &&
		    !raise_elsewhere(o, RAISE_GUESTS, enough) &&
		    !raise_elsewhere(o, RAISE_TASKS, enough) && !sweep_pairs(o, enough))
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
			look(o);
		}
	}
	forget_trial(o);
}

/* The guests' weights, and all tasks' equal. */
static void set_weights(struct disk_optimizer_search *s, uint32_t counting, uint32_t others)
{
	s->touched = all_guests(&s->trial);
	for (uint32_t i = 0; i < s->trial.guest_count; i++) {
		s->trial.guests[i].weight = counts(s, i) ? counting : others;
		set_tasks(&s->trial.guests[i], counting);
	}
}

void optimizer_start(struct disk_optimum *o)
{
	const struct disk_optimizer_range *range = o->search.range;

	look_at_range(o);
	set_weights(&o->search, top(range), top(range));
	look_at_range(o);
}

void optimizer_remember(struct disk_optimum *o)
{
	struct disk_optimizer_search *s = &o->search;

	s->touched = all_guests(&s->trial);
	copy_settings(&s->trial, s->given, s->touched);
	look(o);
	forget_trial(o);
}

void optimizer_favour(struct disk_optimum *o)
{
	const struct disk_optimizer_range *range = o->search.range;

	set_weights(&o->search, top(range), range->weights[0]);
	look_at_range(o);
}
