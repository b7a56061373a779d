/* SPDX-License-Identifier: Apache-2.0 */
/* configs/irq_self_software.c - to itself, its APIC is software. */
#include "configs/irq.h"

static const struct partition_config partitions[] = {
	IRQ_GUEST(.CPUS(OWN_CORE(0)), APIC_SOFTWARE, "to=self"),
};

IRQ_SYSTEM("self_software", 1);
