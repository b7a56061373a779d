/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/blk/ring.h - the driver's side of a virtqueue, split or packed. Pure.
 *
 * Model    ring_add() puts a chain of buffers in, ring_publish() shows all that were added to the
 *	    device, ring_next() takes out what the device has used. A chain may be a table of
 *	    descriptors beside the ring ("indirect"): then it takes one place. The caller keeps
 *	    the buffers until the chain has come back, and knows it by its token.
 *	    Kicks and interrupts are asked for and left out by EVENT_IDX where it is agreed on,
 *	    else by the flags.
 * Source   Virtual I/O Device (VIRTIO) Version 1.2, "Split Virtqueues", "Packed Virtqueues".
 * Errors   ring_add() false: no room. ring_next() counts in `broken` what a device must not write.
 * Sharing  One caller at a time; the device reads and writes the memory at any time.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_SIZE_MAX      256u /* a power of two */
#define RING_PIECE_MAX     130u
#define RING_DESC_NEXT     1u
#define RING_DESC_WRITE    2u /* by the device */
#define RING_DESC_INDIRECT 4u
#define RING_NO_INTERRUPT  1u /* available ring's flags */
#define RING_NO_NOTIFY     1u /* used ring's flags */
#define RING_ALIGN         4096u

struct ring_desc {
	uint64_t address;
	uint32_t bytes;
	uint16_t flags, next; /* packed: the buffer's ID, then the flags */
};
_Static_assert(sizeof(struct ring_desc) == 16, "a descriptor has 16 bytes");

struct ring_used {
	uint32_t id, bytes;
};

struct ring_piece {
	void *at;
	uint32_t bytes;
};

/* What the device reads comes first. `table`: room for an indirect chain, or NULL. */
struct ring_chain {
	const struct ring_piece *pieces;
	uint32_t out_count, in_count;
	struct ring_desc *table;
	void *token;
};

struct ring_place { /* what the driver remembers of a chain, by its first descriptor or its ID */
	void *token;
	uint16_t next; /* a chain's last leads on to the first of the free ones */
	uint16_t descs;
};

struct ring {
	uint16_t size;
	bool is_packed, has_event_idx;
	struct ring_desc *desc;
	volatile uint16_t *avail; /* split: flags, index, ring, used_event; packed: driver event */
	volatile uint16_t *used;  /* split: flags, index, ring, avail_event; packed: device event */
	struct ring_place places[RING_SIZE_MAX];
	uint16_t free_head, free_count;
	uint16_t added;     /* free running: chains (packed: descriptors) that were added .. */
	uint16_t published; /* .. and shown */
	uint16_t seen;      /* used ones taken out; packed: descriptors */
	uint64_t broken;
};

/* Bytes of memory for a ring of that size, from an address aligned to RING_ALIGN. */
uint32_t ring_bytes(uint16_t size);
void ring_init(struct ring *r, void *memory, uint16_t size, bool is_packed, bool has_event_idx);

bool ring_add(struct ring *r, const struct ring_chain *chain);
/* True: the device wants to be told. */
bool ring_publish(struct ring *r);

bool ring_has_next(const struct ring *r);
/* The token of the next chain that came back, NULL: none. */
void *ring_next(struct ring *r, uint32_t *written_bytes);

/* The device is to interrupt when `ahead` more (from 1) have been used. */
void ring_want_interrupt(struct ring *r, uint16_t ahead);
void ring_refuse_interrupts(struct ring *r);
