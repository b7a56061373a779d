/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/virtio_pci.h - the modern virtio transport over PCI, the device's side.
 *
 * Model    One memory BAR, VIRTIO_PCI_BAR, has all structures; a device model (io/vblk.h) owns this
 *	    one and adds what is its own:
 *
 *	      VIRTIO_PCI_COMMON  common configuration: features, status, queues
 *	      VIRTIO_PCI_ISR     ISR status: of no use with MSI-X, but drivers may poll it
 *	      VIRTIO_PCI_DEVICE  device-specific configuration: the model's bytes; it takes writes
 *	      VIRTIO_PCI_NOTIFY  a page of its own: queue n is kicked by a write at 4 * n
 *	      VIRTIO_PCI_TABLE   the MSI-X table, a page: the caller serves it by io/vmsix.h, and
 *	      VIRTIO_PCI_PENDING its pending bits, a page: reads of them are 0 here
 *
 *	    No legacy interface, no INTx, no queue reset. config_generation does not change: nothing
 *	    in the device's configuration does, but by the driver's own writes.
 * States   of device_status:
 *
 *	      reset -> ACKNOWLEDGE, DRIVER -> FEATURES_OK -> DRIVER_OK (live) -> broken or reset
 *
 *	    FEATURES_OK is refused without VERSION_1, and with what was not offered; then features
 *	    are fixed. Queues are enabled after it: before it their layout is not known. Bits are
 *	    not taken back but by a reset. virtio_pci_break() sets DEVICE_NEEDS_RESET, and so
 *	    does a queue that cannot be enabled. A reset is at hand from the write of 0 until
 *	    virtio_pci_end_reset(): device_status reads as before, and writes are lost.
 * Units    Vectors are MSI-X table entries: queues + 1 of them.
 * Source   Virtual I/O Device (VIRTIO) Version 1.2, "Virtio Over PCI Bus", "Device Status Field",
 *	    "Feature Bits", "Common configuration structure layout".
 * Errors   Accesses have none: fields take accesses of their own width (64-bit ones also of their
 *	    halves); other reads are 0, other writes are lost.
 * Sharing  The caller's lock.
 */
#pragma once
#include "io/virtqueue.h"

#define VIRTIO_PCI_BAR          0u
#define VIRTIO_PCI_BAR_BYTES    KIB(16)
#define VIRTIO_PCI_IO_BAR       2u  /* 16-bit writes to ports kick, too: as at VIRTIO_PCI_NOTIFY */
#define VIRTIO_PCI_IO_BYTES     32u /* VIRTIO_PCI_QUEUE_MAX * VIRTIO_PCI_NOTIFY_EACH */
#define VIRTIO_PCI_COMMON       0x0000u
#define VIRTIO_PCI_COMMON_BYTES 0x38u
#define VIRTIO_PCI_ISR          0x0800u
#define VIRTIO_PCI_DEVICE       0x0c00u
#define VIRTIO_PCI_DEVICE_MAX   0x0100u
#define VIRTIO_PCI_NOTIFY       0x1000u
#define VIRTIO_PCI_NOTIFY_EACH  4u
#define VIRTIO_PCI_TABLE        0x2000u
#define VIRTIO_PCI_PENDING      0x3000u

#define VIRTIO_PCI_QUEUE_MAX    8u
#define VIRTIO_PCI_NO_VECTOR    0xffffu

/* "Reserved Feature Bits" */
#define VIRTIO_F_INDIRECT_DESC BIT64(28)
#define VIRTIO_F_EVENT_IDX     BIT64(29)
#define VIRTIO_F_VERSION_1     BIT64(32)
#define VIRTIO_F_RING_PACKED   BIT64(34)

/* "Device Status Field" */
#define VIRTIO_ACKNOWLEDGE        BIT32(0)
#define VIRTIO_DRIVER             BIT32(1)
#define VIRTIO_DRIVER_OK          BIT32(2)
#define VIRTIO_FEATURES_OK        BIT32(3)
#define VIRTIO_DEVICE_NEEDS_RESET BIT32(6)
#define VIRTIO_FAILED             BIT32(7)

struct virtio_pci_config {
	uint16_t device_id; /* "Device Types": 2 is a block device */
	uint32_t class_code;
	uint64_t features;
	uint32_t queue_count;  /* 1 to VIRTIO_PCI_QUEUE_MAX */
	uint16_t queue_size;   /* at most: a power of two, up to VIRTQUEUE_SIZE_MAX */
	const uint8_t *device; /* its configuration, little-endian */
	uint32_t device_bytes; /* up to VIRTIO_PCI_DEVICE_MAX */
};

struct virtio_pci_queue {
	uint16_t size, vector;
	uint64_t desc, driver, device;
	struct virtqueue ring;
};

struct virtio_pci {
	struct virtio_pci_config config;
	const struct gmem *memory;
	uint64_t features; /* the driver's */
	uint32_t feature_select, driver_feature_select;
	uint16_t config_vector, queue_select;
	uint8_t status, isr;
	bool is_resetting;
	uint64_t vectors; /* to be sent */
	struct virtio_pci_queue queues[VIRTIO_PCI_QUEUE_MAX];
};

/* What a write was about. */
enum virtio_pci_event {
	VIRTIO_PCI_NOTHING,
	VIRTIO_PCI_KICKED,      /* queue `queue`, and the device is live */
	VIRTIO_PCI_WENT_LIVE,   /* every queue may have something */
	VIRTIO_PCI_AGREED,      /* on features */
	VIRTIO_PCI_RESET_BEGAN, /* queues are gone; virtio_pci_end_reset() is to follow */
};
struct virtio_pci_effect {
	enum virtio_pci_event event;
	uint32_t queue;
};

MUST_CHECK enum err virtio_pci_init(struct virtio_pci *t, const struct virtio_pci_config *config,
				    const struct gmem *memory);
uint64_t virtio_pci_read(struct virtio_pci *t, uint64_t offset, uint32_t width);
struct virtio_pci_effect virtio_pci_write(struct virtio_pci *t, uint64_t offset, uint32_t width,
					  uint64_t value);

/* Whatever is at hand; without a write of the driver's. */
void virtio_pci_begin_reset(struct virtio_pci *t);
void virtio_pci_end_reset(struct virtio_pci *t);
/* The driver broke the rules, or the device has. */
void virtio_pci_break(struct virtio_pci *t);
/* The queue's interrupt is wanted. */
static inline void virtio_pci_interrupt(struct virtio_pci *t, uint32_t queue)
{
	const uint16_t vector = t->queues[queue].vector;

	t->isr |= 1; /* "ISR status capability": read by drivers without MSI-X */
	if (vector != VIRTIO_PCI_NO_VECTOR)
		t->vectors |= BIT64(vector);
}
/* The messages that are to be sent: a bit each. They are the caller's from now on. */
static inline uint64_t virtio_pci_take_vectors(struct virtio_pci *t)
{
	const uint64_t vectors = t->vectors;

	t->vectors = 0;
	return vectors;
}

/* DRIVER_OK, not broken, no reset at hand. */
static inline bool virtio_pci_is_live(const struct virtio_pci *t)
{
	return (t->status & (VIRTIO_DRIVER_OK | VIRTIO_DEVICE_NEEDS_RESET | VIRTIO_FAILED)) ==
		       VIRTIO_DRIVER_OK &&
	       !t->is_resetting;
}

/* Its function: identity, the BAR, MSI-X, and the capabilities that say where structures are. */
struct vpci_facts;
void virtio_pci_facts(const struct virtio_pci *t, struct vpci_facts *facts);
