/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/pi.h - the posted-interrupt descriptor: interrupts left for a virtual CPU by anybody.
 *
 * Model    A bit for each vector (PIR); ON says that a notification is on its way and none need
 *	    be sent. Posters set the bit first, then ON; the one who finds ON clear notifies. The
 *	    receiver clears ON first, then takes the bits, so that none is left behind unseen.
 *	    Hardware (VT-x, VT-d) and software follow the same protocol on the same words.
 * Source   SDM Vol. 3C, "Posted-Interrupt Processing"; VT-d, "Posted Interrupt Descriptor".
 * Sharing  Any core, without locks.
 */
#pragma once
#include "core/lib/base.h"

struct pi_descriptor {
	uint64_t pir[4];
	uint32_t control; /* bit 0 ON, bit 1 SN; 23:16 notification vector */
	uint32_t destination;
	uint64_t reserved[3];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct pi_descriptor) == 64, "Posted-Interrupt Descriptor");

#define PI_ON BIT32(0)
#define PI_SN BIT32(1)

/* True: the caller must notify. Seq-cst: PIR is visible before ON, ON before what is read next. */
static inline bool pi_post(struct pi_descriptor *d, uint8_t vector)
{
	__atomic_fetch_or(&d->pir[vector / 64], BIT64(vector % 64), __ATOMIC_SEQ_CST);
	return !(__atomic_fetch_or(&d->control, PI_ON, __ATOMIC_SEQ_CST) & (PI_ON | PI_SN));
}

static inline bool pi_is_empty(const struct pi_descriptor *d)
{
	return !(__atomic_load_n(&d->control, __ATOMIC_SEQ_CST) & PI_ON);
}

/* Takes all that was posted; false: nothing was. */
static inline bool pi_take(struct pi_descriptor *d, uint64_t vectors[4])
{
	if (pi_is_empty(d))
		return false;
	__atomic_fetch_and(&d->control, ~PI_ON, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < 4; i++)
		vectors[i] = __atomic_exchange_n(&d->pir[i], 0, __ATOMIC_SEQ_CST);
	return true;
}
