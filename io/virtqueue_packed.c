/* SPDX-License-Identifier: Apache-2.0 */
/* Packed rings: the driver's descriptors and the device's answers lie in the same places. */
#include "io/virtqueue_parts.h"

#define DESC_F_AVAIL BIT32(7)
#define DESC_F_USED  BIT32(15)

/* "Event Suppression Structure Format": the descriptor's place 14:0, its lap's parity 15, flags. */
#define EVENT_OFFSET(e)        ((e)&0x7fffu)
#define EVENT_WRAP(e)          ((e) >> 15 & 1u)
#define EVENT_FLAGS(e)         ((e) >> 16 & 3u)
#define EVENT_ENABLE           0u
#define EVENT_DISABLE          1u
#define EVENT_DESC             2u
#define EVENT(at, wrap, flags) ((uint32_t)(at) | ((wrap) ? BIT32(15) : 0) | (uint32_t)(flags) << 16)

#define FLAGS_OFFSET           14u /* of a descriptor */
#define ID_SHIFT               32u /* of its upper half */
#define FLAGS_SHIFT            48u

/* ---- Kicks ---- */

static void tell(struct virtqueue *q)
{
	uint32_t told = EVENT(0, 0, EVENT_ENABLE);

	if (!q->wants_kicks)
		told = EVENT(0, 0, EVENT_DISABLE);
	else if (q->has_event_idx)
		told = EVENT(q->avail, q->avail_wrap, EVENT_DESC);
	if (told == q->armed)
		return;
	q->armed = told;
	gmem_give32(q->device, told);
	/* Stored before the next descriptor's flags are loaded (again); the driver the other way. */
	gmem_fence();
}

/* Its upper half: flags, buffer ID and length in one load, so that they belong together. */
static uint64_t rest_of(const uint8_t *at)
{
	const uint64_t rest = gmem_load64(at + 8);

	/* Flags before the address, and before descriptors and data behind it: an acquire. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return rest;
}

/* "To mark a descriptor as available": one bit is this lap's, the other is not. */
static bool is_available(const struct virtqueue *q, uint64_t rest)
{
	const uint32_t flags = (uint32_t)(rest >> FLAGS_SHIFT);

	return ((flags & DESC_F_AVAIL) != 0) == q->avail_wrap &&
	       ((flags & DESC_F_USED) != 0) != q->avail_wrap;
}

bool virtqueue_packed_arm(struct virtqueue *q)
{
	tell(q);
	return is_available(q, rest_of(q->descs + DESC_BYTES * (uint32_t)q->avail));
}

/* ---- Taking ---- */

static struct virtqueue_desc desc_of(const uint8_t *at, uint64_t rest)
{
	return (struct virtqueue_desc){ .gpa = gmem_load64(at),
					.bytes = (uint32_t)rest,
					.flags = (uint16_t)(rest >> FLAGS_SHIFT),
					.next = (uint16_t)(rest >> ID_SHIFT) };
}

/* "Indirect Flag: Scatter-Gather Support": as long as the table; no flag counts but WRITE. */
static bool walk_table(const struct virtqueue *q, struct virtqueue_desc of,
		       struct virtqueue_chain *c)
{
	struct virtqueue_sum sum = { 0 };
	const uint8_t *const table = virtqueue_table(q, of);
	const uint32_t count = of.bytes / DESC_BYTES;

	if (!table || count > VIRTQUEUE_SEGMENT_MAX)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *const at = table + DESC_BYTES * i;
		const struct virtqueue_desc d = desc_of(at, gmem_load64(at + 8));

		if (!virtqueue_grow(c, &sum, q->memory, d))
			return false;
	}
	virtqueue_finish(c, &sum);
	return true;
}

/*
 * "As long as each list only contains descriptors of a given type": a table stands alone. The driver
 * has at most as many descriptors available as the ring has: what was taken and not used counts.
 */
