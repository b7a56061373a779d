/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/irq_rate.h - how often a function may interrupt its guest: FIR, CGR and AIR.
 *
 * Model    Once in a window the caller says what the function has received since it began; the
 *	    controller answers with a rate, which whoever throttles the function applies.
 *	    FIR    a fixed rate.
 *	    CGR    by the mean packet size of the window, one of four rates.
 *	    AIR    I = B / (k S) + offset, not above C / (C_pkt k + C_int), not below I_min; changed
 *		   only if it differs from the rate in force by the threshold or more.
 *	    The rest is ours.
 *	    Thin traffic: if an interrupt for every packet costs less than `quiet_permille` of C, the
 *	    function is quiet: it interrupts at its maximum, and a request waits for nobody. It
 *	    merges from twice that traffic on.
 *	    No traffic: one window of it leaves the rate as it was; IRQ_RATE_IDLE_WINDOWS in a row make the
 *	    function quiet.
 *	    k: a sender that waits for what it has sent may have fewer packets under way than k: then
 *	    fewer interrupts make fewer packets, and Algorithm 1 makes fewer interrupts of that. So k
 *	    is searched for: in a trial, one window has twice the rate, or half of it (and k, and the
 *	    offset, to match; k is doubled until the rate is less by a quarter). If traffic follows, its senders wait. More interrupts stay if there was more
 *	    traffic, fewer if there was no less: by more than 1/32, and than twice `noise`, the mean of
 *	    what windows differ by without a trial (a quarter of it is the last difference). The next
 *	    trial follows at once after one with fewer that was good, two windows later after one
 *	    with more; after one that was no good, in the other direction, 8 windows later, and
 *	    twice as many each time up to 64. Leaving quiet is a trial, too: if traffic falls, k is 1. Empty
 *	    windows, resets and a lost link leave a trial without an answer: k is what it was, and the
 *	    next one waits as after one that was no good.
 * Source   "When I/O Interrupt Becomes System Bottleneck" (papers, 003): section 4.2 for CGR, Algorithm 1,
 *	    eq. (5), (8), (9) for AIR.
 * Units    Rates: interrupts a second. Costs and capacity: the same unit, whichever (ticks; ticks
 *	    a second). Counters: since any moment, 64 bits, may be reset; the elapsed time in ns.
 * Errors   None: every input has an answer. A counter that is less than it was, or a generation that is
 *	    not the last one's, begins a new window and leaves the rate as it is; a function without
 *	    link is quiet.
 * Sharing  The caller's. Pure; one tick takes at most IRQ_RATE_TICK_MAX instructions.
 */
#pragma once
#include "core/lib/base.h"

#define IRQ_RATE_TICK_MAX     500u /* tests/bench: emulated instructions, published */
#define IRQ_RATE_CLASS_COUNT  4u
#define IRQ_RATE_IDLE_WINDOWS 4u
#define IRQ_RATE_LIMIT        1000000u /* no rate is above */
#define IRQ_RATE_SHIFTS       9u       /* k may be halved so often, less one */

enum irq_rate_scheme { IRQ_RATE_FIXED, IRQ_RATE_COARSE, IRQ_RATE_ADAPTIVE };

/* CGR's classes, by bytes of a mean packet: section 4.2. */
enum irq_rate_class {
	IRQ_RATE_FULL_BULK,         /* from 1200: 4,000 */
	IRQ_RATE_INTERMEDIATE_BULK, /* from 300: 8,000 */
	IRQ_RATE_SENSITIVE,         /* below, many of them: 20,000 */
	IRQ_RATE_CRITICAL,          /* below, occasional ones: 100,000 */
};

struct irq_rate_settings {
	enum irq_rate_scheme scheme;
	uint32_t fixed; /* FIXED: the rate. ADAPTIVE, COARSE: the first one */
	uint32_t classes[IRQ_RATE_CLASS_COUNT]; /* COARSE */
	uint32_t occasional; /* COARSE: packets a second below which small ones are critical */
	/* ADAPTIVE */
	uint32_t batch;          /* k, at least 1: packets received on each interrupt */
	uint32_t offset;         /* added, so that a rise is not met too late */
	uint32_t threshold;      /* smaller changes are not worth a write */
	uint32_t min, max;       /* I_min; what quiet functions have */
	uint32_t quiet_permille; /* of the capacity */
	bool keeps_batch;        /* k is what it is: the paper's AIR, to compare with */
	uint64_t capacity;       /* C, per second */
	uint64_t packet_cost;    /* C_pkt */
	uint64_t interrupt_cost; /* C_int */
};

struct irq_rate_sample {
	uint64_t packets, bytes; /* received */
	uint64_t elapsed_ns;     /* since the last sample; 0: nothing can be said */
	uint32_t generation;     /* changes when the function was reset */
	bool has_link;
};

enum irq_rate_trial {
	IRQ_RATE_NO_TRIAL,
	IRQ_RATE_TRIAL_MORE,    /* interrupts: half of k */
	IRQ_RATE_TRIAL_LESS,    /* twice k */
	IRQ_RATE_TRIAL_MERGING, /* it was quiet */
};

struct irq_rate {
	struct irq_rate_settings settings;
	uint32_t rate;                    /* in force */
	uint32_t bounds[IRQ_RATE_SHIFTS]; /* eq. (5) of the settings; k >> i */
	uint32_t quiet_below;             /* packets a second */
	uint32_t generation, idle;        /* windows without a packet, in a row */
	uint64_t last_packets, last_bytes;
	bool has_last, is_quiet;
	/* The search for k */
	uint32_t shift, kept_shift; /* k is batch >> shift; before the trial */
	enum irq_rate_trial trial;
	bool tries_less;
	uint32_t pause, pause_next;             /* windows */
	uint64_t base, noise, last_packet_rate; /* packets a second */
};

/* The paper's choices, and ours where it has none; costs and capacity are left 0: no bound by eq. (5). */
struct irq_rate_settings irq_rate_defaults(enum irq_rate_scheme scheme);
void irq_rate_init(struct irq_rate *r, const struct irq_rate_settings *settings);
/* Costs measured anew: eq. (5) is computed again. */
void irq_rate_set_costs(struct irq_rate *r, uint64_t capacity, uint64_t packet_cost,
			uint64_t interrupt_cost);
/* The rate from now on; true: it has changed, and is to be applied. */
bool irq_rate_tick(struct irq_rate *r, const struct irq_rate_sample *s);
