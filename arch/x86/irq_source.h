/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/irq_source.h - an entry of a real MSI-X table, that more than one may want masked.
 *
 * Model    The entry is masked while anybody holds it: the guest, by its own entry; the gate of the
 *	    vCPU that it leads to. What the function sends meanwhile waits in its pending bits,
 *	    and comes when the last holder has let go.
 * Source   PCI Express Base Specification, "MSI-X Table Structure", "Per-vector Masking and Function
 *	    Masking".
 * Sharing  Any core. Who changes the holders writes the register, and looks again: if they have
 *	    changed meanwhile, he writes what is right now. So after the last change of the
 *	    holders the register is written once more by somebody who has seen it.
 */
#pragma once
#include "core/lib/base.h"

enum irq_holder { IRQ_GUEST = 1, IRQ_GATE = 2 };

struct irq_source {
	volatile uint32_t *control; /* [I] "Vector Control" */
	uint32_t holders;           /* atomic */
};
#define IRQ_SOURCE_MASKED BIT32(0)

/*
 * The register is read back: the write has arrived then, and writes of several processors arrive in the
 * order in which they looked. Another round takes another's change; the gate's are one for an interval.
 */
static inline void irq_source_follow(const struct irq_source *s)
{
	uint32_t holders;

	do {
		holders = __atomic_load_n(&s->holders, __ATOMIC_SEQ_CST);
		*s->control = holders ? IRQ_SOURCE_MASKED : 0;
		(void)*s->control;
	} while (__atomic_load_n(&s->holders, __ATOMIC_SEQ_CST) != holders);
}

static inline void irq_source_hold(struct irq_source *s, enum irq_holder who)
{
	__atomic_fetch_or(&s->holders, (uint32_t)who, __ATOMIC_SEQ_CST);
	irq_source_follow(s);
}

static inline void irq_source_let_go(struct irq_source *s, enum irq_holder who)
{
	if (__atomic_fetch_and(&s->holders, ~(uint32_t)who, __ATOMIC_SEQ_CST) & who)
		irq_source_follow(s);
}