static bool walk(const struct virtqueue *q, uint64_t rest, struct virtqueue_chain *c)
{
	const uint32_t room = (uint32_t)q->size - q->packed.taken;
	struct virtqueue_sum sum = { 0 };
	uint32_t place = q->avail;

	for (uint32_t n = 1; n <= room && n <= VIRTQUEUE_SEGMENT_MAX; n++) {
		const uint8_t *const at = q->descs + DESC_BYTES * place;
		const struct virtqueue_desc d = desc_of(at, n == 1 ? rest : gmem_load64(at + 8));

		c->id = d.next;
		c->desc_count = (uint16_t)n;
		if (d.flags & DESC_F_INDIRECT)
			return n == 1 && walk_table(q, d, c);
		if (!virtqueue_grow(c, &sum, q->memory, d))
			return false;
		if (!(d.flags & DESC_F_NEXT)) {
			virtqueue_finish(c, &sum);
			return true;
		}
		place = place + 1 == q->size ? 0 : place + 1;
	}
	return false;
}

/* `count` places on, at most a lap. */
static void advance(const struct virtqueue *q, uint16_t *place, bool *wrap, uint32_t count)
{
	const uint32_t next = *place + count;

	*wrap ^= next >= q->size;
	*place = (uint16_t)(next >= q->size ? next - q->size : next);
}

enum err virtqueue_packed_pop(struct virtqueue *q, struct virtqueue_chain *c)
{
	const uint8_t *const at = q->descs + DESC_BYTES * (uint32_t)q->avail;
	uint64_t rest = rest_of(at);

	if (!is_available(q, rest)) {
		tell(q);
		rest = rest_of(at);
		if (!is_available(q, rest))
			return ERR_BUSY;
	}
	if (!walk(q, rest, c))
		return ERR_INVAL;
	advance(q, &q->avail, &q->avail_wrap, c->desc_count);
	q->packed.taken = (uint16_t)(q->packed.taken + c->desc_count);
	return OK;
}

/* ---- Giving back ---- */

/*
 * The driver polls the place of the first that it has not seen: as long as that one's flags are not
 * stored it sees none of those behind.
 */
void virtqueue_packed_push(struct virtqueue *q, uint16_t id, uint16_t desc_count, uint32_t bytes)
{
	const uint32_t flags =
		(q->used_wrap ? DESC_F_AVAIL | DESC_F_USED : 0) | (bytes != 0 ? DESC_F_WRITE : 0);
	uint8_t *const at = q->descs + DESC_BYTES * (uint32_t)q->used;

	gmem_store32(at + 8, bytes);
	gmem_store16(at + 12, id);
	if (q->unpublished == 0) {
		q->packed.first = q->used;
		q->packed.first_flags = (uint16_t)flags;
	} else {
		gmem_give16(at + FLAGS_OFFSET, (uint16_t)flags);
	}
	advance(q, &q->used, &q->used_wrap, desc_count);
	q->unpublished = (uint16_t)(q->unpublished + desc_count);
	q->packed.taken = (uint16_t)(q->packed.taken - desc_count);
}

/*
 * Is the place that the driver waits for among the `count` before q->used? In this lap it is behind
 * us if it is below; in the one before, if it is not below.
 */
static bool is_passed(const struct virtqueue *q, uint32_t event, uint32_t count)
{
	const uint32_t lap = EVENT_WRAP(event) == q->used_wrap ? 0 : q->size;
	const uint32_t behind = q->used + lap - EVENT_OFFSET(event); /* ahead of us: huge */

	return behind != 0 && behind <= count;
}

bool virtqueue_packed_publish(struct virtqueue *q)
{
	const uint32_t count = q->unpublished;
	uint32_t event;

	q->unpublished = 0;
	/* Release: all that was pushed, and its data, before the flags that show it. */
	gmem_give16(q->descs + DESC_BYTES * (uint32_t)q->packed.first + FLAGS_OFFSET,
		    q->packed.first_flags);
	/* Flags are stored before the driver's wish is loaded; the driver the other way. */
	gmem_fence();
	event = gmem_load32(q->driver);
	if (EVENT_FLAGS(event) == EVENT_DESC && q->has_event_idx)
		return is_passed(q, event, count);
	return EVENT_FLAGS(event) != EVENT_DISABLE;
}
