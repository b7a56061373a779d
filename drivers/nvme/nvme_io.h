/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/nvme/nvme_io.h - reads, writes and the like, on queues that belong to one core each.
 *
 * Model    A queue is given to the controller before bring-up and created by it, again after
 *	    every reset. Its owner submits, rings once for many (nvme_io_kick), and polls a bounded
 *	    number of completions. Only the owner touches a queue; `state` is how the core that
 *	    steps the controller and the owner take turns:
 *
 *	      CLOSED --stepper: the device is silent--> COLLECT --owner: polled until empty--+
 *	        ^                                                                            |
 *	        +--stepper: reset-- OPEN <--stepper: created by the controller-- COLLECTED <-+
 *
 *	    So a reset goes on only when every owner has polled: an owner must do so at least every
 *	    now and then while the queue is not OPEN.
 *	    A queue that the controller did not grant (io_granted_count) stays COLLECTED.
 * Data     Pieces of physically contiguous memory, in order. Only the first may begin, and only
 *	    the last may end, off a page boundary: that is all that a PRP list can say.
 * Bounds   A queue holds `slot_count` commands. A request is refused beyond its namespace, the
 *	    controller's MDTS, or the queue's PRP list.
 * Source   NVM Command Set Specification 1.1, "I/O Commands"; NVM Express Base Specification 2.1,
 *	    "Physical Region Page Entry and List".
 * Errors   ERR_BUSY: no slot, or not OPEN. ERR_INVAL: pieces or counts. ERR_RANGE: not all in the
 *	    namespace, or too long. ERR_NODEV: no such namespace. ERR_UNSUPPORTED: the controller
 *	    lacks the command.
 */
#pragma once
#include "drivers/nvme/nvme.h"

enum nvme_op { NVME_READ, NVME_WRITE, NVME_FLUSH, NVME_DEALLOCATE, NVME_WRITE_ZEROES };

struct nvme_piece {
	hpa_t at; /* a multiple of 4 */
	uint64_t bytes;
};

struct nvme_request {
	enum nvme_op op;
	uint32_t nsid;
	uint64_t lba;
	uint32_t block_count; /* NVME_FLUSH: 0; at most 65536 */
	bool is_fua;          /* on the medium before it completes */
	const struct nvme_piece *pieces;
	uint32_t piece_count;
	uint64_t tag;
};

enum nvme_queue_state { NVME_Q_COLLECTED, NVME_Q_OPEN, NVME_Q_CLOSED, NVME_Q_COLLECT };

struct nvme_io_queue {
	struct nvme *d;
	struct nvme_queue queue;
	uint32_t state; /* [A] enum nvme_queue_state */
	uint8_t *lists; /* `list_bytes` for each slot */
	hpa_t lists_hpa;
	uint32_t list_bytes;         /* power of two, at most a page */
	uint64_t transfer_max_bytes; /* [I] of the PRP list; MDTS comes on top */
};

struct nvme_io_config {
	struct nvme_memory memory; /* nvme_io_memory_bytes() */
	struct nvme_slot *slots;   /* not reachable for the device */
	uint16_t slot_count;       /* commands in flight, at most NVME_SLOT_MAX */
	uint32_t page_count;       /* of a transfer: power of two, 2 to 512 */
};

uint64_t nvme_io_memory_bytes(uint16_t slot_count, uint32_t page_count);
/*
 * Between nvme_init() and the first nvme_step(). Where the controller's queues are shorter
 * (CAP.MQES), fewer slots are used. ERR_NOMEM: more than NVME_IO_QUEUE_MAX, or memory is short.
 */
MUST_CHECK enum err nvme_io_add(struct nvme *d, struct nvme_io_queue *q,
				const struct nvme_io_config *config);

MUST_CHECK enum err nvme_io_submit(struct nvme_io_queue *q, const struct nvme_request *r,
				   uint64_t now_tsc);
void nvme_io_kick(struct nvme_io_queue *q);
/* At most `max` completions; what a misbehaving controller sends is not one of them. */
uint32_t nvme_io_poll(struct nvme_io_queue *q, uint64_t now_tsc, struct nvme_done done[],
		      uint32_t max);
