/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/net/traffic.h - the frames of a load, and when each is due. Pure.
 *
 * Model    A frame whose making and checking takes little, so that what a receiver spends on it is what it
 *	    was told to spend: Ethernet II, EtherType 88B6H ("Local Experimental Ethertype 2" by
 *	    IEEE 802), a head of ours with a checksum of itself, and a payload that never changes,
 *	    whose sum the head brings along.
 *	    A stream is what one guest sends to another: its frames are numbered from 0. It has flows:
 *	    frame k is of flow k mod `flows`.
 *	    A schedule is absolute: who was late catches up, and nobody drifts. Bursts: the same, in a time
 *	    that stands still while the burst is off.
 * Units    Bytes without CRC. UDP over IPv4 has 42 bytes in front of its payload, so the papers' 50, 512 and
 *	    1,472 bytes of payload are frames of 92, 554 and 1,514 bytes. Ticks of a TSC.
 * Errors   traffic_read() false: not of a load, or damaged.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "guests/net/frame.h"

#define TRAFFIC_TYPE       0x88b6u
#define TRAFFIC_HEAD_BYTES 48u
#define TRAFFIC_FLOW_MAX   64u
#define TRAFFIC_UDP_BYTES  42u

enum traffic_kind {
	TRAFFIC_DATA = 1, /* value: the sum of the payload */
	TRAFFIC_ASKING,   /* the same, and TRAFFIC_ACK is wanted */
	TRAFFIC_ACK,      /* sequence: the frame that is due; value: received */
	TRAFFIC_REQUEST,  /* value: 31:0 frames of the answer, 63:32 bytes of each */
	TRAFFIC_ANSWER,   /* sequence: the request's; value: frames that come after this one */
};

struct traffic_head {
	uint8_t to[FRAME_MAC_BYTES], from[FRAME_MAC_BYTES];
	uint8_t kind; /* enum traffic_kind */
	uint16_t flow;
	uint32_t bytes; /* of the frame, from FRAME_BYTES_MIN to FRAME_BYTES_MAX */
	uint64_t sequence, time, value;
};

/* Only the head: the payload is there. */
void traffic_write(const struct traffic_head *head, uint8_t *room);
bool traffic_read(const uint8_t *data, uint32_t bytes, struct traffic_head *head);
/* The flow of what may be a frame of a load: something, in any case. For each frame, by a dispatcher. */
#define TRAFFIC_AT_FLOW 16u
static inline uint32_t traffic_flow(const uint8_t *data)
{
	return data[TRAFFIC_AT_FLOW] | (uint32_t)data[TRAFFIC_AT_FLOW + 1] << 8;
}

/* The payload of a frame of so many bytes, and what TRAFFIC_DATA has as its value. */
void traffic_fill(uint8_t *room, uint32_t bytes);
uint64_t traffic_sum(const uint8_t *data, uint32_t bytes);

struct traffic_schedule {
	uint64_t start_tsc, hz;
	uint64_t rate;            /* frames a second, while it is on */
	uint64_t on_tsc, off_tsc; /* bursts; off 0: always on */
};
/* When frame `k` is due. k * hz must fit in 64 bits. */
uint64_t traffic_due(const struct traffic_schedule *s, uint64_t k);
