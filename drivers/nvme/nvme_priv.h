/* SPDX-License-Identifier: Apache-2.0 */
/* drivers/nvme/nvme_priv.h - between the files of this driver: registers, queues, bring-up. */
#pragma once
#include "drivers/nvme/nvme.h"

static inline uint32_t nvme_read(const struct nvme *d, uint32_t offset)
{
	if (d->config.hook)
		return d->config.hook->read(d->config.hook->context, offset);
	return *(volatile uint32_t *)((volatile uint8_t *)d->config.registers + offset);
}

/*
 * What was stored to queues before is visible to the device first: the fence keeps the compiler's
 * order, and the processor keeps the order of stores to write-back and uncached memory
 * (SDM Vol. 3A, "Memory Ordering in P6 and More Recent Processor Families").
 */
static inline void nvme_write(const struct nvme *d, uint32_t offset, uint32_t value)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (d->config.hook)
		d->config.hook->write(d->config.hook->context, offset, value);
	else
		*(volatile uint32_t *)((volatile uint8_t *)d->config.registers + offset) = value;
}

/* Little-endian fields of a page that the device may still write: each byte is read once. */
static inline uint32_t nvme_get(const volatile uint8_t *page, uint32_t offset, uint32_t bytes)
{
	uint32_t value = 0;

	for (uint32_t i = 0; i < bytes; i++)
		value |= (uint32_t)page[offset + i] << 8 * i;
	return value;
}

static inline uint64_t nvme_get64(const volatile uint8_t *page, uint32_t offset)
{
	const uint64_t low = nvme_get(page, offset, 4);

	return low | (uint64_t)nvme_get(page, offset + 4, 4) << 32;
}

/* --- nvme_queue.c: no register, no clock ---------------------------------------------------------- */

/* `entries` is a power of two, `slot_count` is less, and at most NVME_SLOT_MAX. */
void nvme_queue_init(struct nvme_queue *q, uint16_t id, uint16_t entries, struct nvme_slot *slots,
		     uint16_t slot_count);
/* As the controller sees a queue that has just been created. Commands in flight are forgotten. */
void nvme_queue_reset(struct nvme_queue *q);
bool nvme_queue_is_full(const struct nvme_queue *q);
/* The slot that the next command gets; not when full. */
uint8_t nvme_queue_next_slot(const struct nvme_queue *q);
void nvme_queue_put(struct nvme_queue *q, const struct nvme_sqe *c, uint64_t tag,
		    uint64_t deadline_tsc);
/* The next completion, checked. False: there is none, or *fault says what is wrong with it. */
bool nvme_queue_take(struct nvme_queue *q, struct nvme_done *done, enum nvme_fault *fault);
/* The oldest command, as lost. False: none is in flight. */
bool nvme_queue_take_lost(struct nvme_queue *q, struct nvme_done *done);
/* When the oldest command must have been completed; TSC_NEVER. */
uint64_t nvme_queue_deadline(const struct nvme_queue *q);

/* Tells the controller what is new. */
static inline void nvme_queue_ring(const struct nvme *d, struct nvme_queue *q)
{
	if (q->rung == q->submitted)
		return;
	q->rung = q->submitted;
	nvme_write(d, NVME_SQTDBL(q->id, d->dstrd), q->submitted & (q->entries - 1u));
}

static inline void nvme_queue_give_back(const struct nvme *d, const struct nvme_queue *q)
{
	nvme_write(d, NVME_CQHDBL(q->id, d->dstrd), q->cq_head & (q->entries - 1u));
}

/* --- nvme_identify.c: the commands of the bring-up -------------------------------------------------- */

/* What the controller leaves out of an answer must not be taken from the one before. */
void nvme_clear_page(struct nvme *d);
void nvme_bringup_begin(struct nvme *d);
/* Sends the next command, or takes its answer. *is_complete: nothing is left to do. */
enum nvme_fault nvme_bringup_step(struct nvme *d, uint64_t now_tsc, bool *is_complete);
/* Without the check for READY. */
MUST_CHECK enum err nvme_admin_send(struct nvme *d, const void *owner, const struct nvme_sqe *c,
				    uint64_t now_tsc);

/* --- nvme_io.c ------------------------------------------------------------------------------------- */

/* Nobody submits any more. */
void nvme_io_close(struct nvme *d);
/* The device is silent: owners may take back what is in flight. */
void nvme_io_collect(struct nvme *d);
bool nvme_io_is_collected(const struct nvme *d);
/* The commands that create queue `index`, and what follows when they have succeeded. */
struct nvme_sqe nvme_io_create_cq(const struct nvme *d, uint32_t index);
struct nvme_sqe nvme_io_create_sq(const struct nvme *d, uint32_t index);
void nvme_io_open(struct nvme *d, uint32_t index);
