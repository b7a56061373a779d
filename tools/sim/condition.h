/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/sim/condition.h - a line of the data set: a disk_load under BFQ, and what its tasks saw.
 *
 * Format   build/models/data-set.csv has two lines of header ("# disk data set, format 1: ...", and
 *	    names of columns), then a line for each condition, six columns between commas:
 *
 *	      set,number,slice_idle_us,timeout_us,load,result
 *	      fit,12,4000,64000,100:1500*100+500*100;300:100*100,N/P50/P99/P9999/MAX+..;..
 *
 *	    set       fit, held-out or out-of-grid; `number` counts from 0 within it
 *	    load      guests between ';', each WEIGHT:TASKS; tasks between '+', each IOPS*WEIGHT
 *	    result    of the same shape: requests and latencies in ns of each task, between '/'
 *
 *	    All else is the same for all: requests of 4 KiB, half of them writes, the disk of
 *	    configs/ssd.h, strict BFQ with feedback.
 * Sets     A line in twenty is of held-out, one of out-of-grid, and 18 are of fit: any beginning of the
 *	    file is a data set. Of 9 conditions of fit and of held-out, 7 are of Table II of paper
 *	    000, equal weights within a guest, and 2 of more: SI of 0 (3 of 8), TS of 8 and 16 ms
 *	    (2 of 5), different weights of a guest's tasks (half of them). Out-of-grid has IOPS of 50 to 3000, and guests' and tasks'
 *	    weights of 10 to 1000 that Table II has not; SI and TS of both.
 *	    Guests are drawn 1:2:3:4, for the many have more to vary. In every other condition all
 *	    guests have the same tasks (as in the paper's benchmark), and in every fourth, weight.
 * Sharing  Pure.
 */
#pragma once
#include "io/disk_load.h"

#define CONDITION_COUNT      40000u
#define CONDITION_LINE_BYTES 8192u /* and its end; up to 4 guests of 3 tasks need less than 1,000 */
#define CONDITION_COLUMNS    "set,number,slice_idle_us,timeout_us,load,result"

enum condition_set {
	CONDITION_FIT,
	CONDITION_HELD_OUT,
	CONDITION_OUT_OF_GRID,
	CONDITION_SET_COUNT
};

struct condition {
	enum condition_set set;
	uint32_t number;
	struct disk_load load; /* without targets */
};

struct condition_result {
	struct condition_task {
		uint64_t requests, p50_ns, p99_ns, p9999_ns, max_ns;
	} tasks[IOSCHED_CLIENT_MAX][IOSCHED_QUEUE_MAX];
};

const char *condition_set_name(enum condition_set set);
/* The line `index` of the data set of this seed: nothing but these two decides it. */
void condition_draw(struct condition *c, uint64_t seed, uint32_t index);
/*
 * Of one line, with or without its end. `result` may be NULL: the line need not have one. Not NULL is
 * returned if it is no such line: why.
 */
const char *condition_parse(struct condition *c, struct condition_result *result, const char *line);
/* .. and only the fifth column: what a person writes. */
const char *condition_parse_load(struct disk_load *load, const char *text);
/* With its end; returns its length, 0 if `bytes` are not enough. `result` may be NULL: none. */
size_t condition_print(char *line, size_t bytes, const struct condition *c,
		       const struct condition_result *result);
