/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/iosched_state.h - a scheduler's memory, for whoever provides it: one struct for each disk.
 *
 * Sharing  The caller's lock. Nobody but io/ looks inside, except at `trail`.
 */
#pragma once
#include "io/bfq.h"
#include "io/iosched_simple.h"

struct iosched {
	struct iosched_config config; /* a copy; its clients are the caller's */
	uint32_t queued, in_flight;
	uint64_t last_tsc; /* the latest time that anybody told */
	struct iosched_trail trail;
	union {
		struct bfq bfq;
		struct iosched_simple simple;
	};
};

/* Requests that were added and not taken out. */
static inline uint32_t iosched_queued(const struct iosched *s)
{
	return s->queued;
}
