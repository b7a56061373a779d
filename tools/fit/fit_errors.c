/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/fit/fit_errors.c - what io/latency.c says of the data set: fit_errors DATA-SET > ERRORS
 *
 * A line for each task of each condition: set, condition, guest, task, the tail in ns, and for each
 * model its estimate and its prediction (with the margin), as the image would compute them.
 * `analytic_float` is the same formula once more, from the load and in floating point: eq. (1) to (5)
 * of paper 000 as written there, but for E(SI), which is as io/latency.h reads it.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include "io/latency_table.h"
#include "tools/fit/data_rows.h"

static double coefficient(uint64_t c)
{
	return ldexp((double)c, -32);
}

/* In seconds. */
static double paper_s(const struct disk_load *load, uint32_t guest, uint32_t task)
{
	const struct latency_coefficients *l = &latency_table.analytic;
	const struct disk_load_guest *own = &load->guests[guest];
	double length = load->request_bytes, budget = (double)load->max_budget_bytes;
	double weights = 0, task_weights = 0, a_guest = 0, a_others = 0, a_siblings = 0, tasks = 0;
	double a_task = own->tasks[task].iops * length;
	double t_host = (double)load->bytes_per_s, t_guest, t_task, si, ts;

	for (uint32_t g = 0; g < load->guest_count; g++) {
		weights += load->guests[g].weight;
		tasks += load->guests[g].task_count;
		for (uint32_t t = 0; t < load->guests[g].task_count; t++)
			*(g == guest ? &a_guest : &a_others) +=
				load->guests[g].tasks[t].iops * length;
	}
	for (uint32_t t = 0; t < own->task_count; t++)
		task_weights += own->tasks[t].weight;
	a_siblings = a_guest - a_task;
	t_guest = coefficient(l->phi) * own->weight / weights * t_host;
	t_task = coefficient(l->phi) * own->tasks[task].weight / task_weights * t_guest;
	si = (double)load->slice_idle_ns / (double)LATENCY_SLICE_IDLE_DEFAULT_NS;
	ts = (double)load->timeout_ns / 1e9;
	return (tasks + own->task_count) * (double)l->switch_ns / 1e9 +
	       ((a_guest + budget - length) / t_guest + (a_others + budget) / t_host) /
		       (1 - coefficient(l->si_host) * si) +
	       coefficient(l->ts_host) * ts +
	       ((a_task + budget - length) / t_task + (a_siblings + budget) / t_guest) /
		       (1 - coefficient(l->si_guest) * si) +
	       coefficient(l->ts_guest) * ts;
}

static void print_row(void *context, const struct data_row *row, const struct disk_load *load,
		      const struct latency_sums *sums)
{
	printf("%d,%u,%u,%u,%" PRIu64, row->set, row->condition, row->guest, row->task,
	       row->tail_ns);
	for (uint32_t m = 0; m < LATENCY_MODEL_COUNT; m++)
		printf(",%" PRIu64 ",%" PRIu64,
		       latency_estimate_ns((enum latency_model)m, load, sums, row->guest,
					   row->task),
		       latency_predict_ns((enum latency_model)m, load, sums, row->guest,
					  row->task));
	printf(",%.0f,%d\n", 1e9 * paper_s(load, row->guest, row->task), latency_is_within(load));
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: fit_errors DATA-SET\n");
		return 2;
	}
	printf("set,condition,guest,task,tail_ns,analytic_ns,analytic_margin_ns,mlp_ns,"
	       "mlp_margin_ns,analytic_float,is_within\n");
	data_rows_read(argv[1], print_row, NULL);
	return fflush(stdout) || ferror(stdout);
}
