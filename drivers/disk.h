/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/disk.h - a disk that the hypervisor drives: NVMe, virtio-blk, or memory.
 *
 * Model    begin() at boot, then serve() until it says UP. From then on requests are submitted and
 *	    polled; nobody waits. A driver that loses its device (error, reset) recovers in
 *	    serve(), a bounded step at a time: requests that were in flight then end with
 *	    BLOCK_IO_ERROR, or are carried out again where that changes nothing (what was not
 *	    acknowledged may be on the medium or not). GONE is final: everything ends with an error.
 *	    While the device has a request it may read or write the request's segments; poll() gives
 *	    a request back only when it does no more.
 * Limits   Of facts: the caller submits nothing beyond them. Segments may have any alignment and
 *	    length; what a device cannot take as it is, the driver cuts or copies, in bounded work.
 * Time     serve() at most 300 us of work (core/plan.h, PLAN_SERVICE_STEP_NS), poll() and submit()
 *	    bounded by what `max` and BLOCK_SEGMENT_MAX say; the memory disk copies at most
 *	    DISK_COPY_MAX bytes in a poll().
 * Errors   submit(): ERR_BUSY: no room now, or not UP; try after the next poll(). ERR_UNSUPPORTED:
 *	    the operation; ERR_RANGE: beyond its end: the caller's own mistake.
 * Sharing  The caller's lock, on any core.
 */
#pragma once
#include "core/lib/block.h"

#define DISK_COPY_MAX KIB(64)

enum disk_state { DISK_COMING_UP, DISK_UP, DISK_RECOVERING, DISK_GONE };

struct disk_facts {
	uint64_t sector_count;
	uint32_t block_bytes;       /* 512 to 4096: requests are multiples of it */
	uint32_t request_max_bytes; /* of one request */
	bool has_cache;             /* a volatile one: FLUSH does something */
	bool has_discard, has_write_zeroes;
	char model[41], serial[21], firmware[9];
};

struct disk;
struct disk_ops {
	const char *name;
	/* Its next step. *again_tsc: call again then, or TSC_NEVER. */
	enum disk_state (*serve)(struct disk *d, uint64_t now_tsc, uint64_t *again_tsc);
	enum err (*submit)(struct disk *d, struct block_request *r, uint64_t now_tsc);
	/* What was submitted since the last kick begins now. */
	void (*kick)(struct disk *d);
	/*
	 * At most `max` that are done, with their status. *again_tsc: the earliest time at which there
	 * can be more (the memory disk knows it; others say now + poll_tsc while they have any).
	 */
	uint32_t (*poll)(struct disk *d, uint64_t now_tsc, struct block_request *done[],
			 uint32_t max, uint64_t *again_tsc);
};

struct disk {
	const struct disk_ops *ops;
	struct disk_facts facts; /* from UP on */
	enum disk_state state;
	const char *why;      /* it is not UP; or its last trouble */
	uint32_t in_flight;   /* submitted, not given back */
	uint32_t error_count; /* requests that ended with an error */
	uint32_t reset_count;
	uint64_t poll_tsc; /* [I] between looks while something is in flight */
};

/* For drivers: what submit() answers to a request that is beyond the facts. */
MUST_CHECK enum err disk_check(const struct disk_facts *f, const struct block_request *r);
