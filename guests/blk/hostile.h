/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/blk/hostile.h - a driver that breaks the rules, on purpose.
 *
 * Model    A blow is one thing done wrong. After blows of the first sort the ring is still in order
 *	    (the request itself is nonsense, and should be answered); after one of the second the
 *	    device is started over. Whatever the device may be made to write lies in the scratch
 *	    memory: a device that follows a wrong descriptor harms nobody but this guest, and that
 *	    only where nothing is. What it must not follow lies outside of this guest's RAM.
 * Sharing  The main context; hostile_tamper_*() let a second virtual CPU change descriptors.
 */
#pragma once
#include "guests/blk/modes.h"

#define SCRATCH_BYTES  0x20000u /* addresses from the first half, lengths of at most half */
#define HOSTILE_BATCH  32u
#define HOSTILE_CHAINS 16u

struct hostile {
	struct device *d;
	uint8_t *scratch;
	uint64_t random;
	uint64_t ram_end;
};

struct blow {
	const char *name;
	/* How many requests that was. */
	uint32_t (*strike)(struct hostile *h);
};

extern const struct blow ring_blows[], register_blows[];
extern const uint32_t ring_blow_count, register_blow_count;

uint64_t hostile_random(struct hostile *h);
/* In the scratch memory, or where nothing of this guest's is. */
uint64_t hostile_address(struct hostile *h);
uint32_t hostile_length(struct hostile *h);
/* A good request, all of it in the scratch memory, in descriptors from `first` on; their count. */
uint16_t hostile_good_chain(struct hostile *h, uint16_t first);
void hostile_set(struct hostile *h, uint16_t i, struct ring_desc desc);
/* Makes what is at `head` available, and tells the device. */
void hostile_offer(struct hostile *h, uint16_t head);
void hostile_tell(struct hostile *h);

/* False: there is no second CPU. */
bool hostile_tamper_start(struct hostile *h);
void hostile_tamper(bool on);
