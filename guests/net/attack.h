/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/net/attack.h - has a VF reach for addresses that are not this guest's.
 *
 * Model    The attacker's queues are taken over: descriptors, ring addresses and the address that the
 *	    transmit head is written to are what the attack says, and put back as they were after
 *	    it. The helper is an honest VF of the same guest: it sends what the attacker is to
 *	    write somewhere, and receives what the attacker has read.
 *	    The device's own view: an attempt is "moved" if its queue went on, "leaked" if the
 *	    helper got anything but constant bytes where memory was to be read. What was
 *	    written, only its owner can say.
 * Units    Guest-physical addresses, which the device uses.
 * Sharing  The main context only.
 */
#pragma once
#include "guests/net/port.h"

enum attack {
	ATTACK_READ,          /* sends a frame that lies there */
	ATTACK_WRITE,         /* receives a frame to there */
	ATTACK_TRANSMIT_RING, /* descriptors of frames to send are there: read, and written back */
	ATTACK_RECEIVE_RING,  /* those of receive buffers */
	ATTACK_HEAD,          /* the head's number is written there */
	ATTACK_COUNT
};
const char *attack_name(enum attack attack);

struct attack_tally {
	uint64_t attempts, moved, leaked;
};

struct attack_pair {
	struct port *attacker, *helper;
	uint64_t restarts; /* the attacker's queues hung and had to be reset */
};

/* False: the device is lost. */
bool attack_once(struct attack_pair *pair, enum attack attack, uint64_t target,
		 struct attack_tally *tally);

/* Four bytes, written by the attacker's device where an interrupt message would go; data > 0. */
bool attack_message(struct attack_pair *pair, uint64_t address, uint8_t data,
		    struct attack_tally *tally);
