/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/vlapic.h"
#include "core/lib/assert.h"

/* SDM Vol. 3A, "Local APIC Version Register": integrated APIC, highest LVT entry 5. */
#define VERSION_VALUE (UINT32_C(0x14) | (VLAPIC_LVT_COUNT - 1u) << 16)

/* "Spurious-Interrupt Vector Register (SVR)". Bits 9 and 12 are for features not offered. */
#define SVR_ENABLED  BIT32(8)
#define SVR_WRITABLE UINT32_C(0x1ff)
#define SVR_RESET    UINT32_C(0xff)

/* "Local Vector Table". Delivery status and remote IRR are read only: a write drops them. */
#define LVT_VECTOR        UINT32_C(0xff)
#define LVT_DELIVERY_MODE (UINT32_C(7) << 8)
#define LVT_STATUS        BIT32(12)
#define LVT_POLARITY      BIT32(13)
#define LVT_REMOTE_IRR    BIT32(14)
#define LVT_TRIGGER       BIT32(15)
#define LVT_MASKED        BIT32(16)
#define LVT_TIMER_MODE    (UINT32_C(3) << 17)
#define TIMER_ONE_SHOT    (UINT32_C(0) << 17)
#define TIMER_PERIODIC    (UINT32_C(1) << 17)
#define TIMER_DEADLINE    (UINT32_C(2) << 17)
#define TIMER_RESERVED    (UINT32_C(3) << 17)

/* "Error Status Register (ESR)". */
#define ESR_SEND_ILLEGAL_VECTOR    BIT32(5)
#define ESR_RECEIVE_ILLEGAL_VECTOR BIT32(6)

/* "Interrupt Command Register (ICR)", "ICR Operation in x2APIC Mode". */
#define ICR_VECTOR        UINT64_C(0xff)
#define ICR_DELIVERY_MODE (UINT64_C(7) << 8)
#define ICR_FIXED         (UINT64_C(0) << 8)
#define ICR_LOWEST        (UINT64_C(1) << 8)
#define ICR_LOGICAL       BIT64(11)
#define ICR_SHORTHAND     (UINT64_C(3) << 18)
#define ICR_NO_SHORTHAND  (UINT64_C(0) << 18)
#define ICR_SELF          (UINT64_C(1) << 18)
#define ICR_ALL           (UINT64_C(2) << 18)
#define ICR_OTHERS        (UINT64_C(3) << 18)
#define ICR_WRITABLE      (UINT64_C(0xffffffff000ccfff)) /* without 12, 13, 17:16, 31:20 */
#define BROADCAST         UINT32_MAX

#define TPR_WRITABLE      UINT64_C(0xff)
#define DIVIDE_WRITABLE   UINT64_C(0xb) /* bits 3, 1, 0 */
#define FIRST_VECTOR      16u           /* 0..15 are reserved: "Valid Interrupt Vectors" */

/* ---- Vectors and priorities ---- */

static void vector_set(struct vlapic_vectors *s, uint32_t vector)
{
	s->word[vector / 64] |= BIT64(vector % 64);
}

static void vector_clear(struct vlapic_vectors *s, uint32_t vector)
{
	s->word[vector / 64] &= ~BIT64(vector % 64);
}

/* The highest vector of the set, or -1. */
static int32_t vector_highest(const struct vlapic_vectors *s)
{
	for (int32_t i = 3; i >= 0; i--)
		if (s->word[i] != 0)
			return i * 64 + 63 - __builtin_clzll(s->word[i]);
	return -1;
}

/* "Task and Processor Priorities": in equal classes TPR's low bits count (our model's choice). */
static uint32_t processor_priority(const struct vlapic *l)
{
	const int32_t highest = vector_highest(&l->isr);
	const uint32_t in_service = highest < 0 ? 0 : (uint32_t)highest;

	return l->tpr >> 4 >= in_service >> 4 ? l->tpr : in_service & 0xf0;
}

static void update_deliverable(struct vlapic *l)
{
	const int32_t vector = vector_highest(&l->irr);

	if (vector >= 0 && (uint32_t)vector >> 4 > processor_priority(l) >> 4)
		l->deliverable = vector;
	else
		l->deliverable = -1;
	l->changed = true;
}

