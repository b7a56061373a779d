/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/irq_source.h - an entry of a real MSI-X table, that more than one may want masked.
 *
 * Model    The entry is masked while anybody holds it: the guest, by its own entry; the gate of the
 *	    vCPU that it leads to. What the function sends meanwhile waits in its pending bits,
 *	    and comes when the last holder has let go.
 * Source   PCI Express Base Specification, "MSI-X Table Structure", "Per-vector Masking and Function
 *	    Masking".
 * Sharing  Any core. The lock is held for an access or two to the register, and no other is taken
 *	    then: so the handler of an interrupt may take it.
 */
#pragma once
#include "core/lib/lock.h"

enum irq_holder { IRQ_GUEST = 1, IRQ_GATE = 2 };

struct irq_source {
	volatile uint32_t *control;       /* [I] "Vector Control" */
	const volatile uint64_t *waiting; /* [I] the word of the pending bits that has its own, */
	uint64_t bit;                     /* [I] .. which is this one */
	struct lock lock;
	uint32_t holders; /* [L] */
};
#define IRQ_SOURCE_MASKED BIT32(0)

/* Read back, it has arrived: what comes from now on was sent before. */
static inline void irq_source_hold(struct irq_source *s, enum irq_holder who)
{
	lock_take(&s->lock);
	s->holders |= (uint32_t)who;
	*s->control = IRQ_SOURCE_MASKED;
	(void)*s->control;
	lock_give(&s->lock);
}

/* Another may have let go for him: vtd_gate_routed(). */
static inline void irq_source_let_go(struct irq_source *s, enum irq_holder who)
{
	lock_take(&s->lock);
	if (s->holders == (uint32_t)who)
		*s->control = 0;
	s->holders &= ~(uint32_t)who;
	lock_give(&s->lock);
}

/* After a reset it is masked, and was not by us. */
static inline void irq_source_was_reset(struct irq_source *s)
{
	lock_take(&s->lock);
	s->holders |= IRQ_GUEST;
	lock_give(&s->lock);
}

/* The function has sent something while it was masked: it comes when nobody holds it any more. */
static inline bool irq_source_is_waiting(const struct irq_source *s)
{
	return *s->waiting & s->bit;
}
