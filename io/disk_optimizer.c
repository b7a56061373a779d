/* SPDX-License-Identifier: Apache-2.0 */
#include "io/disk_optimizer.h"
#include "io/disk_optimizer_parts.h"

static const uint64_t slice_idles[] = { 0, MS(1), MS(2), MS(4), MS(6), MS(8) };
static const uint64_t timeouts[] = { MS(8), MS(16), MS(32), MS(64), MS(125) };
static const uint64_t paper_slice_idles[] = { MS(1), MS(2), MS(4), MS(6), MS(8) };
static const uint64_t paper_timeouts[] = { MS(32), MS(64), MS(124) };

/* Steps of about 2^(1/2); Table II's are among them. */
static const uint32_t weights[] = { 50, 70, 100, 150, 200, 250, 300, 400, 500, 700, 1000 };
static const uint32_t paper_weights[] = { 50, 100, 150, 250, 300, 500, 700 };

const struct disk_optimizer_range disk_optimizer_range = {
	.slice_idle_ns = slice_idles,
	.slice_idle_count = ARRAY_SIZE(slice_idles),
	.timeout_ns = timeouts,
	.timeout_count = ARRAY_SIZE(timeouts),
	.weights = weights,
	.weight_count = ARRAY_SIZE(weights),
};
const struct disk_optimizer_range disk_optimizer_paper_range = {
	.slice_idle_ns = paper_slice_idles,
	.slice_idle_count = ARRAY_SIZE(paper_slice_idles),
	.timeout_ns = paper_timeouts,
	.timeout_count = ARRAY_SIZE(paper_timeouts),
	.weights = paper_weights,
	.weight_count = ARRAY_SIZE(paper_weights),
};

/* --- what is refused ---------------------------------------------------------------------- */

static enum err refuse(struct disk_optimum *o, uint32_t guest, uint32_t task, const char *why)
{
	o->why = why;
	o->why_guest = guest;
	o->why_task = task;
	return ERR_INVAL;
}

static bool is_weight(uint32_t weight)
{
	return weight >= 1 && weight <= IOSCHED_WEIGHT_MAX;
}

static enum err check_guest(const struct disk_load_guest *g, uint32_t guest, struct disk_optimum *o)
{
	if (g->task_count == 0)
		return refuse(o, guest, 0, "a guest without a task");
	if (g->task_count > IOSCHED_QUEUE_MAX)
		return refuse(o, guest, 0, "more tasks than a guest can have virtqueues");
	if (!is_weight(g->weight))
		return refuse(o, guest, 0, "a guest's weight is from 1 to 1000");
	for (uint32_t j = 0; j < g->task_count; j++) {
		if (g->tasks[j].iops == 0)
			return refuse(o, guest, j, "a task that asks for nothing (0 IOPS)");
		if (!is_weight(g->tasks[j].weight))
			return refuse(o, guest, j, "a task's weight is from 1 to 1000");
	}
	return OK;
}

static bool has_target(const struct disk_load *load)
{
	for (uint32_t i = 0; i < load->guest_count; i++) {
		for (uint32_t j = 0; j < load->guests[i].task_count; j++) {
			if (load->guests[i].tasks[j].target_ns > 0)
				return true;
		}
	}
	return false;
}

static enum err check(const struct disk_load *load, enum latency_model model,
		      const struct disk_optimizer_range *range, struct disk_optimum *o)
{
	if (model >= LATENCY_MODEL_COUNT)
		return refuse(o, 0, 0, "no such model");
	if (load->guest_count == 0)
		return refuse(o, 0, 0, "no guest");
	if (load->guest_count > IOSCHED_CLIENT_MAX)
		return refuse(o, IOSCHED_CLIENT_MAX, 0, "more guests than a disk can have");
	if (load->request_bytes == 0 || load->bytes_per_s == 0)
		return refuse(o, 0, 0, "requests of 0 bytes, or a disk of 0 bytes a second");
	if (range->slice_idle_count == 0 || range->timeout_count == 0 || range->weight_count == 0)
		return refuse(o, 0, 0, "a range without values");
	if (!is_weight(range->weights[0]) || !is_weight(range->weights[range->weight_count - 1]))
		return refuse(o, 0, 0, "a range of weights that no scheduler takes");
	for (uint32_t i = 0; i < load->guest_count; i++) {
		if (check_guest(&load->guests[i], i, o) != OK)
			return ERR_INVAL;
	}
	return has_target(load) ? OK : refuse(o, 0, 0, "no task has a target");
}

/* --- parts of the search ------------------------------------------------------------------ */

static void list_tasks(struct disk_optimum *o)
{
	struct disk_optimizer_search *s = &o->search;

	s->task_count = 0;
	for (uint32_t i = 0; i < o->load.guest_count; i++) {
		for (uint32_t j = 0; j < o->load.guests[i].task_count; j++) {
			if (o->load.guests[i].tasks[j].target_ns > 0)
				s->tasks[s->task_count++] =
					(struct disk_optimizer_task){ (uint8_t)i, (uint8_t)j };
		}
	}
}

