/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/blk/device.h - a virtio block device that this guest has: found, set up, with its
 * interrupts.
 *
 * Model    device_open() finds it and maps its registers; device_start() resets it, agrees on
 *	    features and sets the queues up: again after every reset. Vector 0 of MSI-X is for
 *	    changes of the configuration and DEVICE_NEEDS_RESET, vector 1 + q for queue q.
 *	    What is submitted goes to the device at device_kick(), which kicks only if the device
 *	    wants it. device_wait() sleeps until a request has come back; device_next() gives it.
 * Source   Virtual I/O Device (VIRTIO) Version 1.2, "Virtio Over PCI Bus", "Block Device".
 * Units    Sectors of 512 bytes. Ticks of the guest's TSC; *_tsc are absolute.
 * Errors   Said on the console; false.
 * Sharing  The main context only; the interrupt handlers just count.
 */
#pragma once
#include "guests/blk/ring.h"

#define DEVICE_QUEUE_MAX 8u
#define SECTOR_BYTES     512u

enum feature { /* numbers of bits */
	       FEATURE_SIZE_MAX = 1,
	       FEATURE_SEG_MAX = 2,
	       FEATURE_READ_ONLY = 5,
	       FEATURE_BLOCK_BYTES = 6,
	       FEATURE_FLUSH = 9,
	       FEATURE_TOPOLOGY = 10,
	       FEATURE_WRITE_CACHE = 11,
	       FEATURE_QUEUES = 12,
	       FEATURE_DISCARD = 13,
	       FEATURE_WRITE_ZEROES = 14,
	       FEATURE_INDIRECT = 28,
	       FEATURE_EVENT_IDX = 29,
	       FEATURE_VERSION_1 = 32,
	       FEATURE_ACCESS_PLATFORM = 33,
	       FEATURE_PACKED = 34,
};
#define FEATURE(bit) (UINT64_C(1) << (bit))

enum request_type {
	REQUEST_READ = 0,
	REQUEST_WRITE = 1,
	REQUEST_FLUSH = 4,
	REQUEST_ID = 8,
	REQUEST_DISCARD = 11,
	REQUEST_WRITE_ZEROES = 13,
};
enum request_status { REQUEST_OK = 0, REQUEST_ERROR = 1, REQUEST_UNSUPPORTED = 2 };
#define REQUEST_NO_STATUS  0xeeu /* what is there before the device has written one */

#define STATUS_ACKNOWLEDGE 1u
#define STATUS_DRIVER      2u
#define STATUS_DRIVER_OK   4u
#define STATUS_FEATURES_OK 8u
#define STATUS_NEEDS_RESET 64u
#define STATUS_FAILED      128u

/* A register of the common configuration: VIRTIO 1.2, "Common configuration structure layout". */
enum common {
	COMMON_DEVICE_FEATURE_SELECT = 0x00,
	COMMON_DEVICE_FEATURE = 0x04,
	COMMON_DRIVER_FEATURE_SELECT = 0x08,
	COMMON_DRIVER_FEATURE = 0x0c,
	COMMON_CONFIG_VECTOR = 0x10, /* 16 bits, as all from here but the status and addresses */
	COMMON_QUEUE_COUNT = 0x12,
	COMMON_STATUS = 0x14,     /* 8 bits */
	COMMON_GENERATION = 0x15, /* 8 bits */
	COMMON_QUEUE_SELECT = 0x16,
	COMMON_QUEUE_SIZE = 0x18,
	COMMON_QUEUE_VECTOR = 0x1a,
	COMMON_QUEUE_ENABLE = 0x1c,
	COMMON_QUEUE_NOTIFY = 0x1e,
	COMMON_QUEUE_DESC = 0x20, /* 64 bits, written as two halves; and the next two */
	COMMON_QUEUE_DRIVER = 0x28,
	COMMON_QUEUE_DEVICE = 0x30,
};

struct request {
	struct {
		uint32_t type, reserved;
		uint64_t sector;
	} head;
	volatile uint8_t status;
	uint8_t queue;
	uint32_t piece_count; /* of data */
	struct ring_piece pieces[RING_PIECE_MAX - 2];
	struct ring_desc *table; /* for indirect chains; or NULL */
	uint64_t submitted_tsc;  /* set by its maker */
	uint64_t tag;            /* likewise */
};

/* What it says of itself. */
struct device_facts {
	uint64_t sector_count;
	uint32_t size_max, seg_max, block_bytes;
	uint32_t discard_max, zeroes_max; /* sectors of one request */
	uint16_t queue_count;
	uint8_t physical_exponent, writeback;
	bool is_read_only;
};

struct device_options {
	uint64_t features;    /* those that are wanted, of what is offered */
	uint16_t queue_count; /* at most */
	uint16_t queue_size;  /* at most, a power of two */
	uint32_t coalesce; /* the interrupt comes after so many requests, where possible: from 1 */
	bool is_polled;    /* no interrupts */
};

struct device_queue {
	struct ring ring;
	void *memory;
	volatile uint16_t *notify;
	uint16_t notify_port; /* 0: none; else it is used */
	uint32_t in_flight;
	volatile uint64_t interrupts;
};

struct device {
	uint32_t pci;
	uint64_t common, specific, notify; /* where the registers are */
	uint32_t notify_multiplier;
	uint16_t port; /* of the notifications, 0: they have none */
	uint32_t port_multiplier;
	volatile uint32_t *msix;
	uint32_t msix_count;
	uint64_t offered, features;
	struct device_options options;
	struct device_facts facts;
	uint32_t queue_count;
	struct device_queue queues[DEVICE_QUEUE_MAX];
	volatile uint64_t config_interrupts;
	uint64_t kicks, kicks_saved, sleeps;
	uint64_t alarm_tsc;
};

bool device_open(struct device *d, const struct device_options *options);
/* From the reset on. */
bool device_start(struct device *d);
/* False: the status did not become 0 in time. */
bool device_reset(struct device *d);
uint8_t device_status(const struct device *d);
void device_read_facts(struct device *d);

uint64_t device_read(const struct device *d, enum common reg, uint32_t width);
void device_write(const struct device *d, enum common reg, uint32_t width, uint64_t value);
/* A queue's two or three addresses, size, vector; enabled. */
void device_set_queue(struct device *d, uint16_t q);

/* False: no room in that queue. */
bool device_submit(struct device *d, struct request *r, uint32_t queue);
void device_kick(struct device *d, uint32_t queue);
struct request *device_next(struct device *d, uint32_t queue);
bool device_has_next(const struct device *d);
uint32_t device_in_flight(const struct device *d);
uint64_t device_interrupts(const struct device *d);
/* False: nothing came back until `until_tsc`. */
bool device_wait(struct device *d, uint64_t until_tsc);
/* One request, alone: its status. REQUEST_NO_STATUS: none in time. */
uint8_t device_do(struct device *d, struct request *r);

uint64_t device_ticks_from_ms(uint64_t ms);
uint64_t device_ns(uint64_t ticks);
