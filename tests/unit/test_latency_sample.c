/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table that is in the tree, on the sample of the data set that is in the tree: is it worth what
 * docs/latency.md says? Limits are the document's rates for the whole set, and what chance may add
 * with so few conditions. Both models are computed here once more, in floating point, from the load
 * and the table.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "io/latency_table.h"
#include "tests/test.h"
#include "tools/sim/condition.h"

#define SAMPLE   "tools/sim/sample.csv"
#define ROWS_MAX 4096u

struct row {
	double ratio, over; /* measured / estimated, / predicted */
	double apart;       /* from floating point: a part of it; in log2 */
};
static struct row rows[LATENCY_MODEL_COUNT][ROWS_MAX];
static uint32_t row_count, condition_count, outside;

/* --- the models once more ----------------------------------------------------------------- */

static double coefficient(uint64_t c)
{
	return ldexp((double)c, -32);
}

static double fixed(int32_t v)
{
	return v / 65536.0;
}

/* Paper 000, eq. (1) to (5), in s; E(SI) as io/latency.h reads it. */
static double plain_analytic(const struct disk_load *load, uint32_t guest, uint32_t task)
{
	const struct latency_coefficients *l = &latency_table.analytic;
	const struct disk_load_guest *g = &load->guests[guest];
	const double si = (double)load->slice_idle_ns / 8e6, ts = (double)load->timeout_ns / 1e9;
	const double length = load->request_bytes, budget = (double)load->max_budget_bytes;
	double weights = 0, task_weights = 0, own = 0, all = 0, tasks = g->task_count, a_task;
	double t_host = (double)load->bytes_per_s, t_guest, t_task, host, inside;

	for (uint32_t i = 0; i < load->guest_count; i++) {
		weights += load->guests[i].weight;
		tasks += load->guests[i].task_count;
		for (uint32_t j = 0; j < load->guests[i].task_count; j++)
			all += load->guests[i].tasks[j].iops * length;
	}
	for (uint32_t j = 0; j < g->task_count; j++) {
		own += g->tasks[j].iops * length;
		task_weights += g->tasks[j].weight;
	}
	a_task = g->tasks[task].iops * length;
	t_guest = coefficient(l->phi) * g->weight / weights * t_host;
	t_task = coefficient(l->phi) * g->tasks[task].weight / task_weights * t_guest;
	host = (own + budget - length) / t_guest + (all - own + budget) / t_host;
	inside = (a_task + budget - length) / t_task + (own - a_task + budget) / t_guest;
	return tasks * (double)l->switch_ns / 1e9 + host / (1 - coefficient(l->si_host) * si) +
	       inside / (1 - coefficient(l->si_guest) * si) +
	       (coefficient(l->ts_host) + coefficient(l->ts_guest)) * ts;
}

static double plain_network(const struct latency_network *n, const int32_t *features)
{
	double in[LATENCY_NEURONS], out[LATENCY_NEURONS], sum = fixed(n->last_bias);

	for (uint32_t o = 0; o < LATENCY_NEURONS; o++) {
		out[o] = fixed(n->bias[0][o]);
		for (uint32_t i = 0; i < LATENCY_FEATURE_COUNT; i++)
			out[o] += fixed(n->first[i][o]) * fixed(features[i]);
	}
	for (uint32_t layer = 1; layer < LATENCY_HIDDEN; layer++) {
		for (uint32_t i = 0; i < LATENCY_NEURONS; i++)
			in[i] = fmax(out[i], 0);
		for (uint32_t o = 0; o < LATENCY_NEURONS; o++) {
			out[o] = fixed(n->bias[layer][o]);
			for (uint32_t i = 0; i < LATENCY_NEURONS; i++)
				out[o] += fixed(n->hidden[layer - 1][i][o]) * in[i];
		}
	}
	for (uint32_t i = 0; i < LATENCY_NEURONS; i++)
		sum += fixed(n->last[i]) * fmax(out[i], 0);
	return sum;
}

/* log2 of ns */
static double plain_mlp(const struct disk_load *load, const struct latency_sums *sums,
			uint32_t guest, uint32_t task)
{
	int32_t features[LATENCY_FEATURE_COUNT];
	double sum = 0;

	latency_features(load, sums, guest, task, features);
	for (uint32_t i = 0; i < LATENCY_NETWORKS; i++)
		sum += plain_network(&latency_table.networks[i], features);
	sum /= LATENCY_NETWORKS;
	return fmin(fmax(sum, fixed(latency_table.mlp_min)), fixed(latency_table.mlp_max));
}

/* --- the sample --------------------------------------------------------------------------- */

