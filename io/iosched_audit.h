/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/iosched_audit.h - the trail of decisions that checkers recompute: what io/iosched*.c and
 * io/bfq.c share. A ring of the caller's; the oldest records go first.
 *
 * Sharing  The caller's lock.
 */
#pragma once
#include "io/iosched.h"

struct iosched_trail {
	struct iosched_audit *records; /* or NULL: nothing is kept */
	uint32_t mask;
	uint64_t count; /* ever made: the next one goes to records[count & mask] */
};

static inline void trail_add(struct iosched_trail *t, struct iosched_audit record)
{
	if (__builtin_expect(t->records != NULL, 0))
		t->records[t->count++ & t->mask] = record;
}
