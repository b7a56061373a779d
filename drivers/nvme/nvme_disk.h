/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/nvme/nvme_disk.h - a namespace of an NVM Express controller as a disk.
 *
 * Model    A request is cut into parts, a command each: as long as a PRP list and the controller's
 *	    MDTS allow, ending where the next segment does not continue on a page. What a PRP
 *	    list cannot say (an odd address; a block that two segments share) goes by a bounce
 *	    page, NVME_DISK_BOUNCE_MAX of which there are. One request at a time is being cut:
 *	    until its last part is sent, the next one gets ERR_BUSY.
 *	    A part that fails without "Do Not Retry" is sent again, twice at most.
 * Queues   Pairs belong to cores: whoever submits says which by nvme_disk_use_queue() before. All
 *	    are polled by poll(). Under the one lock of the disk one pair is as good as many;
 *	    several let the controller work on them side by side.
 * Recovery The controller may be reset at any time (nvme.h has when). Parts that were lost by it
 *	    are sent again when it is READY, if it is the same disk still: reads and writes that
 *	    nobody was told about may be carried out once more, or late, as they are concurrent
 *	    with all that was submitted since. An interrupted FLUSH is sent again, too: it is
 *	    never answered but by the controller's own success.
 *	    Is that flush worth anything? What the write cache held survives a reset of the
 *	    controller or the function: the specification lets it go with power alone
 *	    ("Volatile Write Cache"). So the counters of power losses in the SMART log are
 *	    compared before and after: if the disk lost power meanwhile, the next FLUSH of each
 *	    client that had writes acknowledged and not flushed fails, once. Where a controller has
 *	    no such log, that cannot be told.
 * Caller   Everything else of the function: decoding, bus mastering, IOMMU_HYPERVISOR with the memory
 *	    below and that of all segments, interrupts off; after each serve(), and after poll(),
 *	    what nvme_disk_needs() says:
 *	      FLR     Function Level Reset, configuration restored, then nvme_disk_after_flr(). If
 *	              it cannot be done: as for BLOCK
 *	      BLOCK   arch_iommu_block() (or bus mastering off), then nvme_disk_after_block():
 *	              only then come requests back that it might still have written
 * Units    As drivers/disk.h.
 * Errors   nvme_disk_begin(): ERR_INVAL: the configuration; ERR_NOMEM: memory or registers are too
 *	    short; else what nvme_init() says.
 * Source   NVM Express Base Specification 2.1, "Physical Region Page Entry and List", "Controller
 *	    Level Reset"; NVM Command Set Specification 1.1, "Flush command".
 * Sharing  drivers/disk.h: one lock around all of it, nvme_step() included.
 */
#pragma once
#include "core/lib/block_cursor.h"
#include "drivers/disk.h"
#include "drivers/nvme/nvme_io.h"

#define NVME_DISK_QUEUE_MAX  NVME_IO_QUEUE_MAX
#define NVME_DISK_DEPTH_MAX  64u
#define NVME_DISK_PART_MAX   256u
#define NVME_DISK_BOUNCE_MAX 16u
#define NVME_DISK_PAGES      64u /* of a command: 256 KiB */
#define NVME_DISK_SMART_NS   SEC(60)
_Static_assert(NVME_DISK_BOUNCE_MAX *PAGE_BYTES <= DISK_COPY_MAX, "what a call copies at most");

struct nvme_disk_config {
	struct nvme_config controller; /* without its memory */
	struct nvme_memory memory;     /* nvme_disk_memory_bytes() */
	uint32_t nsid;                 /* 0: the first that is usable */
	uint32_t queue_count;          /* 1 to NVME_DISK_QUEUE_MAX: asked for */
	uint16_t depth;                /* commands in flight on each: 1 to NVME_DISK_DEPTH_MAX */
	uint32_t request_max_bytes;    /* a multiple of 4096 */
};

struct nvme_part { /* of a request: a command that is in flight, lost, or to be sent again */
	struct block_request *request; /* NULL: free */
	uint64_t offset, bytes;        /* FLUSH: 0 bytes */
	uint8_t queue, bounce, tries;
	uint16_t next; /* in the list that it is on */
};

struct nvme_disk {
	struct disk disk; /* first: its operations get this */
	struct nvme_disk_config config;
	struct nvme d;
	uint32_t phase; /* of serve(): nvme_disk.c */
	bool is_blocked, was_up;
	uint32_t nsid;
	uint8_t block_shift;
	uint64_t command_max_bytes;

	struct nvme_io_queue queues[NVME_DISK_QUEUE_MAX];
	struct nvme_slot slots[NVME_DISK_QUEUE_MAX][NVME_DISK_DEPTH_MAX];
	uint32_t queue_count; /* added; io_granted_count of them are of use */
	uint32_t submit_queue;

	struct nvme_part parts[NVME_DISK_PART_MAX];
	uint16_t free_part, lost_first, lost_last;
	uint8_t *bounce;
	hpa_t bounce_hpa;
	uint32_t bounce_used; /* a bit each */

	struct block_request *cutting; /* not all of its parts were sent */
	struct block_cursor at;
	uint32_t cut_queue;
	struct block_request *done_first, *done_last; /* for the next poll() */
	struct nvme_piece pieces[BLOCK_SEGMENT_MAX];  /* of the command that is being made */

	/* Clients (a bit each, modulo 64) with acknowledged writes that no flush has covered. */
	uint64_t dirty;      /* .. nor was sent since */
	uint64_t flushing;   /* .. but one is on its way */
	uint64_t lost_cache; /* .. and none ever will: the next one fails */
	uint32_t flushes_in_flight;

	struct nvme_smart smart;
	uint64_t smart_tsc; /* when it was taken; 0: never */
	uint64_t smart_due_tsc;
	bool is_smart_asked;
};

uint64_t nvme_disk_memory_bytes(uint32_t queue_count, uint16_t depth);
/* Before the first serve(). Reads the controller's capabilities and changes nothing. */
MUST_CHECK enum err nvme_disk_begin(struct nvme_disk *n, const struct nvme_disk_config *config,
				    uint64_t now_tsc);

enum nvme_disk_need { NVME_DISK_NOTHING, NVME_DISK_FLR, NVME_DISK_BLOCK };
enum nvme_disk_need nvme_disk_needs(const struct nvme_disk *n);
void nvme_disk_after_flr(struct nvme_disk *n, uint64_t now_tsc);
void nvme_disk_after_block(struct nvme_disk *n);

/* The next submit() goes to the pair of this core; more cores than pairs share them. */
void nvme_disk_use_queue(struct nvme_disk *n, uint32_t core);
/* Once a minute. NULL: not yet, or it has none. */
const struct nvme_smart *nvme_disk_smart(const struct nvme_disk *n, uint64_t *taken_tsc);
/* With nothing in flight: its cache goes to the medium; GONE by serve() when that is done. */
MUST_CHECK enum err nvme_disk_shutdown(struct nvme_disk *n, uint64_t now_tsc);