/* 0: it has none. */
static uint64_t smallest_target(const struct disk_load_guest *g)
{
	uint64_t smallest = 0;

	for (uint32_t j = 0; j < g->task_count; j++) {
		uint64_t target = g->tasks[j].target_ns;

		if (target > 0 && (smallest == 0 || target < smallest))
			smallest = target;
	}
	return smallest;
}

static bool is_more_urgent(const struct disk_load_guest *a, const struct disk_load_guest *b)
{
	if (a->is_critical != b->is_critical)
		return a->is_critical;
	return smallest_target(a) < smallest_target(b);
}

/* The most urgent one that is not in `asked`, or guest_count. */
static uint32_t most_urgent(const struct disk_load *load, uint32_t asked)
{
	uint32_t found = load->guest_count;

	for (uint32_t i = 0; i < load->guest_count; i++) {
		const struct disk_load_guest *g = &load->guests[i];

		if (smallest_target(g) == 0 || (asked & BIT32(i)) != 0)
			continue;
		if (found == load->guest_count || is_more_urgent(g, &load->guests[found]))
			found = i;
	}
	return found;
}

static uint32_t count_with_targets(const struct disk_load *load)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < load->guest_count; i++)
		count += smallest_target(&load->guests[i]) > 0;
	return count;
}

/* --- compromise --------------------------------------------------------------------------- */

/* What is left is shared among those that are still to be asked, and the last part. */
static void allow_share(struct disk_optimum *o, uint32_t predictions_end, uint32_t left)
{
	o->search.predictions_end =
		o->predictions + (predictions_end - o->predictions) / (left + 1);
}

static uint32_t keep_by_urgency(struct disk_optimum *o, uint32_t predictions_end)
{
	struct disk_optimizer_search *s = &o->search;
	uint32_t kept = 0, asked = 0, left = count_with_targets(&o->load), guest;

	s->saved = o->load;
	while ((guest = most_urgent(&o->load, asked)) < o->load.guest_count) {
		asked |= BIT32(guest);
		allow_share(o, predictions_end, left--);
		s->counting = kept | BIT32(guest);
		optimizer_begin(o);
		optimizer_climb(o, OPTIMIZER_ONE);
		if (s->worst > OPTIMIZER_ONE) {
			optimizer_remember(o);
			optimizer_favour(o);
			optimizer_climb(o, OPTIMIZER_ONE);
		}
		if (s->worst <= OPTIMIZER_ONE) {
			kept |= BIT32(guest);
			s->saved = o->load;
		} else {
			o->load = s->saved;
		}
	}
	return kept;
}

static void compromise(struct disk_optimum *o, uint32_t predictions_end)
{
	struct disk_optimizer_search *s = &o->search;

	s->counting = keep_by_urgency(o, predictions_end);
	s->predictions_end = predictions_end;
	s->floor = OPTIMIZER_ONE;
	s->heeds_others = true;
	optimizer_begin(o);
	optimizer_remember(o);
	optimizer_climb(o, 0);
}

/* --- all of it ---------------------------------------------------------------------------- */

static void tell(struct disk_optimum *o)
{
	const struct disk_load *load = &o->load;

	latency_sum(load, &o->search.sums);
	for (uint32_t i = 0; i < load->guest_count; i++) {
		bool is_met = true;

		for (uint32_t j = 0; j < load->guests[i].task_count; j++) {
			uint64_t target = load->guests[i].tasks[j].target_ns;

			o->predicted_ns[i][j] =
				latency_predict_ns(o->search.model, load, &o->search.sums, i, j);
			o->predictions++;
			if (target > 0 && o->predicted_ns[i][j] > target)
				is_met = false;
		}
		o->kept |= is_met ? BIT32(i) : 0;
	}
	o->is_met = (o->kept + UINT64_C(1)) == BIT64(load->guest_count);
}

enum err disk_optimize(const struct disk_load *load, enum latency_model model,
		       const struct disk_optimizer_range *range, struct disk_optimum *o)
{
	struct disk_optimizer_search *s = &o->search;
	uint32_t end;

	o->predictions = o->steps = o->kept = 0;
	o->is_met = false;
	o->why = NULL;
	if (check(load, model, range, o) != OK)
		return ERR_INVAL;
	o->load = *load;
	s->trial = *load;
	s->given = load;
	s->range = range;
	s->model = model;
	s->floor = s->touched = s->stale = 0;
	s->heeds_others = false;
	s->counting = UINT32_MAX;
	list_tasks(o);
	latency_sum(load, &s->sums);
	end = DISK_OPTIMIZER_PREDICTIONS(model) - s->sums.task_count; /* tell() needs these */
	s->predictions_end = end / 2;
	optimizer_begin(o);
	optimizer_start(o);
	optimizer_climb(o, OPTIMIZER_ONE);
	if (s->worst > OPTIMIZER_ONE) {
		compromise(o, end);
	} else {
		s->predictions_end = end;
		optimizer_climb(o, 0);
	}
	tell(o);
	return OK;
}
