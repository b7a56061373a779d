/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fake/virtio_blk_rig.h - the driver of virtio block devices joined to our own device model.
 *
 * io/vblk.h checks what the driver does by the specification: a mistake breaks the device. Between
 * the two lie their memory, an executor that completes in any order, and whatever a test wants
 * the registers or the used ring to say instead.
 */
#pragma once
#include <stdlib.h>
#include <string.h>
#include "arch/mem.h"
#include "drivers/virtio_blk/virtio_blk.h"
#include "drivers/virtio_blk/virtio_regs.h"
#include "io/vblk.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define VRIG_SECTORS   8192u
#define VRIG_ARENA     MIB(10)
#define VRIG_ARENA_HPA UINT64_C(0x740000000)
#define VRIG_HPA       UINT64_C(0x81000000)
#define VRIG_BAR       2u
#define VRIG_HZ        UINT64_C(1000000000)
#define VRIG_TURN      US(20)
#define VRIG_PENDING   128u

enum vrig_trick {
	VRIG_HONEST,
	VRIG_LOSE,        /* no completion */
	VRIG_USED_BEYOND, /* used->idx runs ahead */
	VRIG_USED_ID,     /* of no chain */
	VRIG_USED_TWICE,  /* of one that was used before */
	VRIG_NEEDS_RESET,
	VRIG_TRICK_COUNT
};

static struct {
	struct virtio_blk v;
	struct virtio_blk_config config;
	struct virtio_hook hook;
	struct vblk d;
	struct vblk_config device;
	struct gmem gmem;
	struct block_request *pending[VRIG_PENDING];
	struct block_request pool[VRIG_PENDING];
	uint32_t pending_count, budget, poll_max;
	uint64_t now, again;
	/* What the registers say instead */
	uint64_t features_hidden, features_added;
	uint32_t seg_max, size_max, queue_size, feature_select, driver_select;
	bool is_gone, is_silent, never_resets, needs_reset, breaks_features;
	enum vrig_trick trick; /* at the next completion */
	/* What was seen */
	uint32_t requests, flushes, notifications, resets, tricks, done_count;
	void (*each_done)(struct block_request *r);
	bool is_broken; /* by the driver */
} vr;

static uint8_t *vrig_arena, *vrig_memory;
static uint8_t vrig_data[VRIG_SECTORS * 512], vrig_medium[VRIG_SECTORS * 512];

hpa_t arch_mem_hpa(const void *at)
{
	return (hpa_t){ VRIG_ARENA_HPA + (uint64_t)((const uint8_t *)at - vrig_arena) };
}

/* --- registers ------------------------------------------------------------------------------------- */

static inline uint32_t vrig_read(void *context, uint32_t bar, uint32_t offset, uint32_t width)
{
	uint32_t value;

	CHECK(bar == VRIG_BAR && offset % width == 0);
	if (vr.is_gone)
		return width == 4 ? UINT32_MAX : (1u << 8 * width) - 1;
	value = (uint32_t)vblk_read(&vr.d, offset, width);
	if (offset == VIRTIO_DEVICE_FEATURE) {
		value &= ~(uint32_t)(vr.features_hidden >> 32 * vr.feature_select);
		value |= (uint32_t)(vr.features_added >> 32 * vr.feature_select);
	}
	if (offset == VIRTIO_DEVICE_STATUS) {
		value |= vr.needs_reset ? VIRTIO_STATUS_NEEDS_RESET : 0;
		value |= vr.never_resets ? VIRTIO_STATUS_ACKNOWLEDGE : 0;
		value &= vr.breaks_features ? ~VIRTIO_STATUS_FEATURES_OK : UINT32_MAX;
	}
	if (offset == VIRTIO_PCI_DEVICE + VIRTIO_BLK_SEG_MAX && vr.seg_max)
		return vr.seg_max;
	if (offset == VIRTIO_PCI_DEVICE + VIRTIO_BLK_SIZE_MAX && vr.size_max)
		return vr.size_max;
	if (offset == VIRTIO_QUEUE_SIZE && vr.queue_size)
		return vr.queue_size;
	return value;
}

/* Of an earlier life: they come back to nobody. */
static inline void vrig_end_all(void)
{
	for (uint32_t i = 0; i < VRIG_PENDING; i++)
		if (vr.pool[i].queue == UINT16_MAX)
			vblk_end(&vr.d, &vr.pool[i]);
	memset(vr.pool, 0, sizeof(vr.pool));
	vr.pending_count = 0;
}

