/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/property/virtqueue_driver.h - the driver's side of a virtqueue, slow and obvious.
 *
 * Written from "Split Virtqueues" and "Packed Virtqueues" with counters that never wrap: places,
 * laps and events are computed from them by division, and what an event means by looking at each
 * descriptor in turn. Words that the device may use at the same time are atomics.
 */
#pragma once
#include <stdlib.h>
#include <string.h>
#include "core/lib/base.h"

#define DRIVER_SIZE_MAX   256u
#define DRIVER_PIECES_MAX 12u

struct piece {
	uint64_t gpa;
	uint32_t bytes;
	bool is_writable, is_table;
};

struct driver {
	bool is_packed, has_event_idx;
	uint32_t size;
	uint8_t *ram; /* guest-physical 0 */
	uint64_t desc_gpa, driver_gpa, device_gpa;
	uint64_t avail, used;   /* split: chains; packed: descriptors, since the beginning */
	uint64_t avail_checked; /* when it was last asked whether to kick */
	uint32_t free_count;    /* descriptors */
	bool is_taken[DRIVER_SIZE_MAX];       /* split: by a chain; packed: an ID */
	uint16_t next[DRIVER_SIZE_MAX];       /* split: behind it in its chain */
	uint32_t desc_count[DRIVER_SIZE_MAX]; /* of the chain with this head, or ID */
};

static inline void driver_store16(uint8_t *at, uint16_t value)
{
	__atomic_store_n((uint16_t *)(void *)at, value, __ATOMIC_SEQ_CST);
}

static inline uint16_t driver_load16(const uint8_t *at)
{
	return __atomic_load_n((const uint16_t *)(const void *)at, __ATOMIC_SEQ_CST);
}

static inline void driver_init(struct driver *v)
{
	v->avail = v->used = v->avail_checked = 0;
	v->free_count = v->size;
	memset(v->is_taken, 0, sizeof(v->is_taken));
}

static inline uint8_t *driver_desc(const struct driver *v, uint64_t i)
{
	return v->ram + v->desc_gpa + 16 * i;
}

/* The driver's wrap counter begins as 1 and is turned by each lap. */
static inline bool driver_wrap(const struct driver *v, uint64_t position)
{
	return position / v->size % 2 == 0;
}

static inline void driver_put(uint8_t *at, const struct piece *p, uint32_t third, uint32_t fourth)
{
	const uint16_t words[2] = { (uint16_t)third, (uint16_t)fourth };

	memcpy(at, &p->gpa, 8);
	memcpy(at + 8, &p->bytes, 4);
	memcpy(at + 12, words, 4);
}

static inline uint32_t driver_flags(const struct piece *p, bool has_next)
{
	return (has_next ? 1u : 0) | (p->is_writable ? 2u : 0) | (p->is_table ? 4u : 0);
}

/* A table for these pieces, at `gpa`; the piece that stands for it. */
static inline struct piece driver_table(const struct driver *v, uint64_t gpa,
					const struct piece *pieces, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t flags = driver_flags(&pieces[i], !v->is_packed && i + 1 < count);

		driver_put(v->ram + gpa + 16 * i, &pieces[i], v->is_packed ? 0 : flags,
			   v->is_packed ? flags : i + 1);
	}
	return (struct piece){ gpa, 16 * count, false, true };
}

static inline uint32_t driver_free_slot(struct driver *v)
{
	uint32_t i = (uint32_t)rand() % v->size;

	while (v->is_taken[i])
		i = (i + 1) % v->size;
	v->is_taken[i] = true;
	return i;
}

/* Split: not shown to the device before driver_show(). Its head. */
static inline uint32_t driver_add_split(struct driver *v, const struct piece *pieces,
					uint32_t count)
{
	const uint32_t head = driver_free_slot(v);
	uint32_t i = head;

	for (uint32_t n = 0; n < count; n++) {
		const uint32_t next = n + 1 < count ? driver_free_slot(v) : 0;

		driver_put(driver_desc(v, i), &pieces[n], driver_flags(&pieces[n], n + 1 < count),
			   next);
		v->next[i] = (uint16_t)next;
		i = next;
	}
	driver_store16(v->ram + v->driver_gpa + 4 + 2 * (v->avail % v->size), (uint16_t)head);
	v->avail++;
	v->desc_count[head] = count;
	v->free_count -= count;
	return head;
}

/* Packed: the first one's flags at last: all others are there before it is available. */
static inline uint32_t driver_add_packed(struct driver *v, const struct piece *pieces,
					 uint32_t count)
{
	const uint32_t id = driver_free_slot(v);

	for (uint32_t n = count; n-- > 0;) {
		const uint64_t position = v->avail + n;
		const bool wrap = driver_wrap(v, position);
		const uint32_t flags =
			driver_flags(&pieces[n], n + 1 < count) | (wrap ? 1u << 7 : 1u << 15);
		uint8_t *const at = driver_desc(v, position % v->size);

		memcpy(at, &pieces[n].gpa, 8);
		memcpy(at + 8, &pieces[n].bytes, 4);
		memcpy(at + 12, &id, 2);
		driver_store16(at + 14, (uint16_t)flags);
	}
	v->avail += count;
	v->desc_count[id] = count;
	v->free_count -= count;
	return id;
}

