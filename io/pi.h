/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/pi.h - the posted-interrupt descriptor: interrupts left for a virtual CPU by anybody.
 *
 * Model    A bit for each vector (PIR). ON: a notification is on its way and none need be sent.
 *	    SN: none is to be sent for now. NV and NDST: the host vector and the core it goes to.
 *	    Posters set the bit first, then look at ON and SN; the one who sets ON notifies. The
 *	    receiver clears ON first, then takes the bits, so that none is left behind unseen.
 *	    Hardware (VT-x, VT-d) and software follow the same protocol on the same words.
 * States   active	the vCPU may be in its guest: NV is the vector that VT-x looks for
 *	    wake-up	it sleeps or is descheduled: NV is the vector whose handler wakes it
 *	    suppressed	either of them with SN set: the gate of the interrupt-rate throttle
 *	    pi_aim() leads from one of the first two to the other, pi_suppress() and pi_release()
 *	    into the third and back.
 * Source   SDM Vol. 3C, "Posted-Interrupt Processing"; VT-d, "Posted Interrupt Descriptor" and
 *	    "Interrupt-Posting Hardware Operation". docs/interrupts.md has the races.
 * Sharing  Any core and any IOMMU, without locks; pi_aim(): the vCPU's core; pi_suppress() and
 *	    pi_release(): one gate. Every access is one sequentially consistent atomic of 64
 *	    bits: tests/model explores every order of them.
 */
#pragma once
#include "core/lib/base.h"

struct pi_descriptor {
	uint64_t pir[4];
	uint64_t control; /* PI_*: the four fields that change as one */
	uint64_t reserved[3];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct pi_descriptor) == 64, "Posted-Interrupt Descriptor");
_Static_assert(offsetof(struct pi_descriptor, control) == 256 / 8, "bit 256 is ON");

#define PI_ON               BIT64(0)
#define PI_SN               BIT64(1)
#define PI_NV_SHIFT         16u /* 23:16 */
#define PI_NDST_SHIFT       32u /* 63:32 */
#define PI_NV(control)      ((uint8_t)((control) >> PI_NV_SHIFT))
#define PI_NDST(control)    ((uint32_t)((control) >> PI_NDST_SHIFT))
#define PI_AIM(vector, dst) ((uint64_t)(vector) << PI_NV_SHIFT | (uint64_t)(dst) << PI_NDST_SHIFT)

/* How the host's local APICs are addressed: the mode that they are in. */
enum pi_format { PI_XAPIC, PI_X2APIC };

/* What the caller must send now, if anything: host interrupt `vector` to `destination`. */
struct pi_notice {
	uint32_t destination; /* as in NDST */
	uint8_t vector;
	bool is_due;
};

/* NDST for the core with this APIC ID: 15:8 in xAPIC mode, 31:0 in x2APIC mode. */
static inline uint32_t pi_destination(uint32_t apic_id, enum pi_format format)
{
	return format == PI_XAPIC ? (apic_id & 0xff) << 8 : apic_id;
}

static inline struct pi_notice pi_notice_of(uint64_t control)
{
	return (struct pi_notice){ PI_NDST(control), PI_NV(control), true };
}

/* --- those who post ------------------------------------------------------------------------ */

/* Sets ON, whatever SN says. Due if it was clear: as VT-d does for an urgent interrupt. */
static inline struct pi_notice pi_raise(struct pi_descriptor *d)
{
	const uint64_t control = __atomic_fetch_or(&d->control, PI_ON, __ATOMIC_SEQ_CST);

	return control & PI_ON ? (struct pi_notice){ 0 } : pi_notice_of(control);
}

static inline void pi_set(struct pi_descriptor *d, uint8_t vector)
{
	__atomic_fetch_or(&d->pir[vector / 64], BIT64(vector % 64), __ATOMIC_SEQ_CST);
}

/*
 * An interrupt that no gate may hold back: another vCPU's, a timer's. True: the caller must
 * notify. Seq-cst: PIR is visible before ON, ON before what is read next.
 */
