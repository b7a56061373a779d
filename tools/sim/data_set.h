/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/sim/data_set.h - the data set of the latency models: tools/sim/condition.h has its format.
 *
 * Model    Line `index` is decided by seed and index alone, and takes 100 s of virtual time. Several
 *	    processes make lines, one writes them to the file in their order. What a file has, stays:
 *	    killed, and started again, it goes on behind the last whole line. So the file is the
 *	    same whatever the number of processes, and however often it was stopped.
 * Errors   0, or 1 after a line on stderr: a file that is no beginning of this data set; no space; a
 *	    process that has ended.
 */
#pragma once
#include <stdio.h>
#include "tools/sim/condition.h"

#define DATA_SET_SECONDS 100u
#define DATA_SET_SEED    1u

struct data_set {
	const char *path;
	uint64_t seed;
	uint32_t first, count; /* lines: of the data set, from `first` on */
	uint32_t jobs;
	bool is_quiet;
};

/* The result of a condition, simulated. False: no memory. */
bool data_set_simulate(const struct condition *c, uint64_t seed, uint32_t index,
		       struct condition_result *result);
/* A line with its end; returns its length, 0: no memory. */
size_t data_set_line(char *line, size_t bytes, uint64_t seed, uint32_t index);
MUST_CHECK int data_set_make(const struct data_set *d);
