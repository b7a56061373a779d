/* SPDX-License-Identifier: Apache-2.0 */
/* configs/irq_self.c - to itself, for machines with one CPU. */
#include "configs/irq.h"

static const struct partition_config partitions[] = {
	IRQ_GUEST(.CPUS(OWN_CORE(0)), APIC_AUTO, "to=self"),
};

IRQ_SYSTEM("self", 1);