static inline bool pi_post(struct pi_descriptor *d, uint8_t vector)
{
	pi_set(d, vector);
	return !(__atomic_fetch_or(&d->control, PI_ON, __ATOMIC_SEQ_CST) & PI_ON);
}

/*
 * A device's interrupt, as VT-d posts it: with SN, the bit is left and ON is not touched. Where
 * ON or SN is found set nothing is written: whoever clears it looks at PIR after that. A retry
 * takes a change by another, at most a handful while one interrupt is posted.
 */
static inline struct pi_notice pi_post_gated(struct pi_descriptor *d, uint8_t vector)
{
	uint64_t control;

	pi_set(d, vector);
	control = __atomic_load_n(&d->control, __ATOMIC_SEQ_CST);
	do {
		if (control & (PI_ON | PI_SN))
			return (struct pi_notice){ 0 };
	} while (!__atomic_compare_exchange_n(&d->control, &control, control | PI_ON, false,
					      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
	return pi_notice_of(control);
}

/* --- the vCPU's core ----------------------------------------------------------------------- */

/* Empty to its receiver: what collects behind a gate does not count until it is released. */
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

/*
 * Notifications go to (vector, destination) from now on: active before an entry, wake-up before
 * the vCPU sleeps or another one runs, and either on its new core if it moves. True: one was
 * sent before, perhaps to where nobody waits for it any more: take before the entry, do not
 * sleep. Costs a load where nothing changes. ON can be set once and SN change once per
 * interval meanwhile, and nobody but the caller clears ON: a few retries at most.
 */
static inline bool pi_aim(struct pi_descriptor *d, uint8_t vector, uint32_t destination)
{
	uint64_t control = __atomic_load_n(&d->control, __ATOMIC_SEQ_CST), aimed;

	do {
		aimed = (control & (PI_ON | PI_SN)) | PI_AIM(vector, destination);
		if (aimed == control)
			break;
	} while (!__atomic_compare_exchange_n(&d->control, &control, aimed, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	return aimed & PI_ON;
}

/* --- the throttle's gate ------------------------------------------------------------------- */

/* What devices post collects from now on. A notification already sent arrives all the same. */
static inline void pi_suppress(struct pi_descriptor *d)
{
	__atomic_fetch_or(&d->control, PI_SN, __ATOMIC_SEQ_CST);
}

/*
 * The interval is over: one notification for all that has collected. SN is cleared before PIR is
 * looked at: who posts later than this look finds SN clear. With ON set somebody will take, and
 * clears ON before he does.
 */
static inline struct pi_notice pi_release(struct pi_descriptor *d)
{
	uint64_t posted = 0;

	if (__atomic_fetch_and(&d->control, ~PI_SN, __ATOMIC_SEQ_CST) & PI_ON)
		return (struct pi_notice){ 0 };
	for (uint32_t i = 0; i < 4; i++)
		posted |= __atomic_load_n(&d->pir[i], __ATOMIC_SEQ_CST);
	return posted ? pi_raise(d) : (struct pi_notice){ 0 };
}

/* --- owners -------------------------------------------------------------------------------- */

/* Before anybody knows of it. */
static inline void pi_init(struct pi_descriptor *d, uint8_t vector, uint32_t destination)
{
	*d = (struct pi_descriptor){ .control = PI_AIM(vector, destination) };
}

/*
 * A device has left: its entry is gone and the IOMMU has confirmed that nothing that it began to
 * post is under way. What it left and nobody took goes, too. ON may stay set with nothing behind
 * it: whoever looks finds nothing.
 */
static inline void pi_forget(struct pi_descriptor *d, uint8_t vector)
{
	__atomic_fetch_and(&d->pir[vector / 64], ~BIT64(vector % 64), __ATOMIC_SEQ_CST);
}

/* Its guest starts over: everything that was posted before goes; aim and gate stay. */
static inline void pi_clear(struct pi_descriptor *d)
{
	__atomic_fetch_and(&d->control, ~PI_ON, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < 4; i++)
		(void)__atomic_exchange_n(&d->pir[i], 0, __ATOMIC_SEQ_CST);
}