static bool software_enabled(const struct vlapic *l)
{
	return l->svr & SVR_ENABLED;
}

/* A legal vector arrives. "Local APIC State After It Has Been Software Disabled": ignored. */
static void accept_in_irr(struct vlapic *l, uint32_t vector)
{
	if (!software_enabled(l))
		return;
	vector_set(&l->irr, vector);
	update_deliverable(l);
}

/* An error within the error interrupt's own vector is collected, but raises nothing more. */
static void error_detected(struct vlapic *l, uint32_t bit)
{
	const uint32_t lvt = l->lvt[VLAPIC_LVT_ERROR];

	l->esr_collected |= bit;
	if (lvt & LVT_MASKED)
		return;
	if ((lvt & LVT_VECTOR) >= FIRST_VECTOR)
		accept_in_irr(l, lvt & LVT_VECTOR);
	else
		l->esr_collected |= ESR_RECEIVE_ILLEGAL_VECTOR;
}

void vlapic_post(struct vlapic *l, uint8_t vector)
{
	if (vector >= FIRST_VECTOR)
		accept_in_irr(l, vector);
	else
		error_detected(l, ESR_RECEIVE_ILLEGAL_VECTOR);
}

void vlapic_accept(struct vlapic *l, uint8_t vector)
{
	ASSERT(l->irr.word[vector / 64] & BIT64(vector % 64));
	vector_clear(&l->irr, vector);
	vector_set(&l->isr, vector);
	update_deliverable(l);
}

void vlapic_unaccept(struct vlapic *l, uint8_t vector)
{
	vector_clear(&l->isr, vector);
	vector_set(&l->irr, vector);
	update_deliverable(l);
}

int vlapic_waiting(const struct vlapic *l)
{
	const int32_t vector = vector_highest(&l->irr);

	return vector >= 0 && vector >> 4 > vector_highest(&l->isr) >> 4 ? vector : -1;
}

static void end_of_interrupt(struct vlapic *l)
{
	const int32_t vector = vector_highest(&l->isr);

	if (vector >= 0)
		vector_clear(&l->isr, (uint32_t)vector);
	update_deliverable(l);
}

static void set_tpr(struct vlapic *l, uint32_t tpr)
{
	l->tpr = tpr;
	update_deliverable(l);
}

void vlapic_set_cr8(struct vlapic *l, uint64_t cr8)
{
	set_tpr(l, (uint32_t)(cr8 & 0xf) << 4);
}

/* ---- The timer ---- */

static uint32_t timer_mode(const struct vlapic *l)
{
	return l->lvt[VLAPIC_LVT_TIMER] & LVT_TIMER_MODE;
}

/* "Divide Configuration Register": bits 3, 1, 0 hold n for 2^(n+1); 111b is 2^0. */
static uint32_t divide_shift(const struct vlapic *l)
{
	const uint32_t n = (l->divide_config & 3) | (l->divide_config & 8) >> 1;

	return (n + 1) & 7;
}

static uint64_t period_tsc(const struct vlapic *l)
{
	return (uint64_t)l->initial_count << divide_shift(l);
}

static void update_wake(struct vlapic *l)
{
	l->wake_tsc = l->lvt[VLAPIC_LVT_TIMER] & LVT_MASKED ? TSC_NEVER : l->expiry_tsc;
}

static void timer_stop(struct vlapic *l)
{
	l->expiry_tsc = TSC_NEVER;
	l->guest_deadline = 0;
	update_wake(l);
}

/* Absolute; a sum beyond the end of time is never reached. */
static void timer_start(struct vlapic *l, uint64_t now_tsc, uint64_t ticks)
{
	if (__builtin_add_overflow(now_tsc, ticks, &l->expiry_tsc))
		l->expiry_tsc = TSC_NEVER;
	update_wake(l);
}

/*
 * Brings the timer to `now_tsc`. Any number of periods passed is one pending interrupt, for
 * IRR holds one bit per vector; the next expiry stays on the grid of the first.
 */
