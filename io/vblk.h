/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/vblk.h - a virtio block device, as a guest sees it.
 *
 * Model    Registers of the modern virtio-pci transport in one memory BAR (io/virtio_pci.h), queues
 *	    split or packed (io/virtqueue.h), requests as the "Block Device" chapter has them. The
 *	    guest's accesses come in by vblk_read() and vblk_write(); vblk_take() makes the next
 *	    request of a queue out of what lies in its ring, and vblk_end() ends it.
 *	    What is wrong with a single request (range, operation, read-only) is answered in its
 *	    status byte. What breaks the rules of the ring or of descriptors (a loop, too long, out
 *	    of RAM, wrong direction, no header, no status byte) sets DEVICE_NEEDS_RESET: nothing is
 *	    taken from any queue then, and a configuration interrupt is sent once. What was taken
 *	    before it ends as always.
 *	    A reset ends the life of all requests at once: those that come back afterwards by
 *	    vblk_end() touch no memory of the guest's. device_status reads 0 when the last has
 *	    come back (vblk_end() of each that vblk_take() gave out), so that its memory is quiet then.
 * Cost     An access: bounded by the number of queues. vblk_take(): by the length of one chain, at
 *	    most 2 + BLOCK_SEGMENT_MAX descriptors.
 * Source   Virtual I/O Device (VIRTIO) Version 1.2, "Virtio Over PCI Bus", "Block Device".
 * Errors   Of accesses: none; reads of nothing are 0, writes to nothing are lost.
 * Sharing  The caller's lock.
 */
#pragma once
#include "core/lib/block.h"
#include "io/virtio_pci.h"

#define VBLK_QUEUE_MAX    VIRTIO_PCI_QUEUE_MAX
#define VBLK_SERIAL_BYTES 20u
#define VBLK_CONFIG_BYTES 60u

struct vblk_config {
	uint64_t first_sector, sector_count; /* its range of the disk; a multiple of block_bytes */
	uint32_t block_bytes;                /* 512 to 4096 */
	uint32_t request_max_bytes; /* longer ones are never made: limits are told to the guest */
	uint32_t queue_count;       /* 1 to VBLK_QUEUE_MAX */
	uint16_t queue_size;        /* at most: a power of two, 16 to 256 */
	bool is_read_only, has_discard, has_write_zeroes;
	bool refuses_packed; /* VIRTIO_F_RING_PACKED is not offered: rings are split */
	bool is_writethrough; /* until the guest chooses (VIRTIO_BLK_F_CONFIG_WCE): writes get is_fua */
	bool has_cache;       /* false: flushes are answered at once, nothing is to be done */
	uint16_t client;      /* for block_request.client */
	char serial[VBLK_SERIAL_BYTES + 1];
};

/* What is to be done outside after an access, or after the end of a request. */
struct vblk_effect {
	uint64_t vectors; /* MSI-X vectors whose messages are to be sent: a bit each */
	uint32_t kicked;  /* queues in which there is something to take: a bit each */
	bool was_reset;   /* requests that were given to nobody yet are to come back now */
};

struct vblk {
	struct vblk_config config;
	struct virtio_pci pci;
	uint32_t life;                     /* of requests made now */
	uint32_t taken_count;              /* given out and not back, of all lives */
	uint8_t writeback;                 /* "writeback" of the device's configuration */
	uint8_t device[VBLK_CONFIG_BYTES]; /* .. and all of it, as the guest reads it */
};

MUST_CHECK enum err vblk_init(struct vblk *d, const struct vblk_config *config,
			      const struct gmem *memory);
/* As a vblk_write() of 0 to device_status, at any time: its partition starts over or has ended. */
struct vblk_effect vblk_reset(struct vblk *d);
/* In the BAR; width 1, 2, 4, 8. The MSI-X table and pending bits in it are the caller's. */
uint64_t vblk_read(struct vblk *d, uint64_t offset, uint32_t width);
struct vblk_effect vblk_write(struct vblk *d, uint64_t offset, uint32_t width, uint64_t value);

/*
 * OK: *r is a request that is to be carried out. ERR_BUSY: there is none. ERR_RANGE: one was answered
 * at once (GET_ID, an error): ask again. ERR_INVAL: DEVICE_NEEDS_RESET.
 * What it writes to the ring, and the interrupt of a device that broke, come with vblk_show().
 * While kicks are wanted ERR_BUSY means that the next request will be announced by one: who stops
 * before has to ask again by himself.
 */
MUST_CHECK enum err vblk_take(struct vblk *d, uint32_t queue, struct block_request *r);
/* r->status is set. Its chain is used; the guest is told by vblk_show(). */
void vblk_end(struct vblk *d, const struct block_request *r);
/* After vblk_take() or vblk_end(), once for many: publishes, and says which messages are wanted. */
struct vblk_effect vblk_show(struct vblk *d, uint32_t queue);
/*
 * The guest is to say when there is more in this ring; true: there is more already. Off: somebody
 * looks without being told. On after a reset.
 */
bool vblk_want_kicks(struct vblk *d, uint32_t queue);
void vblk_refuse_kicks(struct vblk *d, uint32_t queue);
/* DRIVER_OK, no reset at hand, not broken: there may be requests. */
static inline bool vblk_is_live(const struct vblk *d)
{
	return virtio_pci_is_live(&d->pci);
}
/* It was reset, and not all have come back. */
static inline bool vblk_is_resetting(const struct vblk *d)
{
	return d->pci.is_resetting;
}
/* Requests that vblk_take() gave out and that have not come back, of earlier lives, too. */
uint32_t vblk_taken_count(const struct vblk *d);

/* What its function on the guest's PCI bus is: io/vpci.h. */
struct vpci_facts;
void vblk_facts(const struct vblk *d, struct vpci_facts *facts);
