/* SPDX-License-Identifier: Apache-2.0 */
/* guests/blk/ring_priv.h - what ring.c and ring_packed.c share. */
#pragma once
#include "guests/blk/ring.h"

static inline void ring_full_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void ring_compiler_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_ACQ_REL);
}

/* Did the index, on its way from `before` to `now`, pass the one that the event is wanted for? */
static inline bool ring_event_passed(uint16_t event, uint16_t now, uint16_t before)
{
	return (uint16_t)(now - event - 1) < (uint16_t)(now - before);
}

/* Of the ring: the whole chain's table, or one piece of it. */
struct ring_desc ring_describe(const struct ring_chain *c, uint32_t piece, bool is_packed);
struct ring_desc ring_indirect(const struct ring_chain *c, bool is_packed);

void ring_packed_add(struct ring *r, const struct ring_chain *c, uint16_t count);
bool ring_packed_publish(struct ring *r);
bool ring_packed_has_next(const struct ring *r);
void *ring_packed_next(struct ring *r, uint32_t *written_bytes);
void ring_packed_want_interrupt(struct ring *r, uint16_t ahead);
void ring_packed_refuse_interrupts(struct ring *r);
