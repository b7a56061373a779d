/* SPDX-License-Identifier: Apache-2.0 */
/* drivers/virtio_blk/virtio_blk_priv.h - between its files: registers; states there, chains here. */
#pragma once
#include "drivers/virtio_blk/virtio_blk.h"
#include "drivers/virtio_blk/virtio_regs.h"

#define VIRTIO_SLOT_NONE   UINT8_MAX
#define VIRTIO_BOUNCE_NONE UINT8_MAX

uint32_t virtio_read(const struct virtio_blk *v, const struct virtio_region *region,
		     uint32_t offset, uint32_t width);
void virtio_write(const struct virtio_blk *v, const struct virtio_region *region, uint32_t offset,
		  uint32_t width, uint32_t value);

/* Where the parts of the ring and of slots are, in our memory and for the device. */
#define VIRTIO_DESCS_AT     0u
#define VIRTIO_AVAIL_AT     PAGE_BYTES
#define VIRTIO_USED_AT      (2u * PAGE_BYTES)
#define VIRTIO_HEADERS_AT   (3u * PAGE_BYTES)
#define VIRTIO_HEADER_BYTES (PAGE_BYTES / VIRTIO_BLK_SLOT_MAX)
#define VIRTIO_TABLES_AT    (4u * PAGE_BYTES)
#define VIRTIO_BOUNCE_AT    (VIRTIO_TABLES_AT + VIRTIO_BLK_SLOT_MAX * VIRTIO_BLK_TABLE_BYTES)
static inline void *virtio_at(const struct virtio_blk *v, uint64_t offset)
{
	return (uint8_t *)v->config.memory + offset;
}
static inline uint64_t virtio_hpa(const struct virtio_blk *v, uint64_t offset)
{
	return v->config.memory_hpa.v + offset;
}

/* --- virtio_blk_parts.c ------------------------------------------------------------------------------- */

/* All slots are free. */
void virtio_parts_init(struct virtio_blk *v);
/* An empty ring, after a reset. What is lost keeps its slot: slot_count never grows thereby. */
void virtio_ring_init(struct virtio_blk *v);
/* ERR_BUSY: not even a first part has room. */
enum err virtio_parts_begin(struct virtio_blk *v, struct block_request *r, uint64_t now_tsc);
/* Takes completions; while UP sends what is lost, flushes and cuts on. May find a fault. */
void virtio_parts_go_on(struct virtio_blk *v, uint64_t now_tsc);
/* The device is silent: all that it had is to be sent again. */
void virtio_parts_lose(struct virtio_blk *v);
/* GONE: whatever the device does not hold ends with an error. */
void virtio_parts_fail(struct virtio_blk *v);
void virtio_parts_finish(struct virtio_blk *v, struct block_request *r);
bool virtio_parts_are_late(const struct virtio_blk *v, uint64_t now_tsc);
/* Tells the device what is new, if it wants to be told. */
void virtio_ring_notify(struct virtio_blk *v);
