/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vtd/irq.h - devices' interrupts on their way to virtual CPUs.
 *
 * Model    An irq is an entry of one unit's interrupt table. Routed, hardware posts into the
 *	    vCPU's descriptor, where the unit posts and the vCPU has one that hardware serves; else
 *	    it interrupts the vCPU's core with a vector of that core, and vtd_irq_serve() posts.
 *	    A vector, once given to an irq on a core, stays its own: a message that was under way
 *	    to the old core when the route changed goes to where the route leads now.
 *	    Invariant: when vtd_irq_route() or _mask() returns, nobody posts to the old vCPU.
 * Errors   ERR_INVAL: no such irq, vCPU, core or vector. ERR_NOMEM: a capacity.
 *	    ERR_UNSUPPORTED: the unit does not remap; or the core's APIC may be lent to the vCPU, so
 *	    that host vectors do not reach the hypervisor. ERR_TIMEOUT: hardware did not
 *	    confirm; the irq is masked then.
 * Sharing  Under the lock of vtd.c, but for _serve() and _taken(): each core for itself, with
 *	    interrupts off. _serve() reads a target while it is_serving; who changes a target waits
 *	    until nobody is, for less than a hundred instructions of each core.
 */
#pragma once
#include "arch/iommu.h"
#include "arch/x86/vtd/unit.h"

#define VTD_IRQ_MAX VTD_IRT_ENTRIES

/* Host vectors of devices, on each core. Above are the hypervisor's own (apic.h). */
#define VTD_VECTOR_FIRST 0x30u
#define VTD_VECTOR_LAST  0xdfu

void vtd_irq_init(void);
MUST_CHECK enum err vtd_irq_create(struct vtd_unit *u, pci_addr_t device, uint32_t count,
				   irq_id_t *first);
/* Those of one device are consecutive. Count 0: it has none. */
void vtd_irq_of(pci_addr_t device, irq_id_t *first, uint32_t *count);
/* All zero: no such irq. */
struct irq_msi vtd_irq_msi(irq_id_t irq);
MUST_CHECK enum err vtd_irq_route(irq_id_t irq, vcpu_id_t vcpu, core_id_t core, uint8_t vector);
MUST_CHECK enum err vtd_irq_mask(irq_id_t irq);
struct vcpu;
/* Some of its interrupts may be posted by hardware. */
bool vtd_irq_hardware_posts_to(const struct vcpu *v);

/* Host interrupt `vector` of this core. False: no device has it. Bounded, takes no lock. */
bool vtd_irq_serve(uint8_t vector);
/* Those that must be notified, or looked at, because of it, on this core, since the last call. */
vcpu_set_t vtd_irq_taken(void);
