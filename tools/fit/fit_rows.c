/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/fit/fit_rows.c - the data set for the training of the networks: fit_rows DATA-SET > ROWS
 *
 * A line for each task of each condition: set, condition, guest, task, the tail in ns, and what the
 * networks read, from the function that the image calls: training and inference see the same bits.
 */
#include <inttypes.h>
#include <stdio.h>
#include "tools/fit/data_rows.h"

static void print_row(void *context, const struct data_row *row, const struct disk_load *load,
		      const struct latency_sums *sums)
{
	int32_t features[LATENCY_FEATURE_COUNT];

	latency_features(load, sums, row->guest, row->task, features);
	printf("%d,%u,%u,%u,%" PRIu64, row->set, row->condition, row->guest, row->task,
	       row->tail_ns);
	for (uint32_t i = 0; i < LATENCY_FEATURE_COUNT; i++)
		printf(",%d", features[i]);
	printf("\n");
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: fit_rows DATA-SET\n");
		return 2;
	}
	printf("set,condition,guest,task,tail_ns");
	for (uint32_t i = 0; i < LATENCY_FEATURE_COUNT; i++)
		printf(",%s", latency_feature_names[i]);
	printf("\n");
	data_rows_read(argv[1], print_row, NULL);
	return fflush(stdout) || ferror(stdout);
}
