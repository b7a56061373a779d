/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/tasks/taskset.h - "name:work:period,name:work:period:offset:jitter,..." as data. Pure.
 *
 * Model    Times in milliseconds with up to three decimals; what is left out is 0. The result is in
 *	    rate-monotonic order: shorter periods first, equal ones as given.
 * Errors   A reason in words, or NULL: parsed.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "guests/rt/rm.h"

#define TASKSET_NAME_BYTES 16

struct taskset_entry {
	char name[TASKSET_NAME_BYTES];
	uint64_t work_us;
	uint64_t period_us;
	uint64_t offset_us, jitter_us;
};

struct taskset {
	struct taskset_entry entry[RM_TASK_MAX];
	uint32_t count;
};

/* "30", "0.5", "1.25" ms, in us; `*text` is left behind it. */
bool taskset_parse_ms(const char **text, uint64_t *us);

const char *taskset_parse(const char *text, struct taskset *out);

/*
 * The first time from `earliest_us` on that keeps the phase of `epoch_us` against every other
 * set in the system with the same epoch: later by whole hyperperiods of this set. Sets that
 * repeat less than once in TASKSET_HYPERPERIOD_MAX_US have no phase worth waiting for: then
 * `earliest_us`.
 */
#define TASKSET_HYPERPERIOD_MAX_US UINT64_C(10000000)
uint64_t taskset_epoch_us(const struct taskset *s, uint64_t epoch_us, uint64_t earliest_us);