static inline void vrig_write(void *context, uint32_t bar, uint32_t offset, uint32_t width,
			      uint32_t value)
{
	struct vblk_effect e;

	CHECK(bar == VRIG_BAR && offset % width == 0);
	if (vr.is_gone)
		return;
	if (offset == VIRTIO_DEVICE_FEATURE_SELECT)
		vr.feature_select = value;
	if (offset == VIRTIO_DRIVER_FEATURE_SELECT)
		vr.driver_select = value;
	if (offset == VIRTIO_DRIVER_FEATURE) {
		CHECK(!(value & (uint32_t)(vr.features_hidden >> 32 * vr.driver_select)));
		value &= ~(uint32_t)(vr.features_added >> 32 * vr.driver_select);
	}
	if (offset == VIRTIO_QUEUE_SIZE)
		CHECK(vr.queue_size == 0 || value <= vr.queue_size);
	vr.notifications += offset >= VIRTIO_PCI_NOTIFY;
	e = vblk_write(&vr.d, offset, width, value);
	if (!e.was_reset)
		return;
	vr.resets++;
	vr.needs_reset = vr.is_silent = false;
	vrig_end_all();
}

/* --- the device's other side -------------------------------------------------------------------------- */

static inline void vrig_persist(uint64_t sector, uint64_t bytes)
{
	memcpy(vrig_medium + sector * 512, vrig_data + sector * 512, bytes);
}

static inline void vrig_execute(struct block_request *r)
{
	uint8_t *at = vrig_data + r->sector * 512;

	vr.requests++;
	r->status = BLOCK_OK;
	for (uint32_t i = 0; i < r->segment_count; i++) {
		if (r->op == BLOCK_READ)
			memcpy(r->segments[i].at, at, r->segments[i].bytes);
		else
			memcpy(at, r->segments[i].at, r->segments[i].bytes);
		at += r->segments[i].bytes;
	}
	if (r->op == BLOCK_WRITE_ZEROES || r->op == BLOCK_DISCARD)
		memset(at, 0, block_bytes(r));
	if (r->op == BLOCK_FLUSH) {
		vr.flushes++;
		vrig_persist(0, sizeof(vrig_medium));
	}
}

static inline struct block_request *vrig_free(void)
{
	for (uint32_t i = 0; i < VRIG_PENDING; i++)
		if (vr.pool[i].queue == 0)
			return &vr.pool[i];
	return NULL;
}

/* Limits that the rig has made smaller than the device itself knows. */
static inline void vrig_check(const struct block_request *r)
{
	CHECK(r->segment_count + 2 <= vr.v.entries);
	CHECK(vr.seg_max == 0 || r->segment_count <= vr.seg_max);
	for (uint32_t i = 0; i < r->segment_count; i++)
		CHECK(vr.size_max == 0 || r->segments[i].bytes <= vr.size_max);
}

static inline void vrig_take(void)
{
	while (vblk_is_live(&vr.d) && vr.pending_count < VRIG_PENDING) {
		struct block_request *const r = vrig_free();
		const enum err e = r ? vblk_take(&vr.d, 0, r) : ERR_BUSY;

		vr.is_broken |= e == ERR_INVAL;
		if (e == OK) {
			vrig_check(r);
			r->queue = UINT16_MAX; /* in use: there is but one queue */
			vr.pending[vr.pending_count++] = r;
		} else if (r) {
			r->queue = 0;
		}
		if (e == ERR_BUSY || e == ERR_INVAL)
			return;
	}
}

static inline struct virtio_used *vrig_used(void)
{
	return (struct virtio_used *)(void *)(vrig_memory + 2 * PAGE_BYTES);
}

static inline void vrig_play(void)
{
	struct virtio_used *const u = vrig_used();

	vr.tricks++;
	/* Or its next completion would put the ring right again. */
	vr.is_silent = vr.trick != VRIG_LOSE && vr.trick != VRIG_NEEDS_RESET;
	switch (vr.trick) {
	case VRIG_USED_BEYOND:
		u->idx = (uint16_t)(u->idx + 100);
		break;
	case VRIG_USED_ID:
		u->ring[(u->idx - 1) & (vr.v.entries - 1)].id = 0xfff0fff1;
		break;
	case VRIG_USED_TWICE:
		u->ring[u->idx & (vr.v.entries - 1)] = u->ring[(u->idx - 1) & (vr.v.entries - 1)];
		u->idx++;
		break;
	case VRIG_NEEDS_RESET:
		vr.needs_reset = true;
		break;
	default:
		break;
	}
	vr.trick = VRIG_HONEST;
}

static inline void vrig_complete(uint32_t at)
{
	struct block_request *const r = vr.pending[at];

	vr.pending[at] = vr.pending[--vr.pending_count];
	if (vr.trick == VRIG_LOSE) { /* it stays in the pool until a reset */
		vrig_play();
		return;
	}
	vrig_execute(r);
	r->queue = 0;
	vblk_end(&vr.d, r);
	(void)vblk_show(&vr.d, 0);
	if (vr.trick != VRIG_HONEST)
		vrig_play();
}

