/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/vlapic_registers.h"
#include "arch/x86/vlapic_timer.h"

static uint32_t timer_mode(const struct vlapic *l)
{
	return l->lvt_timer & LVT_TIMER_MODE;
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

static void set_expiry(struct vlapic *l, uint64_t expiry_tsc)
{
	l->expiry_tsc = expiry_tsc;
	l->wake_tsc = l->lvt_timer & LVT_MASKED ? TSC_NEVER : expiry_tsc;
}

static void stop(struct vlapic *l)
{
	l->guest_deadline = 0;
	set_expiry(l, TSC_NEVER);
}

/* Absolute; a sum beyond the end of time is never reached. */
static void start(struct vlapic *l, uint64_t now_tsc, uint64_t ticks)
{
	uint64_t expiry_tsc;

	if (__builtin_add_overflow(now_tsc, ticks, &expiry_tsc))
		expiry_tsc = TSC_NEVER;
	set_expiry(l, expiry_tsc);
}

void vlapic_timer_reset(struct vlapic *l)
{
	l->lvt_timer = LVT_MASKED;
	l->divide_config = 0;
	l->initial_count = 0;
	stop(l);
}

/*
 * Brings the timer to `now_tsc`. Any number of periods passed is one pending interrupt, for
 * IRR holds one bit per vector; the next expiry stays on the grid of the first.
 */
void vlapic_timer_expire(struct vlapic *l, uint64_t now_tsc)
{
	const uint32_t lvt = l->lvt_timer;

	if (now_tsc < l->expiry_tsc || l->expiry_tsc == TSC_NEVER)
		return;
	if (timer_mode(l) == TIMER_PERIODIC)
		start(l, now_tsc, period_tsc(l) - (now_tsc - l->expiry_tsc) % period_tsc(l));
	else
		stop(l);
	if (!(lvt & LVT_MASKED))
		vlapic_post(l, (uint8_t)(lvt & LVT_VECTOR));
}

/* Rounded up: the count is N - k after k whole ticks, and reaches 0 at the expiry. */
uint32_t vlapic_timer_count(const struct vlapic *l, uint64_t now_tsc)
{
	const uint32_t shift = divide_shift(l);

	if (timer_mode(l) == TIMER_DEADLINE || l->expiry_tsc == TSC_NEVER)
		return 0;
	return (uint32_t)((l->expiry_tsc - now_tsc + BIT64(shift) - 1) >> shift);
}

/* In TSC-deadline mode "writes to the initial-count register are ignored". */
void vlapic_timer_set_count(struct vlapic *l, uint32_t count, uint64_t now_tsc)
{
	if (timer_mode(l) != TIMER_DEADLINE) {
		l->initial_count = count;
		if (count == 0)
			stop(l);
		else
			start(l, now_tsc, period_tsc(l));
	}
	REG(l, APIC_INITIAL_COUNT) = l->initial_count;
}

/* A running count goes on from where it is, at the new rate. */
void vlapic_timer_set_divide(struct vlapic *l, uint32_t value, uint64_t now_tsc)
{
	const uint64_t count = vlapic_timer_count(l, now_tsc);

	l->divide_config = value;
	if (count != 0)
		start(l, now_tsc, count << divide_shift(l));
}

static bool counts_down(uint32_t mode)
{
	return mode == TIMER_ONE_SHOT || mode == TIMER_PERIODIC;
}

/*
 * "TSC-Deadline Mode" disarms the timer at a change of mode, and again at one "between
 * TSC-deadline mode and other timer modes". We take the second sentence: firmware exists that
 * starts the count first and makes it periodic then, and CPUs let it run on.
 */
void vlapic_timer_set_lvt(struct vlapic *l, uint32_t value)
{
	const uint32_t from = timer_mode(l), to = value & LVT_TIMER_MODE;

	l->lvt_timer = value;
	if (from != to && !(counts_down(from) && counts_down(to)))
		stop(l);
	else
		set_expiry(l, l->expiry_tsc);
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
	l->guest_deadline = guest_deadline;
	if (guest_deadline > guest_now) {
		start(l, now_tsc, guest_deadline - guest_now);
	} else if (guest_deadline == 0) {
		set_expiry(l, TSC_NEVER);
	} else {
		set_expiry(l, now_tsc);
		vlapic_timer_expire(l, now_tsc);
	}
}
