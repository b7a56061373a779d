/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/nvme/nvme_queue.c - a pair of queues: command identifiers, phase, and what is believed.
 *
 * Positions are counted, not wrapped: a completion's SQHD moves `fetched` forward to a number that
 * must lie at or before `submitted`, and beyond that of the command which it completes. The
 * completion queue cannot overflow, as it has more entries than there are slots.
 */
#include "core/lib/assert.h"
#include "drivers/nvme/nvme_priv.h"
#include <string.h>

/* Command identifier FFFFH means "no command" in the error log: this generation is left out. */
#define GENERATIONS 255u

void nvme_queue_init(struct nvme_queue *q, uint16_t id, uint16_t entries, struct nvme_slot *slots,
		     uint16_t slot_count)
{
	ASSERT(entries >= 2 && (entries & (entries - 1)) == 0);
	ASSERT(slot_count > 0 && slot_count < entries && slot_count <= NVME_SLOT_MAX);
	q->id = id;
	q->entries = entries;
	q->slots = slots;
	q->slot_count = slot_count;
	memset(slots, 0, slot_count * sizeof(*slots));
	nvme_queue_reset(q);
}

void nvme_queue_reset(struct nvme_queue *q)
{
	q->submitted = q->fetched = q->rung = q->cq_head = 0;
	q->in_flight = 0;
	q->free = 0;
	q->oldest = q->newest = NVME_SLOT_NONE;
	for (uint32_t i = 0; i < q->slot_count; i++) {
		q->slots[i].is_sent = false;
		q->slots[i].newer = (uint8_t)(i + 1 < q->slot_count ? i + 1 : NVME_SLOT_NONE);
	}
	/* Phase tags of an empty queue are 0. */
	memset((void *)(uintptr_t)q->cq, 0, q->entries * sizeof(*q->cq));
}

bool nvme_queue_is_full(const struct nvme_queue *q)
{
	return q->free == NVME_SLOT_NONE;
}

uint8_t nvme_queue_next_slot(const struct nvme_queue *q)
{
	return q->free;
}

void nvme_queue_put(struct nvme_queue *q, const struct nvme_sqe *c, uint64_t tag,
		    uint64_t deadline_tsc)
{
	const uint8_t index = q->free;
	struct nvme_slot *s = &q->slots[index];
	struct nvme_sqe *e = &q->sq[q->submitted & (q->entries - 1u)];

	q->free = s->newer;
	s->generation = (uint8_t)((s->generation + 1u) % GENERATIONS);
	s->deadline_tsc = deadline_tsc;
	s->tag = tag;
	s->sequence = q->submitted++;
	s->is_sent = true;
	s->older = q->newest;
	s->newer = NVME_SLOT_NONE;
	if (q->newest == NVME_SLOT_NONE)
		q->oldest = index;
	else
		q->slots[q->newest].newer = index;
	q->newest = index;
	q->in_flight++;
	*e = *c;
	e->cdw0 = (c->cdw0 & 0xffffu) | (uint32_t)s->generation << 24 | (uint32_t)index << 16;
}

static void release(struct nvme_queue *q, uint8_t index)
{
	struct nvme_slot *s = &q->slots[index];

	if (s->older == NVME_SLOT_NONE)
		q->oldest = s->newer;
	else
		q->slots[s->older].newer = s->newer;
	if (s->newer == NVME_SLOT_NONE)
		q->newest = s->older;
	else
		q->slots[s->newer].older = s->older;
	s->is_sent = false;
	s->newer = q->free;
	q->free = index;
	q->in_flight--;
}

/* Is it a completion that this controller can owe us now? */
static enum nvme_fault check(struct nvme_queue *q, uint32_t dw2, uint32_t dw3)
{
	const uint8_t index = (uint8_t)NVME_CQE_CID(dw3);
	const uint8_t generation = (uint8_t)(NVME_CQE_CID(dw3) >> 8);
	const uint32_t new_count = (NVME_CQE_SQHD(dw2) - q->fetched) & (q->entries - 1u);
	const struct nvme_slot *s;

	if (NVME_CQE_SQID(dw2) != q->id)
		return NVME_FAULT_QUEUE_ID;
	if (index >= q->slot_count)
		return NVME_FAULT_COMMAND_ID;
	s = &q->slots[index];
	if (!s->is_sent || s->generation != generation)
		return NVME_FAULT_COMMAND_ID;
	if (NVME_CQE_SQHD(dw2) >= q->entries || new_count > q->submitted - q->fetched)
		return NVME_FAULT_QUEUE_HEAD;
	/* Completed without having been fetched. */
	if ((int32_t)(s->sequence - (q->fetched + new_count)) >= 0)
		return NVME_FAULT_QUEUE_HEAD;
	q->fetched += new_count;
	return NVME_FAULT_NONE;
}

bool nvme_queue_take(struct nvme_queue *q, struct nvme_done *done, enum nvme_fault *fault)
{
	const struct nvme_cqe *e = &q->cq[q->cq_head & (q->entries - 1u)];
	/* Acquire: the phase is read before the rest of the entry, which the device wrote first. */
	const uint32_t dw3 = __atomic_load_n(&e->dw3, __ATOMIC_ACQUIRE);
	const bool is_even_round = (q->cq_head & q->entries) == 0;
	uint32_t dw2;

	if (NVME_CQE_PHASE(dw3) != is_even_round)
		return false;
	dw2 = __atomic_load_n(&e->dw2, __ATOMIC_RELAXED);
	*fault = check(q, dw2, dw3);
	if (*fault != NVME_FAULT_NONE)
		return false;
	q->cq_head++;
	done->tag = q->slots[(uint8_t)dw3].tag;
	done->status = NVME_CQE_STATUS(dw3);
	done->result = __atomic_load_n(&e->dw0, __ATOMIC_RELAXED);
	release(q, (uint8_t)dw3);
	return true;
}

bool nvme_queue_take_lost(struct nvme_queue *q, struct nvme_done *done)
{
	if (q->oldest == NVME_SLOT_NONE)
		return false;
	done->tag = q->slots[q->oldest].tag;
	done->status = NVME_STATUS_LOST;
	done->result = 0;
	release(q, q->oldest);
	return true;
}

uint64_t nvme_queue_deadline(const struct nvme_queue *q)
{
	return q->oldest == NVME_SLOT_NONE ? TSC_NEVER : q->slots[q->oldest].deadline_tsc;
}
