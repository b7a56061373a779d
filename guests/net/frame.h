/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/net/frame.h - the frames that these guests exchange, and counting those that came. Pure.
 *
 * Model    Ethernet II, EtherType 88B5H ("Local Experimental" by IEEE 802), then a header of ours:
 *	    version, kind, length of the frame, checksum, sequence number, a time that the answer
 *	    brings back, and a payload that follows from the sequence number. The checksum is
 *	    the CRC-32 of IEEE 802.3 over all behind the EtherType, taken as 0 itself; it is
 *	    there because the device checks its own only on the wire.
 *	    A flow is what one sender sends: sequence numbers that rise by one. A gap is counted
 *	    as lost; what comes later than its successor, or twice, as late.
 * Units    Bytes without CRC. Times are the sender's ticks.
 * Errors   frame_read() false: not ours (*is_foreign), or damaged.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define FRAME_TYPE         0x88b5u
#define FRAME_MAC_BYTES    6u
#define FRAME_HEADER_BYTES 38u
#define FRAME_BYTES_MIN    60u
#define FRAME_BYTES_MAX    1514u
#define FRAME_COUNTS       3u

enum frame_kind {
	FRAME_PING = 1,
	FRAME_PONG, /* the same back, sequence and time as they were */
	FRAME_DATA,
	FRAME_ACK, /* counts[]: received, lost, and late of this sender's data */
	FRAME_BYE, /* the sender ends; answered by FRAME_ACK */
};

struct frame {
	uint8_t to[FRAME_MAC_BYTES], from[FRAME_MAC_BYTES];
	uint8_t kind; /* enum frame_kind */
	uint32_t bytes;
	uint64_t sequence, time;
	uint64_t counts[FRAME_COUNTS];
};

/* Into `room`, which has frame->bytes, from FRAME_BYTES_MIN to FRAME_BYTES_MAX. */
void frame_write(const struct frame *frame, uint8_t *room);
bool frame_read(const uint8_t *data, uint32_t bytes, struct frame *frame, bool *is_foreign);

struct flow {
	uint64_t next; /* the sequence number that is due */
	uint64_t received, lost, late;
};
void flow_take(struct flow *f, uint64_t sequence);

/* "02:00:00:00:00:01", hexadecimal of either case. */
bool frame_parse_mac(const char *text, uint8_t mac[FRAME_MAC_BYTES]);
