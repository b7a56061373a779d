/* SPDX-License-Identifier: Apache-2.0 */
/* Split rings; packed ones are in io/virtqueue_packed.c. */
#include <string.h>
#include "io/virtqueue_parts.h"

/* "The Virtqueue Available Ring": the driver's area. */
#define AVAIL_FLAGS          0u
#define AVAIL_F_NO_INTERRUPT 1u
#define AVAIL_INDEX          2u
#define AVAIL_RING(i)        (4u + 2u * (i))
#define AVAIL_USED_EVENT(n)  AVAIL_RING(n)
#define AVAIL_BYTES(n)       (6u + 2u * (n))

/* "The Virtqueue Used Ring": the device's area. */
#define USED_FLAGS          0u
#define USED_F_NO_NOTIFY    1u
#define USED_INDEX          2u
#define USED_RING(i)        (4u + 8u * (i))
#define USED_AVAIL_EVENT(n) USED_RING(n)
#define USED_BYTES(n)       (6u + 8u * (n))

#define PACKED_EVENT_BYTES  4u /* "Structure Size and Alignment" */

/* As far behind as can be: no driver passes it while it is moved on every half lap of 2^16. */
#define EVENT_NEVER 0x8000u

static bool is_power_of_two(uint32_t x)
{
	return x != 0 && (x & (x - 1)) == 0;
}

/* NULL: not aligned, or not wholly in RAM. */
static uint8_t *area(const struct gmem *memory, uint64_t gpa, uint32_t alignment, uint32_t bytes)
{
	return (gpa & (alignment - 1)) == 0 ? gmem_at(memory, gpa, bytes) : NULL;
}

enum err virtqueue_enable(struct virtqueue *q, const struct gmem *memory,
			  const struct virtqueue_config *config)
{
	const uint32_t n = config->size;
	const bool is_packed = config->is_packed;
	uint8_t *const descs = area(memory, config->desc, 16, DESC_BYTES * n);
	uint8_t *const driver = area(memory, config->driver, is_packed ? 4 : 2,
				     is_packed ? PACKED_EVENT_BYTES : AVAIL_BYTES(n));
	uint8_t *const device =
		area(memory, config->device, 4, is_packed ? PACKED_EVENT_BYTES : USED_BYTES(n));

	*q = (struct virtqueue){ 0 };
	if (n == 0 || n > VIRTQUEUE_SIZE_MAX || (!is_packed && !is_power_of_two(n)) || !descs ||
	    !driver || !device)
		return ERR_INVAL;
	q->memory = memory;
	q->descs = descs;
	q->driver = driver;
	q->device = device;
	q->size = config->size;
	q->is_packed = is_packed;
	q->has_event_idx = config->has_event_idx;
	q->has_indirect = config->has_indirect;
	q->wants_kicks = true;
	q->avail_wrap = q->used_wrap = true;
	q->armed = ARMED_NOTHING;
	return OK;
}

void virtqueue_disable(struct virtqueue *q)
{
	*q = (struct virtqueue){ 0 };
}

/* ---- Kicks ---- */

static void split_tell(struct virtqueue *q)
{
	const uint16_t event = q->wants_kicks ? q->avail : (uint16_t)(q->avail - EVENT_NEVER);
	const uint32_t told = q->has_event_idx ? event : q->wants_kicks ? 0 : USED_F_NO_NOTIFY;

	if (told == q->armed)
		return;
	q->armed = told;
	gmem_store16(q->device + (q->has_event_idx ? USED_AVAIL_EVENT(q->size) : USED_FLAGS),
		     (uint16_t)told);
	/*
	 * What was told is stored before the driver's index is loaded (again): the driver stores
	 * its index, then loads what we told. One of the two sees the other.
	 */
	gmem_fence();
}

/* Tells the driver, if it does not know. What it has made available, or `avail`: nothing. */
static uint16_t split_arm(struct virtqueue *q)
{
	split_tell(q);
	return gmem_take16(q->driver + AVAIL_INDEX);
}

bool virtqueue_want_kicks(struct virtqueue *q)
{
	if (!virtqueue_is_enabled(q))
		return false;
	q->wants_kicks = true;
	return q->is_packed ? virtqueue_packed_arm(q) : split_arm(q) != q->avail;
}

void virtqueue_refuse_kicks(struct virtqueue *q)
{
	if (!virtqueue_is_enabled(q))
		return;
	q->wants_kicks = false;
	if (q->is_packed)
		virtqueue_packed_arm(q);
	else
		split_tell(q);
}

/* ---- Taking ---- */

