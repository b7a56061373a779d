/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/property/slow_vlapic.h - a local APIC that is slow and obvious.
 *
 * Model    Sets of vectors are 256 bools; the timer counts one tick at a time; a register is a
 *	    field. A message looks at every APIC of the machine. Nothing is shared with the fast
 *	    one but the numbers of the manual.
 * Source   SDM Vol. 3A, "Advanced Programmable Interrupt Controller (APIC)".
 */
#pragma once
#include <string.h>
#include "core/lib/base.h"

enum { SLOW_OFF, SLOW_XAPIC, SLOW_X2APIC };
enum { LVT_TIMER, LVT_THERMAL, LVT_PMC, LVT_LINT0, LVT_LINT1, LVT_ERROR, SLOW_LVTS };
#define SLOW_APICS 3u
#define SLOW_MASK  0x10000u

struct slow_apic {
	uint32_t id, mode;
	bool irr[256], isr[256], tmr[256];
	uint32_t tpr, ldr, dfr, svr, icr, icr_high;
	uint32_t esr, errors;
	uint32_t lvt[SLOW_LVTS];
	uint32_t initial, count, phase, divide_code;
	uint64_t deadline;
	uint32_t nmis, startups, inits; /* received */
	int ended;                      /* the level-triggered vector that was just ended, or -1 */
};

static struct slow_apic slow[SLOW_APICS];

static void slow_reset(struct slow_apic *a)
{
	const struct slow_apic old = *a;

	memset(a, 0, sizeof(*a));
	a->id = old.id;
	a->mode = old.mode;
	a->nmis = old.nmis;
	a->startups = old.startups;
	a->inits = old.inits;
	a->ended = old.ended;
	a->svr = 0xff;
	a->dfr = 0xffffffff;
	for (int i = 0; i < SLOW_LVTS; i++)
		a->lvt[i] = SLOW_MASK;
}

static bool slow_is_enabled(const struct slow_apic *a)
{
	return a->mode != SLOW_OFF && (a->svr & 0x100);
}

static int slow_highest(const bool *set)
{
	for (int v = 255; v >= 0; v--)
		if (set[v])
			return v;
	return -1;
}

static uint32_t slow_priority(const struct slow_apic *a)
{
	const int v = slow_highest(a->isr);
	const uint32_t class = v < 0 ? 0 : (uint32_t)v / 16;

	return a->tpr / 16 >= class ? a->tpr : class * 16;
}

static int slow_pending(const struct slow_apic *a)
{
	const int v = slow_highest(a->irr);

	return v >= 0 && (uint32_t)v / 16 > slow_priority(a) / 16 ? v : -1;
}

static void slow_arrive(struct slow_apic *a, uint32_t vector, bool is_level)
{
	if (!slow_is_enabled(a))
		return;
	a->irr[vector] = true;
	a->tmr[vector] = is_level;
}

static void slow_error(struct slow_apic *a, uint32_t bits)
{
	const uint32_t lvt = a->lvt[LVT_ERROR];

	if (a->errors == 0 && !(lvt & SLOW_MASK)) {
		if ((lvt & 0xff) < 16)
			bits |= 0x40;
		else
			slow_arrive(a, lvt & 0xff, false);
	}
	a->errors |= bits;
}

static void slow_end(struct slow_apic *a)
{
	const int v = slow_highest(a->isr);

	if (v < 0)
		return;
	a->isr[v] = false;
	if (a->tmr[v])
		a->ended = v;
}

/* ---- Timer ---- */

static uint32_t slow_divide(const struct slow_apic *a)
{
	static const uint32_t divides[] = {
		[0] = 2, [1] = 4, [2] = 8, [3] = 16, [8] = 32, [9] = 64, [10] = 128, [11] = 1
	};

	return divides[a->divide_code];
}

static void slow_fire(struct slow_apic *a)
{
	const uint32_t lvt = a->lvt[LVT_TIMER];

	if (lvt & SLOW_MASK)
		return;
	if ((lvt & 0xff) < 16)
		slow_error(a, 0x40);
	else
		slow_arrive(a, lvt & 0xff, false);
}

