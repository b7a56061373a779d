/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/model/igb_rig.h - an 82576 in software with our PF driver at one end, and at the other VF
 * drivers that keep to the protocol as Linux's igbvf does.
 */
#pragma once
#include "drivers/igb/igb.h"
#include "tests/model/igb_model.h"

#define RIG_HZ   UINT64_C(1000000000)
#define RIG_POLL UINT64_C(1000000) /* 1 ms from one poll to the next */

enum { /* messages, and what answers have */
       VF_RESET = 1,
       VF_SET_MAC = 2,
       VF_SET_MULTICAST = 3,
       VF_SET_VLAN = 4,
       VF_SET_LPE = 5,
       VF_SET_PROMISC = 6,
};
#define ACK  UINT32_C(0x80000000)
#define NACK UINT32_C(0x40000000)
#define CTS  UINT32_C(0x20000000)

/* Addresses that tests send to and from, and the hash of a group of theirs. */
static const struct igb_mac everybody = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
static const struct igb_mac stranger = { { 0x00, 0x1b, 0x21, 1, 2, 3 } };
#define GROUP_HASH 0x5a7u

/* Xorshift (Marsaglia): the next state, from any but 0. */
static inline uint64_t rig_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* 0 .. n - 1, the same in every run. */
static inline uint32_t random_below(uint32_t n)
{
	static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(rig_random(&state) >> 24) % n;
}

struct rig {
	struct igb_model m;
	struct igb d;
	uint64_t now;
	uint32_t step_most, poll_most; /* accesses of one call */
	uint32_t told[16];             /* events by kind */
	struct igb_event last[16];
	struct igb_events events;
	/* the VFs' drivers */
	uint32_t sticky[8]; /* bits of the mailbox that reading cleared */
	struct igb_mac mac[8];
};

/* A device with an address and no link, and nothing brought up. */
void rig_start(struct rig *r);
struct igb_config rig_config(uint32_t vf_count);
/* Until it is up or has failed. */
enum err rig_up(struct rig *r);
enum err rig_start_up(struct rig *r, const struct igb_config *config); /* all VFs open */
void rig_poll(struct rig *r);
void rig_poll_for(struct rig *r, uint64_t ns);

/* One message; false: the mailbox cannot be had. */
bool rig_send(struct rig *r, uint32_t vf, const uint32_t *words, uint32_t count);
/* Polls until it is answered; the first words of the answer. 0: it is not. */
uint32_t rig_ask(struct rig *r, uint32_t vf, const uint32_t *words, uint32_t count,
		 uint32_t answer[3]);
uint32_t rig_ask2(struct rig *r, uint32_t vf, uint32_t first, uint32_t second);
uint32_t rig_ask_mac(struct rig *r, uint32_t vf, uint32_t first, const struct igb_mac *mac);
/* Reads and acknowledges. */
uint32_t rig_vf_reads(struct rig *r, uint32_t vf);
uint32_t rig_mailbox(struct rig *r, uint32_t vf); /* with what was read before */
/* Its reset, VF_RESET, and enabling its queues. False: the PF does not let it. */
bool rig_vf_init(struct rig *r, uint32_t vf);
bool rig_receives(struct rig *r, uint32_t vf);

/* Where a frame goes; -1: no tag. */
uint32_t rig_frame(struct rig *r, uint32_t source, const struct igb_mac *to,
		   const struct igb_mac *from, int32_t descriptor, int32_t tag, uint32_t bytes);