void vlapic_timer_expire(struct vlapic *l, uint64_t now_tsc)
{
	const uint32_t lvt = l->lvt[VLAPIC_LVT_TIMER];
	uint64_t late;

	if (now_tsc < l->expiry_tsc || l->expiry_tsc == TSC_NEVER)
		return;
	late = now_tsc - l->expiry_tsc;
	if (timer_mode(l) == TIMER_PERIODIC)
		timer_start(l, now_tsc, period_tsc(l) - late % period_tsc(l));
	else
		timer_stop(l);
	if (!(lvt & LVT_MASKED))
		vlapic_post(l, (uint8_t)(lvt & LVT_VECTOR));
}

/* Rounded up: the count is N - k after k whole ticks, and reaches 0 at the expiry. */
static uint32_t current_count(const struct vlapic *l, uint64_t now_tsc)
{
	const uint32_t shift = divide_shift(l);

	if (timer_mode(l) == TIMER_DEADLINE || l->expiry_tsc == TSC_NEVER)
		return 0;
	return (uint32_t)((l->expiry_tsc - now_tsc + BIT64(shift) - 1) >> shift);
}

/* In TSC-deadline mode "writes to the initial-count register are ignored". */
static void write_initial_count(struct vlapic *l, uint32_t count, uint64_t now_tsc)
{
	if (timer_mode(l) == TIMER_DEADLINE)
		return;
	l->initial_count = count;
	if (count == 0)
		timer_stop(l);
	else
		timer_start(l, now_tsc, period_tsc(l));
}

/* A running count goes on from where it is, at the new rate. */
static void write_divide_config(struct vlapic *l, uint32_t value, uint64_t now_tsc)
{
	const uint64_t count = current_count(l, now_tsc);

	l->divide_config = value;
	if (count != 0)
		timer_start(l, now_tsc, count << divide_shift(l));
}

/* "TSC-Deadline Mode": a write "that changes the timer mode disarms the local APIC timer". */
static void write_lvt_timer(struct vlapic *l, uint32_t value)
{
	const bool mode_changes = (value & LVT_TIMER_MODE) != timer_mode(l);

	l->lvt[VLAPIC_LVT_TIMER] = value;
	if (mode_changes)
		timer_stop(l);
	else
		update_wake(l);
}

uint64_t vlapic_read_tsc_deadline(struct vlapic *l, uint64_t now_tsc)
{
	vlapic_timer_expire(l, now_tsc);
	return l->guest_deadline;
}

/* Compared in guest time, which may be anywhere in its 64 bits; kept in host time. */
void vlapic_write_tsc_deadline(struct vlapic *l, uint64_t guest_deadline, uint64_t tsc_offset,
			       uint64_t now_tsc)
{
	const uint64_t guest_now = now_tsc + tsc_offset;

	vlapic_timer_expire(l, now_tsc);
	if (timer_mode(l) != TIMER_DEADLINE)
		return;
	timer_stop(l);
	if (guest_deadline == 0)
		return;
	l->guest_deadline = guest_deadline;
	timer_start(l, now_tsc, guest_deadline > guest_now ? guest_deadline - guest_now : 0);
	vlapic_timer_expire(l, now_tsc);
}

/* ---- Registers ---- */

static uint32_t logical_id(const struct vlapic *l)
{
	return (l->apic_id >> 4) << 16 | BIT32(l->apic_id & 0xf);
}

static bool is_destination(const struct vlapic *l, uint64_t icr)
{
	const uint32_t to = (uint32_t)(icr >> 32);

	if (to == BROADCAST)
		return true;
	if (!(icr & ICR_LOGICAL))
		return to == l->apic_id;
	return to >> 16 == logical_id(l) >> 16 && (to & logical_id(l) & 0xffff) != 0;
}

static bool reaches_others(const struct vlapic *l, uint64_t icr)
{
	const uint32_t to = (uint32_t)(icr >> 32);

	switch (icr & ICR_SHORTHAND) {
	case ICR_SELF:
		return false;
	case ICR_ALL:
	case ICR_OTHERS:
		return true;
	default:
		return to != ((icr & ICR_LOGICAL) ? logical_id(l) : l->apic_id);
	}
}

/*
 * Fixed and lowest-priority interrupts. NMI, SMI, INIT and start-up to oneself do nothing: a
 * partition's only virtual CPU has nobody to start, and gets no NMI.
 */
