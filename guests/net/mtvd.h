/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/net/mtvd.h - a driver that hands received frames to several threads without copying them. Pure.
 *
 * Model    A dispatcher takes the buffer of a received frame out of the device's ring, puts a free one in its
 *	    place, and hands the full one to a lane: one thread, on a CPU of its own. The lane hands
 *	    it back when it is done. Each way is a ring with one producer and one consumer, so that
 *	    nobody waits for anybody; there are more buffers than the device has descriptors.
 *	    MTVD_ROUND_ROBIN  frame i goes to lane i mod N.
 *	    MTVD_BY_FLOW      a flow goes to one lane, which handles its frames in their order.
 *	    A lane that was full gets nothing until half of it is done, and then all that it holds: frames wait in the device's ring
 *	    then, and whoever has nothing to do meanwhile is woken for many, not for each.
 *	    A thread without work sleeps, and says so first; the dispatcher wakes those that sleep and have
 *	    got something, once for all that it has handed over in a turn.
 * Source   "When I/O Interrupt Becomes System Bottleneck" (papers, 003), section 4.4: dispatcher, thread
 *	    pool, i mod N. Lanes, buffers and flows are ours.
 * Units    Buffers are numbers; bytes up to 65,535.
 * Errors   None: what a lane has no room for stays with the caller, and all that comes after it.
 * Sharing  The dispatcher: one caller at a time. A lane: its thread. [A] fields: both, atomically.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define MTVD_LANE_MAX   8u
#define MTVD_RING       128u /* frames of a lane; a power of two */
#define MTVD_BUFFER_MAX (MTVD_LANE_MAX * MTVD_RING)

enum mtvd_order { MTVD_ROUND_ROBIN, MTVD_BY_FLOW };

/* A frame in a buffer. */
struct mtvd_frame {
	uint32_t buffer, bytes;
	uint32_t flow;    /* does not matter in MTVD_ROUND_ROBIN */
	uint32_t instead; /* by mtvd_dispatch(): the device's buffer in exchange */
};

struct mtvd_ring {
	uint32_t slots[MTVD_RING];
	uint32_t put __attribute__((aligned(64)));   /* [A] written by the producer */
	uint32_t taken __attribute__((aligned(64))); /* [A] by the consumer */
};

struct mtvd_lane {
	struct mtvd_ring work, done;
	uint32_t sleeps __attribute__((aligned(64))); /* [A] its thread sleeps, or is about to */
	/* The dispatcher's. */
	uint32_t under_way __attribute__((aligned(64))); /* handed over, and not back */
	bool was_full, has_new;
};

struct mtvd {
	struct mtvd_lane lanes[MTVD_LANE_MAX];
	uint32_t lane_count;
	enum mtvd_order order;
	uint64_t dispatched, wakes; /* counts */
	uint32_t free_count;
	uint32_t free[MTVD_BUFFER_MAX];
};

/* So many buffers are there for lanes, beside those that the device has. */
static inline uint32_t mtvd_buffers(uint32_t lane_count)
{
	return lane_count * MTVD_RING;
}

/* Free buffers are numbered from `first_buffer`. 0 < lane_count <= MTVD_LANE_MAX. */
void mtvd_init(struct mtvd *m, uint32_t lane_count, enum mtvd_order order, uint32_t first_buffer);

/* --- the dispatcher --- */
/* Who gets the next frame. */
uint32_t mtvd_choose(const struct mtvd *m, uint32_t flow);
/* About how many frames find room, if they go to all lanes alike; 0: it is not worth a look. */
uint32_t mtvd_room(struct mtvd *m);
/* How many of the frames, from the first one on, have been handed over. */
uint32_t mtvd_dispatch(struct mtvd *m, struct mtvd_frame *frames, uint32_t count);
/* At the end of a turn: lanes whose threads are to be woken, a bit each. */
uint32_t mtvd_wanted(struct mtvd *m);
/* Handed over, and not back as far as the dispatcher has seen. */
uint32_t mtvd_under_way(struct mtvd *m);

/* --- a lane's thread --- */
/* How many it takes out, in order; at most `max`. */
uint32_t mtvd_next(struct mtvd_lane *l, struct mtvd_frame *frames, uint32_t max);
void mtvd_done(struct mtvd_lane *l, const struct mtvd_frame *frames, uint32_t count);
bool mtvd_is_idle(const struct mtvd_lane *l);
/* True: nothing came, and whatever comes now is followed by a wake-up. Then mtvd_woke(). */
bool mtvd_may_sleep(struct mtvd_lane *l);
void mtvd_woke(struct mtvd_lane *l);
