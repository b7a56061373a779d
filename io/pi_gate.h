/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/pi_gate.h - how often devices' interrupts may disturb one virtual CPU: the policy of its gate.
 *
 * Model    The gate belongs to a posted-interrupt descriptor, since SN does. An interrupt of a
 *	    throttled device passes if its device's interval has gone by since the last one that
 *	    passed: it is posted, a notification follows, the gate closes. One that comes earlier
 *	    is left in PIR and waits for the gate to open; if a notification is on its way
 *	    already, it will be taken with that one, and waits for nothing. Several devices of one
 *	    vCPU share the gate: each keeps its own distance from whatever passed last, so
 *	    the vCPU is disturbed no more often than the shortest interval allows.
 *	    Whoever comes early twice in an interval is to be masked at its source until the gate
 *	    opens. If it turns out to have waited there to come again, it floods: from then on
 *	    it is masked when it comes early once. So is who interrupts a
 *	    vCPU that has something to take already and waits for its turn: pi_gate_rest().
 *	    What no throttle holds back is pi_post()ed, and takes along what has collected.
 * States   open      SN clear
 *	    closed    SN set, nothing waits. No timer: the next one that passes finds out by itself
 *		      that the interval is over
 *	    waiting   SN set, due_tsc is when the gate is to be opened: something waits in PIR,
 *		      or in a device that is masked
 *	    pi_gate_post() leads from any of them to the last two, pi_gate_rest() to the last,
 *	    pi_gate_open() from waiting to closed, if there was something to notify of, or
 *	    else to open.
 * Units    TSC ticks, absolute; intervals are less than 2^63.
 * Errors   None.
 * Sharing  struct pi_gate: the vCPU's core. The descriptor as in io/pi.h.
 */
#pragma once
#include "io/pi.h"

struct pi_gate {
	uint64_t passed_tsc; /* when the last one passed, or was let through; 0: as if at time 0 */
	uint64_t due_tsc;    /* when it is to be opened; 0: nothing waits */
	uint32_t early;      /* that have come too early since it closed, up to PI_GATE_EARLY */
	bool is_closed;      /* SN is set */
	bool is_masking;     /* sources are masked until it opens */
	bool is_flooded;     /* when sources were unmasked last, they had more to say */
};

/* So many too early ones are taken in an interval. */
#define PI_GATE_EARLY 1u

/* What the caller must do now. */
struct pi_gate_answer {
	bool must_notify; /* a notification is due */
	bool must_mask;   /* the source of this interrupt, until: */
	bool must_unmask; /* all that were masked, and tell pi_gate_unmasked(). What waited comes then */
};

/* A new interval: SN has been set. */
static inline void pi_gate_close(struct pi_gate *g, uint64_t now_tsc)
{
	g->is_closed = true;
	g->passed_tsc = now_tsc;
	g->due_tsc = 0;
	g->early = 0;
}

/* Once: who masks waits for the gate, and is unmasked by whatever opens it. */
static inline bool pi_gate_end_masking(struct pi_gate *g)
{
	const bool was_masking = g->is_masking;

	g->is_masking = false;
	return was_masking;
}

static inline void pi_gate_wait(struct pi_gate *g, uint64_t until_tsc)
{
	if (g->due_tsc == 0 || until_tsc < g->due_tsc)
		g->due_tsc = until_tsc;
}

/* Some of those that were masked had a message waiting. */
static inline void pi_gate_unmasked(struct pi_gate *g, bool had_more)
{
	g->is_flooded = had_more;
}

/*
 * Too early. The bit is set before ON is looked at: if ON is set, whoever takes clears it first, and
 * finds the bit after that.
 */
static inline struct pi_gate_answer pi_gate_hold(struct pi_gate *g, struct pi_descriptor *d,
						 uint8_t vector, uint64_t until_tsc)
{
	struct pi_gate_answer answer = { 0 };

	if (!g->is_closed)
		pi_suppress(d);
	g->is_closed = true;
	pi_set(d, vector);
	if (pi_is_empty(d))
		pi_gate_wait(g, until_tsc);
	if (g->early < PI_GATE_EARLY && !g->is_flooded) {
		g->early++;
		return answer;
	}
	g->is_masking = answer.must_mask = true;
	pi_gate_wait(g, until_tsc);
	return answer;
}

/*
 * The vCPU waits for its turn, and knows of the interrupt that has just come: more of that source would
 * take time from others, and say nothing new. True: it is to be masked.
 */
static inline bool pi_gate_rest(struct pi_gate *g, uint64_t interval_tsc)
{
	if (!g->is_closed)
		return false;
	g->is_masking = true;
	pi_gate_wait(g, g->passed_tsc + interval_tsc);
	return true;
}

/* An interrupt of a device that is to keep `interval_tsc`, more than 0. */
static inline struct pi_gate_answer pi_gate_post(struct pi_gate *g, struct pi_descriptor *d,
						 uint8_t vector, uint64_t interval_tsc,
						 uint64_t now_tsc)
{
	struct pi_gate_answer answer = { 0 };

	if (now_tsc - g->passed_tsc < interval_tsc)
		return pi_gate_hold(g, d, vector, g->passed_tsc + interval_tsc);
	if (!g->is_closed)
		pi_suppress(d);
	answer.must_unmask = pi_gate_end_masking(g);
	pi_gate_close(g, now_tsc);
	answer.must_notify = pi_post(d, vector);
	return answer;
}

/* To be called when due_tsc has come, or any time later. */
static inline struct pi_gate_answer pi_gate_open(struct pi_gate *g, struct pi_descriptor *d,
						 uint64_t now_tsc)
{
	struct pi_gate_answer answer = { 0 };

	if (g->due_tsc == 0 || now_tsc < g->due_tsc)
		return answer;
	answer.must_unmask = pi_gate_end_masking(g);
	g->due_tsc = 0;
	g->is_closed = false;
	answer.must_notify = pi_release(d).is_due;
	if (answer.must_notify) {
		pi_suppress(d);
		pi_gate_close(g, now_tsc);
	}
	return answer;
}
