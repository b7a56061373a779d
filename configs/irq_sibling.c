/* SPDX-License-Identifier: Apache-2.0 */
/* configs/irq_sibling.c - sender and receiver share a core, and sleep in turn. */
#include "configs/irq.h"

static const struct partition_config partitions[] = {
	IRQ_GUEST(.CPUS(RESERVATION(0, MS(4), MS(10)), RESERVATION(0, MS(4), MS(10))), APIC_AUTO,
		  "smp=shared"),
};

IRQ_SYSTEM("sibling", 1);