/* How far the driver is. OK: there is something. */
static enum err split_look(struct virtqueue *q)
{
	/* Acquire: entries and descriptors are loaded after the index that covers them. */
	uint16_t end = gmem_take16(q->driver + AVAIL_INDEX);

	if (end == q->avail)
		end = split_arm(q);
	else if (!q->wants_kicks)
		split_tell(q);
	if (end == q->avail)
		return ERR_BUSY;
	if ((uint16_t)(end - q->avail) > q->size)
		return ERR_INVAL;
	q->split.avail_end = end;
	return OK;
}

static struct virtqueue_desc split_desc(const uint8_t *at)
{
	const uint64_t rest = gmem_load64(at + 8);

	return (struct virtqueue_desc){ .gpa = gmem_load64(at),
					.bytes = (uint32_t)rest,
					.flags = (uint16_t)(rest >> 32),
					.next = (uint16_t)(rest >> 48) };
}

/*
 * "Indirect Descriptors": "zero or more normal chained descriptors followed by a single descriptor
 * with flags & VIRTQ_DESC_F_INDIRECT", whose write-only flag is ignored. Loops end with the steps.
 */
static bool split_walk(const struct virtqueue *q, uint32_t i, struct virtqueue_chain *c)
{
	struct virtqueue_sum sum = { 0 };
	const uint8_t *table = q->descs;
	uint32_t count = q->size;

	for (uint32_t step = 0; step < STEP_MAX && i < count; step++) {
		const struct virtqueue_desc d = split_desc(table + DESC_BYTES * i);

		if (d.flags & DESC_F_INDIRECT) {
			if (table != q->descs || !(table = virtqueue_table(q, d)))
				return false;
			count = d.bytes / DESC_BYTES;
			i = 0;
			continue;
		}
		if (!virtqueue_grow(c, &sum, q->memory, d))
			return false;
		if (!(d.flags & DESC_F_NEXT)) {
			virtqueue_finish(c, &sum);
			return true;
		}
		i = d.next;
	}
	return false;
}

static enum err split_pop(struct virtqueue *q, struct virtqueue_chain *c)
{
	uint64_t *taken;
	uint16_t head;

	if (q->avail == q->split.avail_end) {
		const enum err e = split_look(q);

		if (e != OK)
			return e;
	}
	head = gmem_load16(q->driver + AVAIL_RING(q->avail & (q->size - 1u)));
	if (head >= q->size)
		return ERR_INVAL;
	taken = &q->split.taken[head / 64];
	if ((*taken & BIT64(head % 64)) || !split_walk(q, head, c))
		return ERR_INVAL;
	*taken |= BIT64(head % 64);
	q->avail++;
	c->id = head;
	c->desc_count = 1;
	return OK;
}

enum err virtqueue_pop(struct virtqueue *q, struct virtqueue_chain *c)
{
	if (!virtqueue_is_enabled(q))
		return ERR_BUSY;
	return q->is_packed ? virtqueue_packed_pop(q, c) : split_pop(q, c);
}

/* ---- Giving back ---- */

static void split_push(struct virtqueue *q, uint16_t id, uint32_t bytes)
{
	const uint32_t place = (uint32_t)(q->used + q->unpublished) & (q->size - 1u);

	gmem_store64(q->device + USED_RING(place), id | (uint64_t)bytes << 32);
	q->unpublished++;
	q->split.taken[id / 64] &= ~BIT64(id % 64);
}

void virtqueue_push(struct virtqueue *q, uint16_t id, uint16_t desc_count, uint32_t bytes)
{
	if (q->is_packed)
		virtqueue_packed_push(q, id, desc_count, bytes);
	else
		split_push(q, id, bytes);
}

static bool split_publish(struct virtqueue *q)
{
	const uint16_t count = q->unpublished;
	uint16_t event;

	q->used = (uint16_t)(q->used + count);
	q->unpublished = 0;
	/* Release: entries, and the data that they stand for, before the index that covers them. */
	gmem_give16(q->device + USED_INDEX, q->used);
	/*
	 * The index is stored before the driver's wish is loaded: the driver stores its wish, then
	 * loads the index. One of the two sees the other, and no interrupt is missed.
	 */
	gmem_fence();
	if (!q->has_event_idx)
		return !(gmem_load16(q->driver + AVAIL_FLAGS) & AVAIL_F_NO_INTERRUPT);
	/* "Used Buffer Notification Suppression": the entry `event` is among those published now. */
	event = gmem_load16(q->driver + AVAIL_USED_EVENT(q->size));
	return (uint16_t)(q->used - event - 1) < count;
}

bool virtqueue_publish(struct virtqueue *q)
{
	if (q->unpublished == 0)
		return false;
	return q->is_packed ? virtqueue_packed_publish(q) : split_publish(q);
}
