/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/sim/data_set.h - the data set of the latency models: tools/sim/condition.h has its format.
 *
 * Model    Line `index` is decided by seed and index alone, and takes 100 s of virtual time. The file
 *	    is made as tools/sim/lines.h says: by several processes, and goes on where it was stopped.
 * Errors   As there.
 */
#pragma once
#include "tools/sim/condition.h"

#define DATA_SET_SECONDS 100u
#define DATA_SET_SEED    1u

struct data_set {
	const char *path;
	uint64_t seed;
	uint32_t first, count,
		stride; /* of the data set `count` lines, each stride-th from `first` on */
	uint32_t jobs;
	bool is_quiet;
};

/* The result of a condition, simulated. False: no memory. */
bool data_set_simulate(const struct condition *c, uint64_t seed, uint32_t index,
		       struct condition_result *result);
/* A line with its end; returns its length, 0: no memory. */
size_t data_set_line(char *line, size_t bytes, uint64_t seed, uint32_t index);
MUST_CHECK int data_set_make(const struct data_set *d);
