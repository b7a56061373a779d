/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/iommu.h - which device reaches which memory, and who gets its interrupts.
 *
 * Model    A domain per partition, and one for the hypervisor's own drivers. Addresses that a
 *	    device of a partition emits are the partition's guest-physical ones. From
 *	    arch_iommu_init() on no device reaches any memory and no interrupt arrives, until it is
 *	    attached and its interrupts are routed: deny by default.
 *	    Interrupts: an irq is a remapped message of one device. Routed to a vCPU it is posted
 *	    into that vCPU's descriptor (io/pi.h), by the IOMMU itself where it can post, else
 *	    by a host interrupt on the vCPU's core whose handler does the same and nothing more;
 *	    arch_vcpu_interrupted() says then to whom.
 * Source   Intel Virtualization Technology for Directed I/O, Architecture Specification.
 * Errors   ERR_NODEV: no IOMMU, or none that covers this device. ERR_NOMEM: a capacity, boot only.
 *	    ERR_INVAL: not a domain, attached elsewhere, unaligned. ERR_TIMEOUT: hardware did not
 *	    confirm an invalidation within 10 ms. The device is blocked in our tables, but hardware
 *	    may not have noticed: take its bus mastering away. The next attempt begins with that
 *	    invalidation, and no domain gets the device before hardware has confirmed it.
 * Sharing  Boot core until arch_mem_seal(); afterwards _attach(), _block(), _irq_route() and
 *	    _irq_mask() from any core: bounded work under a lock that no guest's exit path takes
 *	    but those that change a route. Faults are taken by one core.
 */
#pragma once
#include "arch/mem.h"
#include "arch/pci.h"
#include "arch/vcpu.h"

/*
 * The domains of the hypervisor's drivers; device addresses are host-physical there. Shared disks have one
 * of their own: it holds the RAM of the partitions that share them, and the drivers' queues.
 */
#define IOMMU_HYPERVISOR MAX_PARTITIONS
#define IOMMU_DISKS      (MAX_PARTITIONS + 1)

/* Frames that arch_iommu_init() takes at most, with the tables that map its registers. */
#define IOMMU_INIT_BYTES KIB(416)

/*
 * After arch_pci_init(). Finds the units, blocks everything, turns translation and interrupt
 * remapping on. On failure `missing` names table, offset and reason, and nothing may be attached.
 * ERR_NODEV: no DMAR table: pass-through is impossible.
 */
MUST_CHECK enum err arch_iommu_init(const char **missing);
bool arch_iommu_is_present(void);
bool arch_iommu_can_post(void);
/* One line for the boot log: units, address width, what it can do. */
void arch_iommu_describe(char *text, size_t bytes);

/* Boot only. */
MUST_CHECK enum err arch_iommu_domain_create(part_id_t domain);
/*
 * All 4 KiB aligned; rights of arch/mem.h without SPACE_EXEC. Nothing may lie at FEE00000H to
 * FEEFFFFFH on either side: devices' accesses there are messages. ERR_RANGE: beyond the units'
 * or the machine's address width.
 */
MUST_CHECK enum err arch_iommu_map(part_id_t domain, gpa_t at, hpa_t hpa, uint64_t bytes,
				   uint32_t rights);

/*
 * The device's requests go through this domain from now on. ERR_UNSUPPORTED: firmware wants the
 * device to reach reserved memory (RMRR), which no domain has; or its unit does not remap
 * interrupts, and the domain is a partition's, which could forge them then.
 * ERR_NOMEM, also after arch_mem_seal(): the first device of a bus needs a table.
 */
MUST_CHECK enum err arch_iommu_attach(pci_addr_t device, part_id_t domain);
/* It reaches nothing any more, and what it had in flight has arrived or is lost. */
MUST_CHECK enum err arch_iommu_block(pci_addr_t device);

/* --- interrupts ----------------------------------------------------------------------------- */

typedef uint32_t irq_id_t;
struct irq_msi { /* what the device's MSI capability or MSI-X table entry is programmed with */
	uint64_t address;
	uint32_t data;
};

