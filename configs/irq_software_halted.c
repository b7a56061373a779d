/* SPDX-License-Identifier: Apache-2.0 */
/* configs/irq_software_halted.c - the receiver sleeps on a core of its own, its APIC is software. */
#include "configs/irq.h"

static const struct partition_config partitions[] = {
	IRQ_GUEST(.CPUS(OWN_CORE(0), OWN_CORE(1)), APIC_SOFTWARE, "wait=halt"),
};

IRQ_SYSTEM("software_halted", 2);
