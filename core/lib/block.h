/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/lib/block.h - a request to a block device, as plain data.
 *
 * Model    Made by io/vblk.h out of what a guest wrote, checked once; ordered by io/iosched.h; carried
 *	    out by a driver of drivers/disk.h; ended by io/vblk.h again. core/disk.c hands it from
 *	    one to the next, and each has fields of its own: nobody else looks at those.
 * Units    Sectors of 512 bytes, of the whole disk. TSC ticks.
 * Data     Pieces of memory as the hypervisor sees it, in the order of the bytes on the disk; of any
 *	    alignment and length, together sector_count * 512 bytes. Guests may change what lies
 *	    there at any time: it is data, and nobody decides anything by it.
 */
#pragma once
#include "core/lib/base.h"

#define BLOCK_SECTOR_BYTES 512u
#define BLOCK_SEGMENT_MAX  64u

enum block_op {
	BLOCK_READ,
	BLOCK_WRITE,
	BLOCK_FLUSH, /* what was completed before it was made is on the medium when it completes */
	BLOCK_DISCARD, /* a hint: the range may read as anything afterwards */
	BLOCK_WRITE_ZEROES,
	BLOCK_OP_COUNT
};

enum block_status { BLOCK_OK, BLOCK_IO_ERROR, BLOCK_UNSUPPORTED };

struct block_segment {
	uint8_t *at;
	uint64_t bytes;
};

struct block_request {
	uint8_t op;      /* enum block_op */
	bool is_fua;     /* WRITE, WRITE_ZEROES: on the medium before it completes */
	bool may_unmap;  /* WRITE_ZEROES: the range need not stay allocated */
	uint8_t status;  /* enum block_status, once it is done */
	uint16_t client; /* whose: index of the disk's client */
	uint16_t queue;  /* .. and which of its virtqueues */
	uint64_t sector; /* FLUSH: 0, and no sectors */
	uint32_t sector_count;
	uint32_t segment_count; /* READ, WRITE only */
	struct block_segment segments[BLOCK_SEGMENT_MAX];
	uint64_t arrived_tsc; /* core/disk_service.c: taken from the ring */

	struct block_request *next; /* of whoever holds it: one list at a time */
	struct {                    /* io/vblk.h */
		uint8_t *status_at;
		uint32_t written_bytes; /* into the guest's memory, if it ends well */
		uint16_t chain_id, chain_descs;
		uint32_t life; /* of the device when it was made: a reset ends one */
	} vblk;
	struct { /* io/iosched.h */
		uint64_t due_tsc;
		uint32_t leaf;
	} sched;
	struct { /* drivers/disk.h */
		uint64_t done_tsc;
		uint64_t done_bytes;
		uint32_t parts_left;
	} driver;
};

static inline uint64_t block_bytes(const struct block_request *r)
{
	return (uint64_t)r->sector_count * BLOCK_SECTOR_BYTES;
}