static inline void vrig_device(void)
{
	vrig_take();
	for (uint32_t n = vr.budget; n > 0 && vr.pending_count > 0 && !vr.is_silent; n--)
		vrig_complete((uint32_t)random_below(vr.pending_count));
}

/* --- turns ---------------------------------------------------------------------------------------------- */

static inline void vrig_poll(void)
{
	struct block_request *done[64];
	uint64_t again;
	const uint32_t n = vr.v.disk.ops->poll(&vr.v.disk, vr.now, done, vr.poll_max, &again);

	CHECK(n <= vr.poll_max);
	CHECK(vr.v.disk.in_flight == 0 ? again == TSC_NEVER : again >= vr.now);
	vr.done_count += n;
	for (uint32_t i = 0; i < n && vr.each_done; i++)
		vr.each_done(done[i]);
}

static inline void vrig_turn(void)
{
	if (virtio_blk_wants_block(&vr.v))
		virtio_blk_after_block(&vr.v);
	if (vr.now >= vr.again)
		(void)vr.v.disk.ops->serve(&vr.v.disk, vr.now, &vr.again);
	vrig_device();
	vrig_poll();
	vr.now += VRIG_TURN;
}

static inline void vrig_turns(uint32_t n)
{
	while (n--)
		vrig_turn();
}

static inline bool vrig_run(enum disk_state until)
{
	for (uint32_t i = 0; i < 100000 && vr.v.disk.state != until; i++)
		vrig_turn();
	return vr.v.disk.state == until;
}

static inline enum err vrig_submit(struct block_request *r)
{
	const enum err e = vr.v.disk.ops->submit(&vr.v.disk, r, vr.now);

	vr.v.disk.ops->kick(&vr.v.disk);
	return e;
}

/* An obedient device; change vr.device and the rest before vrig_start(). */
static inline void vrig_init(void)
{
	memset(&vr, 0, sizeof(vr));
	memset(vrig_data, 0, sizeof(vrig_data));
	memset(vrig_medium, 0, sizeof(vrig_medium));
	memset(vrig_memory, 0xee, VIRTIO_BLK_MEMORY_BYTES);
	vr.device = (struct vblk_config){ .sector_count = VRIG_SECTORS,
					  .block_bytes = 512,
					  .request_max_bytes = (uint32_t)MIB(1),
					  .queue_count = 1,
					  .queue_size = 128,
					  .has_discard = true,
					  .has_write_zeroes = true,
					  .has_cache = true };
	vr.hook = (struct virtio_hook){ vrig_read, vrig_write, NULL };
	vr.config = (struct virtio_blk_config){
		.layout = { .common = { VRIG_BAR, VIRTIO_PCI_COMMON, VIRTIO_PCI_COMMON_BYTES },
			    .notify = { VRIG_BAR, VIRTIO_PCI_NOTIFY, PAGE_BYTES },
			    .device = { VRIG_BAR, VIRTIO_PCI_DEVICE, 64 },
			    .notify_multiplier = VIRTIO_PCI_NOTIFY_EACH,
			    .bars = BIT32(VRIG_BAR) },
		.hook = &vr.hook,
		.memory = vrig_memory,
		.memory_hpa = { VRIG_HPA },
		.tsc_hz = VRIG_HZ,
		.io_timeout_ns = MS(200),
		.reset_timeout_ns = SEC(1),
		.fault_limit = 4,
		.request_max_bytes = (uint32_t)MIB(1),
	};
	vr.gmem = (struct gmem){ .range_count = 2,
				 .ranges = { { VRIG_ARENA_HPA, VRIG_ARENA, vrig_arena },
					     { VRIG_HPA, VIRTIO_BLK_MEMORY_BYTES, vrig_memory } } };
	vr.budget = UINT32_MAX;
	vr.poll_max = 64;
	vr.now = 777;
}

static inline void vrig_begin(void)
{
	CHECK(vblk_init(&vr.d, &vr.device, &vr.gmem) == OK);
	CHECK(virtio_blk_begin(&vr.v, &vr.config) == OK);
}

static inline void vrig_start(void)
{
	vrig_begin();
	CHECK(vrig_run(DISK_UP) && !vr.is_broken);
}

static inline void vrig_open(void)
{
	vrig_arena = aligned_alloc(PAGE_BYTES, VRIG_ARENA);
	vrig_memory = aligned_alloc(PAGE_BYTES, VIRTIO_BLK_MEMORY_BYTES);
}

static inline void vrig_close(void)
{
	free(vrig_arena);
	free(vrig_memory);
}