static void send_ipi(struct vlapic *l, uint64_t icr, struct vlapic_ipi *ipi)
{
	const uint64_t shorthand = icr & ICR_SHORTHAND;
	const uint64_t mode = icr & ICR_DELIVERY_MODE;
	const uint8_t vector = (uint8_t)(icr & ICR_VECTOR);
	const bool is_interrupt = mode == ICR_FIXED || mode == ICR_LOWEST;

	if (is_interrupt && vector < FIRST_VECTOR) {
		error_detected(l, ESR_SEND_ILLEGAL_VECTOR);
		return;
	}
	ipi->has_others = reaches_others(l, icr);
	ipi->icr = icr;
	if (is_interrupt && (shorthand == ICR_SELF || shorthand == ICR_ALL ||
			     (shorthand == ICR_NO_SHORTHAND && is_destination(l, icr))))
		accept_in_irr(l, vector);
}

static void write_svr(struct vlapic *l, uint32_t value)
{
	l->svr = value;
	if (software_enabled(l))
		return;
	/* "Local APIC State After It Has Been Software Disabled": all mask bits are set. */
	for (uint32_t i = 0; i < VLAPIC_LVT_COUNT; i++)
		l->lvt[i] |= LVT_MASKED;
	update_wake(l);
}

static const uint32_t lvt_writable[VLAPIC_LVT_COUNT] = {
	[VLAPIC_LVT_TIMER] = LVT_VECTOR | LVT_MASKED | LVT_TIMER_MODE,
	[VLAPIC_LVT_THERMAL] = LVT_VECTOR | LVT_DELIVERY_MODE | LVT_MASKED,
	[VLAPIC_LVT_PMC] = LVT_VECTOR | LVT_DELIVERY_MODE | LVT_MASKED,
	[VLAPIC_LVT_LINT0] =
		LVT_VECTOR | LVT_DELIVERY_MODE | LVT_POLARITY | LVT_TRIGGER | LVT_MASKED,
	[VLAPIC_LVT_LINT1] =
		LVT_VECTOR | LVT_DELIVERY_MODE | LVT_POLARITY | LVT_TRIGGER | LVT_MASKED,
	[VLAPIC_LVT_ERROR] = LVT_VECTOR | LVT_MASKED,
};

static const uint32_t lvt_read_only[VLAPIC_LVT_COUNT] = {
	[VLAPIC_LVT_TIMER] = LVT_STATUS,
	[VLAPIC_LVT_THERMAL] = LVT_STATUS,
	[VLAPIC_LVT_PMC] = LVT_STATUS,
	[VLAPIC_LVT_LINT0] = LVT_STATUS | LVT_REMOTE_IRR,
	[VLAPIC_LVT_LINT1] = LVT_STATUS | LVT_REMOTE_IRR,
	[VLAPIC_LVT_ERROR] = LVT_STATUS,
};

static enum err write_lvt(struct vlapic *l, enum vlapic_lvt which, uint64_t value)
{
	uint32_t lvt = (uint32_t)value & lvt_writable[which];

	if (value & ~(uint64_t)(lvt_writable[which] | lvt_read_only[which]))
		return ERR_INVAL;
	if (which == VLAPIC_LVT_TIMER && (lvt & LVT_TIMER_MODE) == TIMER_RESERVED)
		return ERR_INVAL;
	if (!software_enabled(l))
		lvt |= LVT_MASKED;
	if (which == VLAPIC_LVT_TIMER)
		write_lvt_timer(l, lvt);
	else
		l->lvt[which] = lvt;
	return OK;
}

static uint32_t vectors_read(const struct vlapic_vectors *s, uint32_t i)
{
	return (uint32_t)(s->word[i / 2] >> 32 * (i % 2));
}

