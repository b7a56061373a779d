/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched/wakeq.h - who is to be woken next: a heap of absolute times, one per owner.
 *
 * Units    *_tsc: absolute TSC ticks. Owners are numbers below WAKEQ_MAX.
 * Cost     O(log n) for each operation, O(1) for wakeq_next_tsc().
 * Sharing  One per core; only that core touches it.
 */
#pragma once
#include "core/lib/base.h"

#define WAKEQ_MAX  MAX_VCPUS
#define WAKEQ_NONE UINT32_MAX

struct wakeq {
	uint32_t count;
	uint32_t heap[WAKEQ_MAX];    /* owners, earliest first */
	uint32_t slot_of[WAKEQ_MAX]; /* WAKEQ_NONE: not queued */
	uint64_t at_tsc[WAKEQ_MAX];
};

void wakeq_init(struct wakeq *q);
/* Queues the owner, or moves it. TSC_NEVER takes it out. */
void wakeq_set(struct wakeq *q, uint32_t owner, uint64_t at_tsc);
/* TSC_NEVER: nobody. Asked in every pass of a core. */
static inline uint64_t wakeq_next_tsc(const struct wakeq *q)
{
	return q->count ? q->at_tsc[q->heap[0]] : TSC_NEVER;
}
/* Takes out the earliest owner that is due; ties by number. WAKEQ_NONE: nobody is. */
uint32_t wakeq_take_due(struct wakeq *q, uint64_t now_tsc);
