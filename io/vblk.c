/* SPDX-License-Identifier: Apache-2.0 */
/* Registers and life of the device; requests are made in io/vblk_request.c. */
#include <string.h>
#include "core/lib/assert.h"
#include "io/vblk_parts.h"

/* "Device configuration layout": struct virtio_blk_config. */
#define CAPACITY                 0u  /* 64; sectors */
#define SIZE_MAX_OF_SEGMENT      8u  /* 32 */
#define SEG_MAX                  12u /* 32 */
#define BLK_SIZE                 20u /* 32 */
#define TOPOLOGY_MIN_IO_SIZE     26u /* 16; blocks */
#define TOPOLOGY_OPT_IO_SIZE     28u /* 32; blocks */
#define WRITEBACK                32u /* 8; the only one that can be written */
#define NUM_QUEUES               34u /* 16 */
#define MAX_DISCARD_SECTORS      36u /* 32 */
#define MAX_DISCARD_SEG          40u /* 32 */
#define DISCARD_SECTOR_ALIGNMENT 44u /* 32 */
#define MAX_WRITE_ZEROES_SECTORS 48u /* 32 */
#define MAX_WRITE_ZEROES_SEG     52u /* 32 */
#define WRITE_ZEROES_MAY_UNMAP   56u /* 8 */

#define DEVICE_TYPE              2u       /* "Device Types": block device */
#define CLASS_STORAGE_OTHER      0x018000 /* PCI Code and ID Assignment Specification */

static void put(struct vblk *d, uint32_t at, uint32_t bytes, uint64_t value)
{
	for (uint32_t i = 0; i < bytes; i++)
		d->device[at + i] = (uint8_t)(value >> 8 * i);
}

static uint64_t features_of(const struct vblk_config *c)
{
	return VIRTIO_F_VERSION_1 | (c->refuses_packed ? 0 : VIRTIO_F_RING_PACKED) |
	       VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC | VBLK_F_SIZE_MAX | VBLK_F_SEG_MAX |
	       VBLK_F_BLK_SIZE | VBLK_F_FLUSH | VBLK_F_TOPOLOGY | VBLK_F_CONFIG_WCE |
	       (c->queue_count > 1 ? VBLK_F_MQ : 0) | (c->is_read_only ? VBLK_F_RO : 0) |
	       (c->has_discard && !c->is_read_only ? VBLK_F_DISCARD : 0) |
	       (c->has_write_zeroes && !c->is_read_only ? VBLK_F_WRITE_ZEROES : 0);
}

/*
 * A driver that keeps to segments and their size makes no request that is longer than it may be. Of
 * a queue's descriptors header and status take two. Linux wants segments of a page at least.
 */
static void set_limits(struct vblk *d)
{
	const struct vblk_config *c = &d->config;
	const uint64_t segments = min_u64(min_u64(BLOCK_SEGMENT_MAX, c->queue_size - 2u),
					  c->request_max_bytes / PAGE_BYTES);

	put(d, SIZE_MAX_OF_SEGMENT, 4,
	    align_down(c->request_max_bytes / (uint32_t)segments, PAGE_BYTES));
	put(d, SEG_MAX, 4, segments);
	put(d, BLK_SIZE, 4, c->block_bytes);
	put(d, TOPOLOGY_MIN_IO_SIZE, 2, 1);
	put(d, TOPOLOGY_OPT_IO_SIZE, 4, c->request_max_bytes / c->block_bytes);
}

static void set_ranges(struct vblk *d)
{
	const struct vblk_config *c = &d->config;
	const uint32_t sectors = c->request_max_bytes / BLOCK_SECTOR_BYTES;

	put(d, CAPACITY, 8, c->sector_count);
	put(d, NUM_QUEUES, 2, c->queue_count);
	put(d, MAX_DISCARD_SECTORS, 4, sectors);
	put(d, MAX_DISCARD_SEG, 4, 1);
	put(d, DISCARD_SECTOR_ALIGNMENT, 4, c->block_bytes / BLOCK_SECTOR_BYTES);
	put(d, MAX_WRITE_ZEROES_SECTORS, 4, sectors);
	put(d, MAX_WRITE_ZEROES_SEG, 4, 1);
	put(d, WRITE_ZEROES_MAY_UNMAP, 1, 1);
}

static void set_writeback(struct vblk *d, bool is_writeback)
{
	d->writeback = is_writeback;
	put(d, WRITEBACK, 1, is_writeback);
}

static bool is_power_of_two(uint32_t x)
{
	return x != 0 && (x & (x - 1)) == 0;
}

