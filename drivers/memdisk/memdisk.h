/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/memdisk/memdisk.h - a disk in memory that takes as long as a model says.
 *
 * Model    Completion times are computed when a request is submitted (core/lib/service_time.h), so
 *	    they follow from the submissions and the seed alone. Data moves in poll(), at or
 *	    after its request's time, in the order of these times: at most DISK_COPY_MAX bytes in
 *	    a call, a longer request bit by bit. Its other time costs the caller nothing.
 *	    DISCARD leaves the data as it is; WRITE_ZEROES writes them.
 *	    Nothing is volatile but all of it: what was completed is in the memory at once. It
 *	    says that it has a cache where a FLUSH takes time, so that flushes come and take it.
 *	    Without memory (simulators) no data moves at all, and requests need no segments.
 * Cost     submit() and poll(): O(log n) in the requests in flight, and the copying.
 * Units    TSC ticks; the model's configuration has ns.
 * Errors   memdisk_begin(): ERR_INVAL, ERR_RANGE: the model's; or sizes that are no disk.
 *	    submit(): drivers/disk.h; ERR_BUSY: MEMDISK_DEPTH_MAX are in flight.
 * Sharing  drivers/disk.h.
 */
#pragma once
#include "core/lib/service_time.h"
#include "drivers/disk.h"

#define MEMDISK_DEPTH_MAX 512u

struct memdisk_config {
	uint8_t *memory;            /* NULL: there are no data */
	uint64_t bytes;             /* a multiple of block_bytes */
	uint32_t block_bytes;       /* 512, 1024, 2048, 4096 */
	uint32_t request_max_bytes; /* a multiple of block_bytes */
	struct service_time_config time;
	uint64_t tsc_hz;
};

struct memdisk {
	struct disk disk; /* first: its operations get this */
	struct memdisk_config config;
	struct service_time time;
	uint32_t
		submitted; /* number of the next: requests done at the same time keep their order */
	struct memdisk_slot {
		struct block_request *request;
		uint64_t done_tsc;
		uint32_t number;
	} slots[MEMDISK_DEPTH_MAX]; /* a heap: the earliest comes first; disk.in_flight of them */
};

/* It is UP at once. */
MUST_CHECK enum err memdisk_begin(struct memdisk *m, const struct memdisk_config *config,
				  uint64_t now_tsc);
