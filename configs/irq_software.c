/* SPDX-License-Identifier: Apache-2.0 */
/* configs/irq_software.c - the receiver computes on a core of its own, its APIC is software. */
#include "configs/irq.h"

static const struct partition_config partitions[] = {
	IRQ_GUEST(.CPUS(OWN_CORE(0), OWN_CORE(1)), APIC_SOFTWARE, ""),
};

IRQ_SYSTEM("software", 2);
