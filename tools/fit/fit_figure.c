/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/fit/fit_figure.c - Fig. 5 of paper 000 for our disk: fit_figure SEEDS > FIGURE
 *
 * Three series of conditions, each run with so many seeds, and what both models say of them. Lines:
 * panel, what is varied, guest, task, seed, tail in ns, then estimate and prediction of each model.
 *   a  4 guests of 1 task of 500 IOPS, equal weights: slice_idle and timeout vary
 *   b  the same; the weight of the first guest varies against 250 of the others
 *   c  4 guests of 3 tasks of 100, 500 and 1500 IOPS
 * Seeds are no seeds of the data set.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "configs/ssd.h"
#include "io/latency.h"
#include "tools/sim/data_set.h"

#define FIRST_SEED  1000000u
#define WEIGHT      250u
#define TASK_WEIGHT 100u
#define GUEST_COUNT 4u
#define MIDDLE_IOPS 500u
#define DEFAULT_SI  MS(8)
#define DEFAULT_TS  MS(124)

static struct condition condition_of(uint64_t slice_idle_ns, uint64_t timeout_ns)
{
	struct condition c = { .load = { .guest_count = GUEST_COUNT,
					 .request_bytes = SSD_REQUEST_BYTES,
					 .slice_idle_ns = slice_idle_ns,
					 .timeout_ns = timeout_ns,
					 .max_budget_bytes = SSD_MAX_BUDGET_BYTES,
					 .bytes_per_s = SSD_BYTES_PER_S } };

	for (uint32_t g = 0; g < GUEST_COUNT; g++)
		c.load.guests[g] = (struct disk_load_guest){
			.weight = WEIGHT,
			.task_count = 1,
			.tasks = { { .iops = MIDDLE_IOPS, .weight = TASK_WEIGHT } },
		};
	return c;
}

static void print_task(const char *head, const struct condition *c, uint32_t guest, uint32_t task,
		       uint64_t tail_ns)
{
	struct latency_sums sums;

	latency_sum(&c->load, &sums);
	printf("%s,%u,%u,%" PRIu64, head, guest, task, tail_ns);
	for (uint32_t m = 0; m < LATENCY_MODEL_COUNT; m++)
		printf(",%" PRIu64 ",%" PRIu64,
		       latency_estimate_ns((enum latency_model)m, &c->load, &sums, guest, task),
		       latency_predict_ns((enum latency_model)m, &c->load, &sums, guest, task));
	printf("\n");
}

/* Of the first `guests` guests: those that the panel is about. */
static void run(const char *panel, const char *what, const struct condition *c, uint32_t guests,
		uint32_t seeds)
{
	static struct condition_result result;

	for (uint32_t s = 0; s < seeds; s++) {
		char head[64];

		if (!data_set_simulate(c, FIRST_SEED, s, &result)) {
			perror("fit_figure");
			exit(1);
		}
		snprintf(head, sizeof(head), "%s,%s,%u", panel, what, s);
		for (uint32_t g = 0; g < guests; g++) {
			for (uint32_t t = 0; t < c->load.guests[g].task_count; t++)
				print_task(head, c, g, t, result.tasks[g][t].p9999_ns);
		}
	}
}

static void panel_a(uint32_t seeds)
{
	static const uint32_t slice_idle_ms[] = { 1, 2, 4, 6, 8 }, timeout_ms[] = { 32, 64, 124 };

	for (uint32_t t = 0; t < ARRAY_SIZE(timeout_ms); t++) {
		for (uint32_t s = 0; s < ARRAY_SIZE(slice_idle_ms); s++) {
			const struct condition c =
				condition_of(MS(slice_idle_ms[s]), MS(timeout_ms[t]));
			char what[32];

			snprintf(what, sizeof(what), "%u/%u", slice_idle_ms[s], timeout_ms[t]);
			run("a", what, &c, 1, seeds);
		}
	}
}

static void panel_b(uint32_t seeds)
{
	static const uint32_t weights[] = { 50, 100, 150, 250, 300, 500, 700 };

	for (uint32_t i = 0; i < ARRAY_SIZE(weights); i++) {
		struct condition c = condition_of(DEFAULT_SI, DEFAULT_TS);
		char what[32];

		c.load.guests[0].weight = weights[i];
		snprintf(what, sizeof(what), "%u", weights[i]);
		run("b", what, &c, 1, seeds);
	}
}

static void panel_c(uint32_t seeds)
{
	struct condition c = condition_of(DEFAULT_SI, DEFAULT_TS);

	for (uint32_t g = 0; g < GUEST_COUNT; g++)
		c.load.guests[g] = (struct disk_load_guest){
			.weight = WEIGHT,
			.task_count = 3,
			.tasks = { { .iops = 100, .weight = TASK_WEIGHT },
				   { .iops = 500, .weight = TASK_WEIGHT },
				   { .iops = 1500, .weight = TASK_WEIGHT } },
		};
	run("c", "L+M+H", &c, 1, seeds);
}

int main(int argc, char **argv)
{
	uint32_t seeds = argc == 2 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;

	if (seeds == 0) {
		fprintf(stderr, "usage: fit_figure SEEDS\n");
		return 2;
	}
	printf("panel,what,seed,guest,task,tail_ns,analytic_ns,analytic_margin_ns,mlp_ns,"
	       "mlp_margin_ns\n");
	panel_a(seeds);
	panel_b(seeds);
	panel_c(seeds);
	return fflush(stdout) || ferror(stdout);
}
