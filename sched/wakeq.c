/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/wakeq.h"
#include "core/lib/assert.h"

void wakeq_init(struct wakeq *q)
{
	q->count = 0;
	for (uint32_t i = 0; i < WAKEQ_MAX; i++)
		q->slot_of[i] = WAKEQ_NONE;
}

static bool is_before(const struct wakeq *q, uint32_t a, uint32_t b)
{
	return q->at_tsc[a] < q->at_tsc[b] || (q->at_tsc[a] == q->at_tsc[b] && a < b);
}

static void put(struct wakeq *q, uint32_t slot, uint32_t owner)
{
	q->heap[slot] = owner;
	q->slot_of[owner] = slot;
}

/* Lets `owner` find its place, starting from the free place `slot`. */
static void settle(struct wakeq *q, uint32_t slot, uint32_t owner)
{
	while (slot > 0 && is_before(q, owner, q->heap[(slot - 1) / 2])) {
		put(q, slot, q->heap[(slot - 1) / 2]);
		slot = (slot - 1) / 2;
	}
	for (;;) {
		uint32_t child = 2 * slot + 1;

		if (child + 1 < q->count && is_before(q, q->heap[child + 1], q->heap[child]))
			child++;
		if (child >= q->count || !is_before(q, q->heap[child], owner))
			break;
		put(q, slot, q->heap[child]);
		slot = child;
	}
	put(q, slot, owner);
}

static void take_out(struct wakeq *q, uint32_t owner)
{
	uint32_t slot = q->slot_of[owner];
	uint32_t last = q->heap[--q->count];

	q->slot_of[owner] = WAKEQ_NONE;
	if (last != owner)
		settle(q, slot, last);
}

void wakeq_set(struct wakeq *q, uint32_t owner, uint64_t at_tsc)
{
	ASSERT(owner < WAKEQ_MAX);
	if (q->slot_of[owner] != WAKEQ_NONE)
		take_out(q, owner);
	if (at_tsc == TSC_NEVER)
		return;
	q->at_tsc[owner] = at_tsc;
	q->count++;
	settle(q, q->count - 1, owner);
}

uint32_t wakeq_take_due(struct wakeq *q, uint64_t now_tsc)
{
	uint32_t owner;

	if (wakeq_next_tsc(q) > now_tsc || q->count == 0)
		return WAKEQ_NONE;
	owner = q->heap[0];
	take_out(q, owner);
	return owner;
}