static void take_task(const struct condition *c, const struct latency_sums *sums, uint32_t guest,
		      uint32_t task, uint64_t tail_ns)
{
	for (uint32_t m = 0; m < LATENCY_MODEL_COUNT; m++) {
		const enum latency_model model = (enum latency_model)m;
		const uint64_t estimate = latency_estimate_ns(model, &c->load, sums, guest, task);
		const uint64_t prediction = latency_predict_ns(model, &c->load, sums, guest, task);
		struct row *r = &rows[m][row_count];

		r->ratio = (double)tail_ns / (double)estimate;
		r->over = (double)tail_ns / (double)prediction;
		if (model == LATENCY_ANALYTIC)
			r->apart =
				(double)estimate / (1e9 * plain_analytic(&c->load, guest, task)) -
				1;
		else
			r->apart = log2((double)estimate) - plain_mlp(&c->load, sums, guest, task);
	}
	row_count++;
}

/* Of conditions within the data's domain: fit and held-out. */
static void read_sample(void)
{
	static char line[CONDITION_LINE_BYTES + 1];
	static struct condition_result result;
	FILE *f = fopen(SAMPLE, "r");

	CHECK(f != NULL);
	for (uint32_t n = 0; f && fgets(line, sizeof(line), f); n++) {
		struct condition c;
		struct latency_sums sums;

		if (n < 2)
			continue;
		CHECK(condition_parse(&c, &result, line) == NULL);
		if (c.set == CONDITION_OUT_OF_GRID)
			continue;
		condition_count++;
		outside += !latency_is_within(&c.load);
		latency_sum(&c.load, &sums);
		for (uint32_t g = 0; g < c.load.guest_count; g++) {
			for (uint32_t t = 0; t < c.load.guests[g].task_count; t++)
				take_task(&c, &sums, g, t, result.tasks[g][t].p9999_ns);
		}
		if (row_count > ROWS_MAX - IOSCHED_CLIENT_MAX * IOSCHED_QUEUE_MAX)
			break;
	}
	if (f)
		fclose(f);
}

static int compare(const void *a, const void *b)
{
	double x = ((const struct row *)a)->ratio, y = ((const struct row *)b)->ratio;

	return (x > y) - (x < y);
}

static double ratio_at(uint32_t model, double part)
{
	return rows[model][(uint32_t)(part * (row_count - 1))].ratio;
}

static double part_above(uint32_t model)
{
	uint32_t above = 0;

	for (uint32_t i = 0; i < row_count; i++)
		above += rows[model][i].over > 1;
	return (double)above / row_count;
}

static void the_sample_is_large_and_of_what_was_learned(void)
{
	read_sample();
	CHECK(condition_count >= 150 && row_count >= 900);
	CHECK(outside == 0);
	for (uint32_t m = 0; m < LATENCY_MODEL_COUNT; m++)
		qsort(rows[m], row_count, sizeof(rows[m][0]), compare);
}

/* Up to 8 ns of 30 ms, or more; 2^-10 of log2 is 0.07 %. */
static void integers_are_as_good_as_floating_point(void)
{
	for (uint32_t i = 0; i < row_count; i++) {
		CHECK(fabs(rows[LATENCY_ANALYTIC][i].apart) < 1e-6);
		CHECK(fabs(rows[LATENCY_MLP][i].apart) < 1.0 / 512);
	}
}

/* docs/latency.md, "Results" */
static void the_network_is_as_near_as_the_document_says(void)
{
	CHECK(ratio_at(LATENCY_MLP, 0.05) > 0.6 && ratio_at(LATENCY_MLP, 0.95) < 1.6);
	CHECK(ratio_at(LATENCY_MLP, 0.5) > 0.95 && ratio_at(LATENCY_MLP, 0.5) < 1.05);
}

static void the_formula_is_as_near_as_the_document_says(void)
{
	CHECK(ratio_at(LATENCY_ANALYTIC, 0.05) > 0.28 && ratio_at(LATENCY_ANALYTIC, 0.95) < 3.6);
	CHECK(ratio_at(LATENCY_ANALYTIC, 0.5) > 0.75 && ratio_at(LATENCY_ANALYTIC, 0.5) < 1.15);
}

/* 1 % of all; tasks of a condition fail together, so that a sample may have twice that. */
static void few_tails_are_above_their_prediction(void)
{
	CHECK(part_above(LATENCY_ANALYTIC) <= 0.02);
	CHECK(part_above(LATENCY_MLP) <= 0.02);
	CHECK(latency_table.analytic.margin >= 65536 && latency_table.mlp_margin >= 0);
}

int main(void)
{
	RUN(the_sample_is_large_and_of_what_was_learned);
	RUN(integers_are_as_good_as_floating_point);
	RUN(the_network_is_as_near_as_the_document_says);
	RUN(the_formula_is_as_near_as_the_document_says);
	RUN(few_tails_are_above_their_prediction);
	return test_failed;
}
