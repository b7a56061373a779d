/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/virtio_blk/virtio_blk.h - a virtio block device as a disk: for machines that are
 * virtual themselves.
 *
 * Model    The modern PCI transport, one split virtqueue, polled. A request goes as one chain where
 *	    the device takes as many pieces, else it is cut into parts; blocks that two pieces
 *	    share beyond that limit go by a bounce page. Every slot has its own header, status
 *	    byte and descriptors: an indirect table where the device has them, else a fixed share
 *	    of the ring, so that nothing is searched for.
 *	    virtio has no FUA: a write that must be on the medium is a write, then a FLUSH, and
 *	    completes with the latter. Without VIRTIO_BLK_F_FLUSH the device is a writethrough
 *	    one, and says so in the facts.
 *	    The device can write all of the memory that it shares with the driver, and is not
 *	    trusted: nothing but its answers is read there, each once. An index beyond what it was
 *	    given, an identifier that is not in flight, silence: it is reset.
 * Recovery A reset is complete when device_status reads 0: the device is silent then. What was in
 *	    flight is sent again, thrice at most; nobody was told about it, so that it may be done
 *	    late or twice. So is a FLUSH: it is answered by the device alone. virtio says
 *	    nothing that would tell whether the host lost what it had cached.
 *	    virtio_blk_wants_block(): it does not come back, or answers no more: the caller blocks
 *	    it (arch_iommu_block(), or bus mastering off), then virtio_blk_after_block(); only
 *	    then are requests that it held given back.
 * Caller   virtio_blk_find() says what to map. Bus mastering and memory decoding on, interrupts off,
 *	    an IOMMU's domain with host-physical addresses, of the memory below and of all segments,
 *	    if there is one. After each serve() what virtio_blk_wants_block() says.
 * Errors   virtio_blk_find(): ERR_NODEV: not such a device; ERR_UNSUPPORTED: without the modern
 *	    interface, or malformed. virtio_blk_begin(): ERR_INVAL: the configuration.
 * Source   Virtual I/O Device (VIRTIO) Version 1.2, "General Initialization And Device Operation",
 *	    "Split Virtqueues", "Virtio Over PCI Bus", "Block Device".
 * Sharing  drivers/disk.h.
 */
#pragma once
#include "arch/pci.h"
#include "core/lib/block_cursor.h"
#include "drivers/disk.h"

#define VIRTIO_BLK_QUEUE_MAX   128u /* entries of the ring */
#define VIRTIO_BLK_SLOT_MAX    64u
#define VIRTIO_BLK_BOUNCE_MAX  16u
#define VIRTIO_BLK_TABLE_DESCS (BLOCK_SEGMENT_MAX + 4u) /* header, status, two spare */
#define VIRTIO_BLK_TABLE_BYTES (VIRTIO_BLK_TABLE_DESCS * 16u)
/* Descriptors, available, used; headers; tables; bounce pages. */
#define VIRTIO_BLK_MEMORY_BYTES \
	(4u * PAGE_BYTES + VIRTIO_BLK_SLOT_MAX * VIRTIO_BLK_TABLE_BYTES + \
	 VIRTIO_BLK_BOUNCE_MAX * PAGE_BYTES)
_Static_assert(VIRTIO_BLK_MEMORY_BYTES % PAGE_BYTES == 0, "it is mapped by pages");

struct virtio_region {
	uint8_t bar;
	uint32_t offset, bytes;
};

struct virtio_layout { /* where its structures are */
	struct virtio_region common, notify, device;
	uint32_t notify_multiplier;
	uint32_t bars;         /* a bit for each BAR that is to be mapped, */
	uint64_t bar_bytes[6]; /* .. and so far */
};

/* For host tests; NULL in the image, where registers are mapped pages. */
struct virtio_hook {
	uint32_t (*read)(void *context, uint32_t bar, uint32_t offset, uint32_t width);
	void (*write)(void *context, uint32_t bar, uint32_t offset, uint32_t width, uint32_t value);
	void *context;
};

struct virtio_blk_config {
	struct virtio_layout layout;
	volatile void *bars[6]; /* mapped, uncached */
	const struct virtio_hook *hook;
	void *memory; /* VIRTIO_BLK_MEMORY_BYTES, page-aligned, contiguous */
	hpa_t memory_hpa;
	uint64_t tsc_hz;
	uint64_t io_timeout_ns, reset_timeout_ns;
	uint32_t fault_limit;       /* faults in a row after which it is given up */
	uint32_t request_max_bytes; /* a multiple of 4096 */
};

struct virtio_slot { /* a part of a request: a chain that the device has, or that is to be sent again */
	struct block_request *request; /* NULL: free */
	uint64_t offset, bytes;        /* FLUSH: 0 bytes */
	uint64_t deadline_tsc;
	bool is_sent, is_flush;
	uint8_t bounce, tries, next;
};

struct virtio_piece { /* of memory, as the device addresses it */
	uint64_t at;
	uint32_t bytes;
};

struct virtio_blk {
	struct disk disk; /* first: its operations get this */
	struct virtio_blk_config config;
	uint32_t phase; /* of serve(): virtio_blk.c */
	uint64_t deadline_tsc, watch_tsc, good_tsc;
	uint32_t faults_in_row;
	const char *fault; /* found since the last serve(), or NULL */
	bool was_up, is_blocked;

	uint64_t features;
	uint32_t piece_max, piece_max_bytes;
	uint32_t discard_max_sectors, zeroes_max_sectors;
	bool may_unmap;

	/* The ring: written by us, but for `used` */
	uint16_t entries, slot_descs;                  /* of the ring; of a slot in it */
	uint16_t avail_count, used_count, shown_count; /* wrap as the ring's indices do */
	uint32_t notify_offset;
	struct virtio_slot slots[VIRTIO_BLK_SLOT_MAX];
	uint32_t slot_count, sent_count;
	uint8_t free_slot, lost_first, lost_last;
	uint32_t bounce_used; /* a bit each */

	struct block_request *cutting; /* not all of its parts were sent */
	struct block_cursor at;
	struct virtio_piece pieces[BLOCK_SEGMENT_MAX];  /* of the chain that is being made */
	struct block_request *flush_first, *flush_last; /* written, and to be flushed */
	struct block_request *done_first, *done_last;   /* for the next poll() */
};

MUST_CHECK enum err virtio_blk_find(pci_addr_t function, struct virtio_layout *layout);
/* Touches no register. */
MUST_CHECK enum err virtio_blk_begin(struct virtio_blk *v, const struct virtio_blk_config *config);
bool virtio_blk_wants_block(const struct virtio_blk *v);
void virtio_blk_after_block(struct virtio_blk *v);