static inline uint32_t driver_add(struct driver *v, const struct piece *pieces, uint32_t count)
{
	return v->is_packed ? driver_add_packed(v, pieces, count)
			    : driver_add_split(v, pieces, count);
}

static inline void driver_show(struct driver *v)
{
	if (!v->is_packed)
		driver_store16(v->ram + v->driver_gpa + 2, (uint16_t)v->avail);
}

/* Is the event among the positions first .. end - 1? */
static inline bool driver_is_event(const struct driver *v, uint64_t first, uint64_t end,
				   uint32_t event)
{
	for (uint64_t p = first; p < end; p++) {
		if (!v->is_packed && (uint16_t)p == event)
			return true;
		if (v->is_packed && p % v->size == (event & 0x7fff) &&
		    driver_wrap(v, p) == (event >> 15 & 1))
			return true;
	}
	return false;
}

/* Does a notification for these positions follow from what the other side wrote at `area`? */
static inline bool driver_is_wanted(const struct driver *v, const uint8_t *flags_at,
				    const uint8_t *event_at, uint64_t first, uint64_t end)
{
	const uint16_t flags = driver_load16(flags_at);

	if (v->is_packed && flags == 2)
		return driver_is_event(v, first, end, driver_load16(event_at));
	if (!v->is_packed && v->has_event_idx)
		return driver_is_event(v, first, end, driver_load16(event_at));
	return flags == 0 && first != end;
}

/* After driver_show(): is the device to be kicked? */
static inline bool driver_needs_kick(struct driver *v)
{
	const uint64_t first = v->avail_checked;
	const uint8_t *const area = v->ram + v->device_gpa;

	v->avail_checked = v->avail;
	return driver_is_wanted(v, v->is_packed ? area + 2 : area,
				v->is_packed ? area : area + 4 + 8 * v->size, first, v->avail);
}

/* What the device owes for having used first .. end - 1. */
static inline bool driver_wants_interrupt(const struct driver *v, uint64_t first, uint64_t end)
{
	const uint8_t *const area = v->ram + v->driver_gpa;

	return driver_is_wanted(v, v->is_packed ? area + 2 : area,
				v->is_packed ? area : area + 4 + 2 * v->size, first, end);
}

/* At the used position v->used + `after`; packed, split: descriptors, chains. */
static inline void driver_enable_interrupts(struct driver *v, uint64_t after)
{
	uint8_t *const area = v->ram + v->driver_gpa;
	const uint64_t p = v->used + after;

	if (!v->is_packed) {
		driver_store16(v->has_event_idx ? area + 4 + 2 * v->size : area,
			       v->has_event_idx ? (uint16_t)p : 0);
		return;
	}
	if (v->has_event_idx)
		driver_store16(area, (uint16_t)(p % v->size | (driver_wrap(v, p) ? 0x8000u : 0)));
	driver_store16(area + 2, v->has_event_idx ? 2 : 0);
}

static inline void driver_disable_interrupts(struct driver *v)
{
	uint8_t *const area = v->ram + v->driver_gpa;

	if (v->is_packed)
		driver_store16(area + 2, 1);
	else if (v->has_event_idx)
		driver_store16(area + 4 + 2 * v->size, (uint16_t)(v->used - 0x8000));
	else
		driver_store16(area, 1);
}

static inline bool driver_has_used(const struct driver *v)
{
	uint16_t flags;

	if (!v->is_packed)
		return driver_load16(v->ram + v->device_gpa + 2) != (uint16_t)v->used;
	flags = driver_load16(driver_desc(v, v->used % v->size) + 14);
	return (flags >> 7 & 1) == driver_wrap(v, v->used) &&
	       (flags >> 15 & 1) == driver_wrap(v, v->used);
}

/* The next used chain: its head or ID, and how much was written. The caller knows there is one. */
static inline uint32_t driver_take(struct driver *v, uint32_t *bytes)
{
	uint32_t id = 0, count;

	if (v->is_packed) {
		const uint8_t *const at = driver_desc(v, v->used % v->size);

		memcpy(&id, at + 12, 2);
		memcpy(bytes, at + 8, 4);
		if (!(driver_load16(at + 14) & 2))
			*bytes = 0;
	} else {
		const uint8_t *const at = v->ram + v->device_gpa + 4 + 8 * (v->used % v->size);

		memcpy(&id, at, 4);
		memcpy(bytes, at + 4, 4);
	}
	if (id >= v->size || !v->is_taken[id])
		return UINT32_MAX;
	count = v->desc_count[id];
	v->used += v->is_packed ? count : 1;
	v->free_count += count;
	for (uint32_t i = id, n = 0; n < (v->is_packed ? 1 : count); n++, i = v->next[i])
		v->is_taken[i] = false;
	return id;
}
