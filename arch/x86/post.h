/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/post.h - interrupt messages between a partition's vCPUs and its devices.
 *
 * Model    A message finds its receivers by the state of their APICs and is left in their
 *	    mailboxes; they take it in by arch_vcpu_sync() on their own cores.
 * Source   SDM Vol. 3A, "Determining IPI Destination", "Interrupt Distribution Mechanisms".
 * Sharing  Any core.
 */
#pragma once
#include "arch/x86/backend.h"

extern struct vcpu *vcpus[MAX_VCPUS]; /* [I] after creation */

/* NULL: there is no such vCPU. */
static inline struct vcpu *vcpu_at(vcpu_id_t id)
{
	return id < MAX_VCPUS ? vcpus[id] : NULL;
}

const struct backend *vcpu_backend(void);

/*
 * What IN has read, into AL, AX or EAX. SDM Vol. 1, "General-Purpose Registers in 64-Bit Mode":
 * 32-bit results clear 63:32.
 */
static inline void vcpu_put_input(struct vcpu *v, uint32_t width, uint32_t value)
{
	if (width == 1)
		__builtin_memcpy(&v->gpr[GPR_RAX], &value, 1);
	else if (width == 2)
		__builtin_memcpy(&v->gpr[GPR_RAX], &value, 2);
	else
		v->gpr[GPR_RAX] = value;
}

/*
 * Before an edge-triggered vector is posted: whoever takes it must not find the mode of one that came
 * before. Where level-triggered vectors have a place of their own, there is nothing to forget.
 */
static inline void post_as_edge(struct vcpu *to, uint8_t vector)
{
	if (!to->keeps_level_apart)
		__atomic_fetch_and(&to->mailbox.level[vector / 64], ~BIT64(vector % 64),
				   __ATOMIC_SEQ_CST);
}

/* The vCPU's own write to its APIC page in xAPIC mode; it is the loaded one. */
vcpu_set_t vcpu_write_apic(struct vcpu *v, uint32_t offset, uint32_t value);

/*
 * To those of vCPUs first .. first + count - 1 that it is for. `from`: the sender, whose fixed
 * interrupts to itself are delivered already; NULL: a device. Who is to be notified; of a
 * level-triggered one: who takes it.
 */
vcpu_set_t post_message(const struct vcpu *from, vcpu_id_t first, uint32_t count,
			const struct irq_message *m);

/* The output of the 8259 pair, which the first vCPU's LINT0 sees. */
vcpu_set_t post_extint(vcpu_id_t first, bool level);

/* Carries out what an APIC register write asks of the world outside. */
vcpu_set_t post_effect(struct vcpu *v, const struct vlapic_effect *effect);
