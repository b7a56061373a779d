/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/net/igbvf.h - driver of a virtual function (VF) of an Intel 82576.
 *
 * Model    One receive and one transmit queue of IGBVF_RING descriptors, a buffer of 2 KiB each,
 *	    one frame a buffer. Received frames interrupt; whether one was sent is seen when its
 *	    place is wanted again. The physical function (PF) decides which
 *	    address the VF has: igbvf_reset() asks it by mailbox. After a reset of the PF, which
 *	    igbvf_pf_was_reset() tells, everything starts over with igbvf_reset().
 * Source   Intel 82576EB Gigabit Ethernet Controller Datasheet, "VF Mailbox", "Receive
 *	    Functionality", "Transmit Functionality"; messages as in drivers/igb/igb.h.
 * Units    Ticks of io.now(). Frames are from the destination address to the last byte before
 *	    the CRC.
 * Errors   enum igbvf_result. No wait is longer than `patience` ticks.
 * Sharing  One caller at a time; igbvf_rearm() from an interrupt handler, too.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define IGBVF_VENDOR       0x8086u
#define IGBVF_DEVICE       0x10cau
#define IGBVF_BAR_BYTES    0x4000u
#define IGBVF_MAC_BYTES    6u
#define IGBVF_RING         256u /* descriptors, a power of two; one stays free */
#define IGBVF_BUFFER_BYTES 2048u
#define IGBVF_FRAME_MIN    60u
#define IGBVF_FRAME_MAX    1514u

struct igbvf_io {
	uint32_t (*read)(void *context, uint32_t reg);
	void (*write)(void *context, uint32_t reg, uint32_t value);
	uint64_t (*now)(void *context);
	void *context;
};

struct igbvf_desc {
	volatile uint64_t lo, hi;
};

/* What the device reads and writes: at the same address for it and for us. */
struct igbvf_memory {
	struct igbvf_desc rx[IGBVF_RING], tx[IGBVF_RING];
	uint8_t rx_buffer[IGBVF_RING][IGBVF_BUFFER_BYTES];
	uint8_t tx_buffer[IGBVF_RING][IGBVF_BUFFER_BYTES];
} __attribute__((aligned(4096)));

struct igbvf {
	struct igbvf_io io;
	struct igbvf_memory *memory;
	uint64_t patience;
	uint8_t mac[IGBVF_MAC_BYTES];
	uint32_t seen;              /* bits of the mailbox register that reading has cleared */
	uint8_t *rx_at[IGBVF_RING]; /* the buffer of each receive descriptor */
	uint32_t rx_next;           /* what is received next */
	uint32_t tx_next, tx_done;  /* what is sent next; the oldest that may not have been sent */
};

enum igbvf_result {
	IGBVF_OK,
	IGBVF_GONE,       /* registers read as ones */
	IGBVF_PF_DOWN,    /* the PF does not come out of its reset */
	IGBVF_NO_MAILBOX, /* the PF holds it */
	IGBVF_NO_ANSWER,
	IGBVF_REFUSED,
	IGBVF_STUCK, /* a queue does not turn on */
};
const char *igbvf_text(enum igbvf_result result);

void igbvf_init(struct igbvf *d, const struct igbvf_io *io, struct igbvf_memory *memory,
		uint64_t patience);
/* Other receive buffers than those of the memory, before igbvf_start(): IGBVF_RING of them. */
void igbvf_use_buffers(struct igbvf *d, uint8_t *buffers);
/* Queues off; from now on d->mac is this VF's address. Then igbvf_start(). */
enum igbvf_result igbvf_reset(struct igbvf *d);
/* Asks for another address. */
enum igbvf_result igbvf_set_mac(struct igbvf *d, const uint8_t mac[IGBVF_MAC_BYTES]);
/* Both queues on, all receive buffers offered. */
enum igbvf_result igbvf_start(struct igbvf *d);
/* Received frames interrupt by MSI-X entry 0; igbvf_rearm() after each. */
void igbvf_interrupt(struct igbvf *d);
void igbvf_rearm(const struct igbvf *d);

bool igbvf_link_is_up(const struct igbvf *d);
bool igbvf_pf_was_reset(struct igbvf *d);

/* The next frame, NULL: none; it stays where it is until igbvf_receive_done(). 0 bytes: damaged. */
const uint8_t *igbvf_receive(struct igbvf *d, uint32_t *bytes);
void igbvf_receive_done(struct igbvf *d);
/*
 * The same for one who takes many at a time, and keeps their buffers: how many there are, at most `max`; they
 * stay where they are. Then the first `count` of them are exchanged for `instead`, and the device is told.
 */
struct igbvf_frame {
	uint8_t *data, *instead;
	uint32_t bytes; /* 0: damaged */
};
uint32_t igbvf_receive_many(struct igbvf *d, struct igbvf_frame *frames, uint32_t max);
void igbvf_receive_swap(struct igbvf *d, const struct igbvf_frame *frames, uint32_t count);

/* Where the next frame is to be written, NULL: the ring is full; igbvf_send() sends it. */
uint8_t *igbvf_send_buffer(struct igbvf *d);
void igbvf_send(struct igbvf *d, uint32_t bytes);
