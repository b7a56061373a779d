/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/virtqueue_parts.h - what io/virtqueue.c and io/virtqueue_packed.c have in common.
 *
 * Model    Descriptors as the driver wrote them, copied in two loads; a chain that grows by one.
 * Source   Virtual I/O Device (VIRTIO) Version 1.2, "The Virtqueue Descriptor Table", "The Virtqueue
 *	    Descriptor Format".
 * Units    Bytes.
 * Errors   False: the chain breaks the rules.
 * Sharing  As io/virtqueue.h; private to it.
 */
#pragma once
#include "io/virtqueue.h"

#define DESC_BYTES      16u
#define DESC_F_NEXT     1u
#define DESC_F_WRITE    2u
#define DESC_F_INDIRECT 4u

#define ARMED_NOTHING   UINT32_MAX

/* A chain's descriptors, and one for the table that most of them may lie in. */
#define STEP_MAX (VIRTQUEUE_SEGMENT_MAX + 1)

struct virtqueue_desc {
	uint64_t gpa;
	uint32_t bytes;
	uint16_t flags;
	uint16_t next; /* packed: the buffer ID */
};

/* What has been counted of a chain: kept in registers while it is walked. */
struct virtqueue_sum {
	uint32_t segments, readable;
	uint64_t readable_bytes, writable_bytes;
};

static inline __attribute__((always_inline)) bool virtqueue_grow(struct virtqueue_chain *c,
								 struct virtqueue_sum *sum,
								 const struct gmem *memory,
								 struct virtqueue_desc d)
{
	struct virtqueue_segment *const s = &c->segments[sum->segments];

	if (d.bytes == 0)
		return true;
	if (sum->segments == VIRTQUEUE_SEGMENT_MAX)
		return false;
	s->at = gmem_at(memory, d.gpa, d.bytes);
	s->bytes = d.bytes;
	if (!s->at)
		return false;
	sum->segments++;
	if (d.flags & DESC_F_WRITE) {
		sum->writable_bytes += d.bytes;
		return true;
	}
	sum->readable++;
	sum->readable_bytes += d.bytes;
	return sum->writable_bytes == 0;
}

static inline void virtqueue_finish(struct virtqueue_chain *c, const struct virtqueue_sum *sum)
{
	c->segment_count = sum->segments;
	c->readable_count = sum->readable;
	c->readable_bytes = sum->readable_bytes;
	c->writable_bytes = sum->writable_bytes;
}

/* A table of descriptors, or NULL. */
static inline const uint8_t *virtqueue_table(const struct virtqueue *q, struct virtqueue_desc d)
{
	if (!q->has_indirect || (d.flags & DESC_F_NEXT) || d.bytes == 0 ||
	    d.bytes % DESC_BYTES != 0)
		return NULL;
	return gmem_at(q->memory, d.gpa, d.bytes);
}

enum err virtqueue_packed_pop(struct virtqueue *q, struct virtqueue_chain *c);
void virtqueue_packed_push(struct virtqueue *q, uint16_t id, uint16_t desc_count, uint32_t bytes);
bool virtqueue_packed_publish(struct virtqueue *q);
/* Tells the driver, if it does not know: kicks as q->wants_kicks says. True: there is more. */
bool virtqueue_packed_arm(struct virtqueue *q);
