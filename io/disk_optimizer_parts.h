/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/disk_optimizer_parts.h - between io/disk_optimizer.c (what is wanted), _search.c
 * (where from, and in which order), _moves.c and _raise.c (where to) and _score.c (is it better?).
 *
 * Model    The settings at hand are in optimum->load. Those that are looked at are in search.trial,
 *	    which is the same between two looks.
 * Units    A ratio is predicted / target, OPTIMIZER_ONE is 1.
 */
#pragma once
#include "io/disk_optimizer.h"

#define OPTIMIZER_ONE 65536u

/* --- _search.c */
/* Looks at the starts, with every slice_idle and timeout, and takes the best. */
void optimizer_start(struct disk_optimum *o);
/* .. at the load's own settings. */
void optimizer_remember(struct disk_optimum *o);
/* .. at settings in which those that do not count have the least weight. */
void optimizer_favour(struct disk_optimum *o);
/* Goes to what is better, until there is nothing, or the worst ratio is not above `enough`. */
void optimizer_climb(struct disk_optimum *o, uint32_t enough);

/* --- _moves.c, _raise.c; true: something was better */
/* All neighbours; whatever is better is taken, and its neighbours are next. */
bool optimizer_sweep(struct disk_optimum *o, uint32_t enough);
/* Two at once, up to the first that is better. */
bool optimizer_sweep_pairs(struct disk_optimum *o, uint32_t enough);

/* Least weights: of guests, whose tasks' stay as they are; of both. */
enum raise { RAISE_GUESTS, RAISE_TASKS };
bool optimizer_raise(struct disk_optimum *o, enum raise what, uint32_t enough);
/* .. with another slice_idle, another timeout */
bool optimizer_raise_elsewhere(struct disk_optimum *o, enum raise what, uint32_t enough);

/* --- _score.c */
/* After a change of `load`, `counting` or `floor`: the ratios of the settings at hand. */
void optimizer_begin(struct disk_optimum *o);
/* True: the trial is better, and is what is at hand now. */
bool optimizer_look(struct disk_optimum *o);
void optimizer_forget_trial(struct disk_optimum *o);
/* Of the i-th task, in trial, whose sums are up to date. */
uint32_t optimizer_predict_ratio(struct disk_optimum *o, uint32_t i);
/* From one load to the other: slice_idle, timeout, and the weights of these guests. */
void optimizer_copy(struct disk_load *to, const struct disk_load *from, uint32_t guests);

/* The trial's sums, up to date. */
static inline void optimizer_sum(struct disk_optimizer_search *s)
{
	latency_sum_settings(&s->trial, &s->sums, s->touched | s->stale);
	s->stale = 0;
}

uint32_t optimizer_next_up(const struct disk_optimizer_range *range, uint32_t weight);

static inline uint32_t optimizer_top(const struct disk_optimizer_range *range)
{
	return range->weights[range->weight_count - 1];
}

static inline uint32_t optimizer_all_guests(const struct disk_load *load)
{
	return (uint32_t)(BIT64(load->guest_count) - 1);
}

static inline void optimizer_set_tasks(struct disk_load_guest *g, uint32_t weight)
{
	for (uint32_t j = 0; j < g->task_count; j++)
		g->tasks[j].weight = weight;
}

static inline bool optimizer_counts(const struct disk_optimizer_search *s, uint32_t guest)
{
	return (s->counting & BIT32(guest)) != 0;
}

static inline bool optimizer_is_over(const struct disk_optimum *o, uint32_t enough)
{
	return o->search.worst <= enough || o->predictions >= o->search.predictions_end;
}