static bool is_sound(const struct vblk_config *c)
{
	return is_power_of_two(c->block_bytes) && c->block_bytes >= BLOCK_SECTOR_BYTES &&
	       c->block_bytes <= PAGE_BYTES && c->request_max_bytes >= PAGE_BYTES &&
	       c->request_max_bytes <= VBLK_REQUEST_MAX &&
	       c->request_max_bytes % c->block_bytes == 0 && c->queue_size >= 16 &&
	       (c->first_sector | c->sector_count) % (c->block_bytes / BLOCK_SECTOR_BYTES) == 0 &&
	       c->first_sector <= UINT64_MAX / BLOCK_SECTOR_BYTES &&
	       c->sector_count <= UINT64_MAX / BLOCK_SECTOR_BYTES - c->first_sector;
}

enum err vblk_init(struct vblk *d, const struct vblk_config *config, const struct gmem *memory)
{
	const struct virtio_pci_config pci = {
		.device_id = DEVICE_TYPE,
		.class_code = CLASS_STORAGE_OTHER,
		.features = features_of(config),
		.queue_count = config->queue_count,
		.queue_size = config->queue_size,
		.device = d->device,
		.device_bytes = VBLK_CONFIG_BYTES,
	};

	if (!is_sound(config))
		return ERR_INVAL;
	*d = (struct vblk){ .config = *config };
	set_limits(d);
	set_ranges(d);
	set_writeback(d, config->has_cache && !config->is_writethrough);
	return virtio_pci_init(&d->pci, &pci, memory);
}

/* ---- Life ---- */

static void start_over(struct vblk *d)
{
	d->life++;
	set_writeback(d, d->config.has_cache && !d->config.is_writethrough);
	if (d->taken_count == 0)
		virtio_pci_end_reset(&d->pci);
}

struct vblk_effect vblk_reset(struct vblk *d)
{
	virtio_pci_begin_reset(&d->pci);
	start_over(d);
	return (struct vblk_effect){ .was_reset = true };
}

uint32_t vblk_taken_count(const struct vblk *d)
{
	return d->taken_count;
}

void vblk_end(struct vblk *d, const struct block_request *r)
{
	ASSERT(d->taken_count != 0);
	d->taken_count--;
	if (r->vblk.life == d->life)
		vblk_answer(d, r);
	else if (d->taken_count == 0 && d->pci.is_resetting)
		virtio_pci_end_reset(&d->pci);
}

/* ---- Accesses ---- */

uint64_t vblk_read(struct vblk *d, uint64_t offset, uint32_t width)
{
	return virtio_pci_read(&d->pci, offset, width);
}

/* "If VIRTIO_BLK_F_CONFIG_WCE is negotiated but VIRTIO_BLK_F_FLUSH is not": it begins as 0. */
static void features_agreed(struct vblk *d)
{
	if (!(d->pci.features & VBLK_F_FLUSH))
		set_writeback(d, false);
}

/* What is written before features are agreed, or without CONFIG_WCE, is lost. */
static void write_device(struct vblk *d, uint64_t at, uint32_t width, uint64_t value)
{
	if (at == WRITEBACK && width == 1 && d->config.has_cache && !d->pci.is_resetting &&
	    (d->pci.status & VIRTIO_FEATURES_OK) && (d->pci.features & VBLK_F_CONFIG_WCE))
		set_writeback(d, value & 1);
}

struct vblk_effect vblk_write(struct vblk *d, uint64_t offset, uint32_t width, uint64_t value)
{
	struct vblk_effect effect = { 0 };
	struct virtio_pci_effect e;

	if (offset - VIRTIO_PCI_DEVICE < VIRTIO_PCI_DEVICE_MAX) {
		write_device(d, offset - VIRTIO_PCI_DEVICE, width, value);
		return effect;
	}
	e = virtio_pci_write(&d->pci, offset, width, value);
	if (e.event == VIRTIO_PCI_KICKED) {
		effect.kicked = BIT32(e.queue);
	} else if (e.event == VIRTIO_PCI_WENT_LIVE) {
		effect.kicked = BIT32(d->config.queue_count) - 1;
	} else if (e.event == VIRTIO_PCI_AGREED) {
		features_agreed(d);
	} else if (e.event == VIRTIO_PCI_RESET_BEGAN) {
		start_over(d);
		effect.was_reset = true;
	}
	effect.vectors = virtio_pci_take_vectors(&d->pci);
	return effect;
}

/* ---- Kicks ---- */

bool vblk_want_kicks(struct vblk *d, uint32_t queue)
{
	return vblk_is_live(d) && virtqueue_want_kicks(&d->pci.queues[queue].ring);
}

void vblk_refuse_kicks(struct vblk *d, uint32_t queue)
{
	if (vblk_is_live(d))
		virtqueue_refuse_kicks(&d->pci.queues[queue].ring);
}

/* ---- Its function ---- */

void vblk_facts(const struct vblk *d, struct vpci_facts *facts)
{
	virtio_pci_facts(&d->pci, facts);
}