static void slow_look_at_deadline(struct slow_apic *a, uint64_t tsc)
{
	if (a->deadline == 0 || tsc < a->deadline)
		return;
	a->deadline = 0;
	slow_fire(a);
}

static void slow_tick(struct slow_apic *a, uint64_t tsc)
{
	slow_look_at_deadline(a, tsc);
	if (a->count == 0 || ++a->phase < slow_divide(a))
		return;
	a->phase = 0;
	if (--a->count != 0)
		return;
	if ((a->lvt[LVT_TIMER] >> 17 & 3) == 1)
		a->count = a->initial;
	slow_fire(a);
}

static uint64_t slow_wake(const struct slow_apic *a, uint64_t tsc)
{
	if (a->lvt[LVT_TIMER] & SLOW_MASK)
		return TSC_NEVER;
	if (a->deadline)
		return a->deadline;
	return a->count ? tsc + (uint64_t)a->count * slow_divide(a) - a->phase : TSC_NEVER;
}

/* ---- Messages ---- */

struct slow_message {
	uint32_t vector, delivery, shorthand, destination;
	bool is_logical, is_level;
	int sender; /* -1: a device */
};

static bool slow_logical(const struct slow_apic *a, uint32_t to)
{
	const uint32_t own = a->ldr >> 24;

	if (a->mode == SLOW_X2APIC)
		return to >> 16 == a->id / 16 && (to >> a->id % 16 & 1);
	if (a->dfr >> 28 == 0xf)
		return (own & to) != 0;
	return own / 16 == to / 16 && (own & to & 15) != 0;
}

static bool slow_is_for(const struct slow_message *m, uint32_t i)
{
	const struct slow_apic *a = &slow[i];

	if (a->mode == SLOW_OFF || (m->delivery <= 1 && !slow_is_enabled(a)))
		return false;
	if (m->shorthand)
		return m->shorthand == 2 || (m->shorthand == 1) == (m->sender == (int)i);
	if (m->destination == 0xffffffff)
		return true;
	return m->is_logical ? slow_logical(a, m->destination) : m->destination == a->id;
}

static void slow_receive(struct slow_apic *a, const struct slow_message *m)
{
	switch (m->delivery) {
	case 0:
	case 1:
		slow_arrive(a, m->vector, m->is_level);
		break;
	case 4:
		a->nmis++;
		break;
	case 5:
		a->inits++;
		slow_reset(a);
		break;
	case 6:
		a->startups++;
		break;
	default:
		break;
	}
}

static void slow_deliver(const struct slow_message *m)
{
	bool is_for[SLOW_APICS]; /* decided before an INIT changes one */
	int lowest = -1;

	for (uint32_t i = 0; i < SLOW_APICS; i++) {
		is_for[i] = slow_is_for(m, i);
		if (is_for[i] &&
		    (lowest < 0 || slow_priority(&slow[i]) < slow_priority(&slow[lowest])))
			lowest = (int)i;
	}
	for (uint32_t i = 0; i < SLOW_APICS; i++)
		if (is_for[i] && (m->delivery != 1 || lowest == (int)i))
			slow_receive(&slow[i], m);
}

static void slow_send(uint32_t from, uint32_t icr, uint32_t destination)
{
	const struct slow_message m = { .vector = icr & 0xff,
					.delivery = icr >> 8 & 7,
					.shorthand = icr >> 18 & 3,
					.is_logical = icr >> 11 & 1,
					.destination = destination,
					.sender = (int)from };

	if (m.delivery == 5 && (icr >> 14 & 3) == 2) /* level, not asserted */
		return;
	if (m.delivery <= 1 && m.vector < 16)
		slow_error(&slow[from], m.shorthand == 1 ? 0x60 : 0x20);
	else
		slow_deliver(&m);
}

/* ---- Registers, by their offsets in the page ---- */

