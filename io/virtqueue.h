/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/virtqueue.h - the device's side of a virtqueue, split or packed.
 *
 * Model    virtqueue_pop() takes the next chain that the driver made available, as pieces of memory:
 *	    the readable ones first, then the writable ones; those without a byte are left out.
 *	    virtqueue_push() says that a chain was used. The driver sees what was pushed at the next
 *	    virtqueue_publish(), all of it at once, which also says if it wants to be interrupted.
 *	    Kicks: while they are wanted, finding the ring empty asks the driver for one, and
 *	    looks once more after that: an ERR_BUSY means that the next chain will be announced.
 *	    Whoever stops before ERR_BUSY has to come back by himself.
 * Hostile  The driver may write anything at any time. Each word is loaded once and checked as it was
 *	    loaded; a chain takes at most VIRTQUEUE_SEGMENT_MAX descriptors and a table of them. All
 *	    that breaks the rules is ERR_INVAL: an index out of the ring or the table, a chain that is
 *	    too long (or a loop), memory that is no RAM, readable after writable, a table within a
 *	    table, with a chain behind it, empty or cut off, not negotiated; more made available
 *	    than the ring has; split: a head that is in use. The queue is of no use after that.
 *	    A packed ring's buffer IDs are the driver's own business: any will do.
 * Source   Virtual I/O Device (VIRTIO) Version 1.2, "Split Virtqueues", "Packed Virtqueues".
 * Errors   virtqueue_enable(): ERR_INVAL: the size, alignment, or not wholly in RAM.
 *	    virtqueue_pop(): ERR_BUSY: nothing there (or not enabled); ERR_INVAL: see above.
 * Sharing  The caller's lock; the driver on any core, as the specification says.
 */
#pragma once
#include "io/gmem.h"

#define VIRTQUEUE_SIZE_MAX    256u
#define VIRTQUEUE_SEGMENT_MAX 66u

struct virtqueue_config {
	uint16_t size; /* at most VIRTQUEUE_SIZE_MAX; split: a power of two */
	bool is_packed, has_event_idx, has_indirect;
	uint64_t desc, driver, device; /* guest-physical: the three areas */
};

struct virtqueue {
	const struct gmem *memory;
	uint8_t *descs, *driver, *device; /* NULL: not enabled */
	uint16_t size;
	bool is_packed, has_event_idx, has_indirect, wants_kicks;
	/* What comes next. Split: free-running; packed: a place in the ring, and its lap's parity. */
	uint16_t avail, used;
	bool avail_wrap, used_wrap;
	uint16_t unpublished; /* pushed and not published; packed: counted in descriptors */
	uint32_t armed;       /* what the driver was last told about kicks; ARMED_NOTHING */
	union {
		struct {
			uint16_t avail_end;                      /* as last seen */
			uint64_t taken[VIRTQUEUE_SIZE_MAX / 64]; /* heads in use */
		} split;
		struct {
			uint16_t taken; /* descriptors in use */
			uint16_t first; /* of those unpublished: its place, and its flags */
			uint16_t first_flags;
		} packed;
	};
};

struct virtqueue_segment {
	uint8_t *at;
	uint64_t bytes; /* not 0 */
};

struct virtqueue_chain {
	uint16_t id, desc_count; /* for virtqueue_push() */
	uint32_t readable_count, segment_count;
	uint64_t readable_bytes, writable_bytes;
	struct virtqueue_segment segments[VIRTQUEUE_SEGMENT_MAX];
};

MUST_CHECK enum err virtqueue_enable(struct virtqueue *q, const struct gmem *memory,
				     const struct virtqueue_config *config);
void virtqueue_disable(struct virtqueue *q);
static inline bool virtqueue_is_enabled(const struct virtqueue *q)
{
	return q->descs != NULL;
}

/* The chain is the caller's. */
MUST_CHECK enum err virtqueue_pop(struct virtqueue *q, struct virtqueue_chain *c);
/* `bytes` were written, from the begin of its writable memory on. Any order. */
void virtqueue_push(struct virtqueue *q, uint16_t id, uint16_t desc_count, uint32_t bytes);
/* True: the driver is to be interrupted. */
bool virtqueue_publish(struct virtqueue *q);

/* Wanted: from virtqueue_enable() on. True: there is something to pop already. */
bool virtqueue_want_kicks(struct virtqueue *q);
void virtqueue_refuse_kicks(struct virtqueue *q);
