/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/post.h"
#include "arch/x86/pc/pc.h"

static void post_event(struct vcpu *to, uint32_t event)
{
	__atomic_fetch_or(&to->mailbox.events, event, __ATOMIC_SEQ_CST);
}

/*
 * The trigger mode goes first: whoever takes the vector finds the mode it came with. True: its core is to be
 * notified. An edge where ON was set is not: whoever set it does that, and a second notification might find
 * nothing left.
 */
static bool post_vector(struct vcpu *to, const struct irq_message *m)
{
	uint64_t *const level = &to->mailbox.level[m->vector / 64];
	const uint64_t bit = BIT64(m->vector % 64);

	if (m->is_level && to->keeps_level_apart) {
		__atomic_fetch_or(level, bit, __ATOMIC_SEQ_CST);
		post_event(to, VCPU_POST_LEVEL);
		return true;
	}
	if (m->is_level)
		__atomic_fetch_or(level, bit, __ATOMIC_SEQ_CST);
	else
		post_as_edge(to, m->vector);
	return pi_post(to->mailbox.vectors, m->vector) || m->is_level;
}

static vcpu_set_t deliver(struct vcpu *to, const struct irq_message *m)
{
	switch (m->delivery) {
	case IRQ_FIXED:
	case IRQ_LOWEST:
		/* From a device: an ICR does not send such ones. The receiver's ESR says so. */
		if (m->vector < IRQ_FIRST_VECTOR)
			post_event(to, VCPU_POST_ILLEGAL);
		else if (!post_vector(to, m))
			return 0;
		break;
	case IRQ_NMI:
		post_event(to, VCPU_POST_NMI);
		break;
	case IRQ_INIT:
		post_event(to, VCPU_POST_INIT);
		break;
	case IRQ_STARTUP:
		__atomic_store_n(&to->mailbox.sipi_vector, m->vector, __ATOMIC_SEQ_CST);
		post_event(to, VCPU_POST_SIPI);
		break;
	default: /* SMI: nobody has system management mode. ExtINT: LINT0 is its only way */
		return 0;
	}
	return BIT64(to->id);
}

/* A shorthand replaces the destination only: who takes no such messages does not take these. */
static bool is_for(const struct vcpu *from, const struct vcpu *to, const struct irq_message *m)
{
	if (m->shorthand == IRQ_TO_DESTINATION)
		return vlapic_matches(&to->lapic, m);
	if ((m->shorthand == IRQ_TO_SELF && to != from) ||
	    (m->shorthand == IRQ_TO_OTHERS && to == from))
		return false;
	return vlapic_takes(&to->lapic, m);
}

/* "Lowest Priority Delivery Mode": of those addressed, the one that does the least urgent. */
static vcpu_set_t deliver_to_lowest(const struct vcpu *from, vcpu_id_t first, uint32_t count,
				    const struct irq_message *m)
{
	struct vcpu *lowest = NULL;

	for (uint32_t i = 0; i < count; i++) {
		struct vcpu *const to = vcpu_at(first + i);

		if (to && is_for(from, to, m) &&
		    (!lowest || vlapic_priority(&to->lapic) < vlapic_priority(&lowest->lapic)))
			lowest = to;
	}
	return lowest ? deliver(lowest, m) : 0;
}

vcpu_set_t post_message(const struct vcpu *from, vcpu_id_t first, uint32_t count,
			const struct irq_message *m)
{
	vcpu_set_t posted = 0;

	if (m->delivery == IRQ_LOWEST)
		return deliver_to_lowest(from, first, count, m);
	for (uint32_t i = 0; i < count; i++) {
		struct vcpu *const to = vcpu_at(first + i);

		if (!to || !is_for(from, to, m) || (to == from && m->delivery == IRQ_FIXED))
			continue;
		posted |= deliver(to, m);
	}
	return posted;
}

vcpu_set_t post_extint(vcpu_id_t first, bool level)
{
	struct vcpu *const to = vcpu_at(first);

	if (level)
		post_event(to, VCPU_POST_EXTINT);
	else
		__atomic_fetch_and(&to->mailbox.events, ~VCPU_POST_EXTINT, __ATOMIC_SEQ_CST);
	return BIT64(first);
}

vcpu_set_t post_effect(struct vcpu *v, const struct vlapic_effect *effect)
{
	vcpu_set_t posted = 0;

	if (effect->has_message)
		posted = post_message(v, v->first, v->vcpu_count, &effect->message);
	if (effect->has_level_eoi && v->has_pc)
		posted |= pc_end_of_interrupt(v->part, effect->eoi_vector);
	return posted;
}