static void slow_write_lvt(struct slow_apic *a, uint32_t i, uint32_t value)
{
	static const uint32_t masks[SLOW_LVTS] = { 0x700ff, 0x107ff, 0x107ff,
						   0x1a7ff, 0x1a7ff, 0x100ff };
	const uint32_t old = a->lvt[i];

	a->lvt[i] = (value & masks[i]) | (a->svr & 0x100 ? 0 : SLOW_MASK);
	if (i == LVT_TIMER && ((a->lvt[i] ^ old) & 0x40000)) {
		a->count = 0;
		a->deadline = 0;
	}
}

static void slow_write_svr(struct slow_apic *a, uint32_t value)
{
	a->svr = value & 0x1ff;
	for (int i = 0; i < SLOW_LVTS && !(a->svr & 0x100); i++)
		a->lvt[i] |= SLOW_MASK;
}

static void slow_write_icr(uint32_t i, uint32_t low)
{
	struct slow_apic *a = &slow[i];
	const uint32_t to = a->mode == SLOW_X2APIC ? a->icr_high : a->icr_high >> 24;

	a->icr = low & 0xccfff;
	slow_send(i, a->icr, a->mode == SLOW_XAPIC && to == 0xff ? 0xffffffff : to);
}

static void slow_write(uint32_t i, uint32_t offset, uint32_t value)
{
	struct slow_apic *a = &slow[i];

	switch (offset) {
	case 0x080:
		a->tpr = value & 0xff;
		break;
	case 0x0b0:
		slow_end(a);
		break;
	case 0x0d0:
		a->ldr = value & 0xff000000;
		break;
	case 0x0e0:
		a->dfr = value | 0x0fffffff;
		break;
	case 0x0f0:
		slow_write_svr(a, value);
		break;
	case 0x280:
		a->esr = a->errors;
		a->errors = 0;
		break;
	case 0x300:
		slow_write_icr(i, value);
		break;
	case 0x310:
		a->icr_high = value & 0xff000000;
		break;
	case 0x320 ... 0x370:
		slow_write_lvt(a, (offset - 0x320) / 16, value);
		break;
	case 0x380:
		if (!(a->lvt[LVT_TIMER] & 0x40000)) {
			a->initial = a->count = value;
			a->phase = 0;
		}
		break;
	case 0x3e0:
		a->divide_code = value & 0xb;
		a->phase = 0;
		break;
	default:
		break;
	}
}

static uint32_t slow_word(const bool *set, uint32_t i)
{
	uint32_t word = 0;

	for (uint32_t b = 0; b < 32; b++)
		word |= (uint32_t)set[i * 32 + b] << b;
	return word;
}

static uint32_t slow_read(const struct slow_apic *a, uint32_t offset)
{
	const bool is_x2apic = a->mode == SLOW_X2APIC;

	switch (offset) {
	case 0x020:
		return is_x2apic ? a->id : a->id << 24;
	case 0x030:
		return 0x50014;
	case 0x080:
		return a->tpr;
	case 0x0a0:
		return slow_priority(a);
	case 0x0d0:
		return is_x2apic ? a->id / 16 << 16 | 1u << a->id % 16 : a->ldr;
	case 0x0e0:
		return a->dfr;
	case 0x0f0:
		return a->svr;
	case 0x100 ... 0x170:
		return slow_word(a->isr, (offset - 0x100) / 16);
	case 0x180 ... 0x1f0:
		return slow_word(a->tmr, (offset - 0x180) / 16);
	case 0x200 ... 0x270:
		return slow_word(a->irr, (offset - 0x200) / 16);
	case 0x280:
		return a->esr;
	case 0x300:
		return a->icr;
	case 0x310:
		return a->icr_high;
	case 0x320 ... 0x370:
		return a->lvt[(offset - 0x320) / 16];
	case 0x380:
		return a->initial;
	case 0x390:
		return a->count;
	default:
		return a->divide_code;
	}
}