enum err vlapic_read(struct vlapic *l, uint32_t msr, uint64_t now_tsc, uint64_t *value)
{
	vlapic_timer_expire(l, now_tsc);
	switch (msr) {
	case X2APIC_ID:
		*value = l->apic_id;
		return OK;
	case X2APIC_VERSION:
		*value = VERSION_VALUE;
		return OK;
	case X2APIC_TPR:
		*value = l->tpr;
		return OK;
	case X2APIC_PPR:
		*value = processor_priority(l);
		return OK;
	case X2APIC_LDR:
		*value = logical_id(l);
		return OK;
	case X2APIC_SVR:
		*value = l->svr;
		return OK;
	case X2APIC_ISR ... X2APIC_ISR + 7:
		*value = vectors_read(&l->isr, msr - X2APIC_ISR);
		return OK;
	case X2APIC_TMR ... X2APIC_TMR + 7:
		*value = 0; /* set for level-triggered interrupts only */
		return OK;
	case X2APIC_IRR ... X2APIC_IRR + 7:
		*value = vectors_read(&l->irr, msr - X2APIC_IRR);
		return OK;
	case X2APIC_ESR:
		*value = l->esr;
		return OK;
	case X2APIC_ICR:
		*value = l->icr;
		return OK;
	case X2APIC_LVT_TIMER ... X2APIC_LVT_ERROR:
		*value = l->lvt[msr - X2APIC_LVT_TIMER];
		return OK;
	case X2APIC_INITIAL_COUNT:
		*value = l->initial_count;
		return OK;
	case X2APIC_CURRENT_COUNT:
		*value = current_count(l, now_tsc);
		return OK;
	case X2APIC_DIVIDE_CONFIG:
		*value = l->divide_config;
		return OK;
	default: /* write only, or not there */
		return ERR_INVAL;
	}
}

/* The bits a write may set; 0: only zero may be written, or the register cannot be. */
static uint64_t writable_bits(uint32_t msr)
{
	switch (msr) {
	case X2APIC_TPR:
	case X2APIC_SELF_IPI:
		return TPR_WRITABLE;
	case X2APIC_SVR:
		return SVR_WRITABLE;
	case X2APIC_ICR:
		return ICR_WRITABLE;
	case X2APIC_LVT_TIMER ... X2APIC_LVT_ERROR:
		return UINT32_MAX; /* write_lvt() knows */
	case X2APIC_INITIAL_COUNT:
		return UINT32_MAX;
	case X2APIC_DIVIDE_CONFIG:
		return DIVIDE_WRITABLE;
	default:
		return 0;
	}
}

enum err vlapic_write(struct vlapic *l, uint32_t msr, uint64_t value, uint64_t now_tsc,
		      struct vlapic_ipi *ipi)
{
	*ipi = (struct vlapic_ipi){ .has_others = false };
	if (value & ~writable_bits(msr))
		return ERR_INVAL;
	vlapic_timer_expire(l, now_tsc);
	switch (msr) {
	case X2APIC_TPR:
		set_tpr(l, (uint32_t)value);
		return OK;
	case X2APIC_EOI:
		end_of_interrupt(l);
		return OK;
	case X2APIC_SVR:
		write_svr(l, (uint32_t)value);
		return OK;
	case X2APIC_ESR: /* a write shows, and forgets, what was collected */
		l->esr = l->esr_collected;
		l->esr_collected = 0;
		return OK;
	case X2APIC_ICR:
		l->icr = value;
		send_ipi(l, value, ipi);
		return OK;
	case X2APIC_LVT_TIMER ... X2APIC_LVT_ERROR:
		return write_lvt(l, (enum vlapic_lvt)(msr - X2APIC_LVT_TIMER), value);
	case X2APIC_INITIAL_COUNT:
		write_initial_count(l, (uint32_t)value, now_tsc);
		return OK;
	case X2APIC_DIVIDE_CONFIG:
		write_divide_config(l, (uint32_t)value, now_tsc);
		return OK;
	case X2APIC_SELF_IPI: /* "SELF IPI Register": the same as ICR with the self shorthand */
		send_ipi(l, value | ICR_SELF, ipi);
		return OK;
	default: /* read only, or not there */
		return ERR_INVAL;
	}
}

void vlapic_init(struct vlapic *l, uint32_t apic_id)
{
	*l = (struct vlapic){ .deliverable = -1,
			      .wake_tsc = TSC_NEVER,
			      .expiry_tsc = TSC_NEVER,
			      .apic_id = apic_id,
			      .svr = SVR_RESET };
	for (uint32_t i = 0; i < VLAPIC_LVT_COUNT; i++)
		l->lvt[i] = LVT_MASKED;
}
