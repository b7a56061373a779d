/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vtd/gate.h - the throttle of devices whose interrupts software posts.
 *
 * Model    io/pi_gate.h decides; here is what it decides about: a gate for each vCPU, an interval, the
 *	    entry of the real MSI-X table and counts for each irq. Linked only with devices:
 *	    all of these are absent elsewhere.
 *	    A message that arrives on another core than its vCPU's, because the route changed while
 *	    it was under way, passes: the gate is its own core's. There is at most one for
 *	    each change of a route, which costs its guest much more.
 *	    A vCPU to which hardware may post has no gate: nobody would open it.
 *	    Who is not throttled passes, but for arch_iommu_rest(): then its entry is masked until the vCPU
 *	    runs, whatever the state of the gate.
 * Sharing  _post() and what arch/iommu.h has of the gate: the vCPU's core. Intervals and counts: any
 *	    core, atomic; counts are written by the core that serves the irq.
 */
#pragma once
#include "arch/x86/irq_source.h"
#include "arch/x86/post.h"
#include "arch/x86/vtd/irq.h"

/* A message of this irq has arrived. True: the vCPU's core is to look at it. */
bool vtd_gate_post(irq_id_t irq, struct vcpu *v, uint8_t vector) __attribute__((weak));
/* The irq's entry in its device's table, where it has one. Boot. */
void vtd_gate_set_source(irq_id_t irq, struct irq_source *source) __attribute__((weak));
/* It leads elsewhere now, and no gate but the new vCPU's may keep it masked. Any core. */
void vtd_gate_routed(irq_id_t irq) __attribute__((weak));
