/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/blk/modes.h - what this guest can be told to do, and what its modes share.
 * guests/blk/main.c lists the arguments. Each mode returns the partition's status; 0: well.
 */
#pragma once
#include "guests/blk/device.h"

int mode_load(struct device *d, const char *args);    /* guests/blk/load.c */
int mode_verify(struct device *d, const char *args);  /* guests/blk/verify.c */
int mode_fsync(struct device *d, const char *args);   /* guests/blk/fsync.c */
int mode_probe(struct device *d, const char *args);   /* guests/blk/probe.c */
int mode_hostile(struct device *d, const char *args); /* guests/blk/hostile.c */
int mode_tasks(struct device *d, const char *args);   /* guests/blk/tasks.c */
int mode_abandon(struct device *d, const char *args); /* guests/blk/abandon.c */

#define STUCK_MS 20000u /* without a request that comes back */

/* Zeroed, its table for indirect descriptors included; NULL: no memory. */
struct request *modes_new_request(void);
/* Data of a request: `bytes` from `at` on in pieces of `piece_bytes`. False: too many pieces. */
bool modes_set_data(struct request *r, void *at, uint32_t bytes, uint32_t piece_bytes);
int modes_stuck(const struct device *d);
/* Of mode=tasks, each of which wants a virtqueue; 0: the arguments name none. */
uint32_t modes_task_count(const char *args);

/* Marsaglia's xorshift: never 0 if it was not. */
static inline uint64_t modes_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}