/* Boot only: `count` consecutive irqs of one device, masked; for MSI (not -X) a power of two. */
MUST_CHECK enum err arch_iommu_irq_create(pci_addr_t device, uint32_t count, irq_id_t *first);
struct irq_msi arch_iommu_irq_msi(irq_id_t irq);
/*
 * To the vCPU, whose core is `core`, as `vector` in the guest. Replaces a route; bounded.
 * ERR_UNSUPPORTED: the vCPU may have its core's local APIC (VCPU_APIC_DIRECT).
 */
MUST_CHECK enum err arch_iommu_irq_route(irq_id_t irq, vcpu_id_t vcpu, core_id_t core,
					 uint8_t vector);
/* Messages of this irq are faults from now on, and nobody posts to the vCPU because of one. */
MUST_CHECK enum err arch_iommu_irq_mask(irq_id_t irq);

/*
 * The throttle: interrupts of this device reach their vCPU at least `interval_tsc` apart, whatever its guest
 * does; those between are merged into the next, and none is lost. 0: no throttle. Entries of `urgent` (a bit
 * each, by their order at arch_iommu_irq_create()) pass. A device that comes too early twice in an interval
 * is masked, if it has MSI-X, so that in one interval it takes a bounded time, and that is little.
 * The gate behind it is one for each vCPU (io/pi_gate.h), and is opened by the vCPU's core as if it were
 * another timer of the vCPU: while others run there, nobody's time is spent on it. Where hardware posts,
 * nobody sees how often a device comes, and there is no gate: its own throttle must do. Any core.
 */
void arch_iommu_throttle(pci_addr_t device, uint64_t interval_tsc, uint32_t urgent);
struct irq_counts {
	uint64_t raised;    /* messages that arrived; where hardware posts, none is seen */
	uint64_t delivered; /* notifications that followed, at once or when the gate opened */
	uint64_t merged;    /* the others, but for at most one that waits for the gate */
	uint64_t masked;    /* how often it was masked */
};
/* Since boot. Any core. */
void arch_iommu_irq_counts(pci_addr_t device, struct irq_counts *counts);
/*
 * The vCPU waits for its turn, or cannot be woken: the entry that has just interrupted it, throttled or not, is
 * masked until its gate is opened, for more of the same would only take time from others. Not of a device without
 * MSI-X: such a one is not to be given to a vCPU that shares its core.
 */
void arch_iommu_rest(vcpu_id_t vcpu) __attribute__((weak));
/*
 * When the vCPU's gate is to be opened, for something waits behind it; TSC_NEVER: nothing does. Changes
 * only when its core takes a device's interrupt (arch_vcpu_interrupted() has the vCPU then), and by
 * arch_iommu_rest() and _open_gate(). These three: the vCPU's core; absent from images without devices.
 */
uint64_t arch_iommu_gate_tsc(vcpu_id_t vcpu) __attribute__((weak));
/* True: something is posted now, for arch_vcpu_sync(). */
bool arch_iommu_open_gate(vcpu_id_t vcpu, uint64_t now_tsc) __attribute__((weak));

/* --- faults ----------------------------------------------------------------------------------- */

enum iommu_fault_kind { IOMMU_FAULT_READ, IOMMU_FAULT_WRITE, IOMMU_FAULT_INTERRUPT };
struct iommu_fault {
	enum iommu_fault_kind kind;
	pci_addr_t device;
	part_id_t domain; /* that it is attached to; UINT32_MAX: none */
	uint64_t address; /* as the device emitted it; interrupts: index of the table entry */
	uint8_t reason;   /* VT-d, "Fault Conditions": the encoding */
	uint32_t lost;    /* since the last one taken, not recorded by hardware or by us */
};
/* The next one, or false. Bounded by what hardware records. Never blocks. */
bool arch_iommu_take_fault(struct iommu_fault *fault);
/* Words for `reason`. */
const char *arch_iommu_fault_text(uint8_t reason);
