/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/net/sink.h - what is done with a frame of a stream that has arrived, and the counting of them.
 *
 * Model    A lane is where frames are handled one after the other: a receiver has one, or one for each of
 *	    its threads. Handling a frame takes a given number of loops (guests/rt/work.h), as a
 *	    network stack would, and perhaps a look at all its bytes.
 *	    Late is what is handled later than its successor in its flow, wherever. (Where several lanes handle
 *	    one flow at a time, that is a statistic: two may look at the same moment.)
 * Units    Frames; bytes without CRC.
 * Sharing  A lane is written by its own CPU only; others may look: each word by itself is right.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "guests/net/traffic.h"

struct sink_lane {
	/* Set up before the first frame. */
	uint64_t loops;
	bool checks; /* the payload's sum */
	/* Counts. */
	volatile uint64_t received, asked, bytes, late, corrupt;
	volatile uint64_t due; /* one more than the highest number of a frame */
	uint64_t *flows; /* [A] the same, of each of TRAFFIC_FLOW_MAX flows: shared by all lanes */
	uint8_t from[FRAME_MAC_BYTES]; /* who sent the last one */
} __attribute__((aligned(64)));

/* False: it is none of a stream; it may still be for somebody else. */
bool sink_handle(struct sink_lane *l, const uint8_t *data, uint32_t bytes);
