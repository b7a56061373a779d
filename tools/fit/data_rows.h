/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/fit/data_rows.h - the data set as the fit wants it: a row for each task of each condition.
 *
 * Model    A file of tools/sim/condition.h, also one that is still growing: a last line without
 *	    its end is left out.
 * Units    ns.
 * Errors   A line that is none ends the program, with its number.
 * Sharing  The owner's.
 */
#pragma once
#include "io/latency_table.h"
#include "tools/sim/condition.h"

struct data_row {
	enum condition_set set;
	uint32_t condition, guest, task;
	uint64_t tail_ns; /* p99.99 */
};
/* Called for each row, with the condition that it is of. */
typedef void data_row_fn(void *context, const struct data_row *row, const struct disk_load *load,
			 const struct latency_sums *sums);

/* Returns how many conditions there were. */
uint32_t data_rows_read(const char *path, data_row_fn *fn, void *context);

/* *d begins as { 0 }: grows until the load is within. All loads have the same request, budget, rate. */
void data_domain_extend(struct latency_domain *d, const struct disk_load *load);
