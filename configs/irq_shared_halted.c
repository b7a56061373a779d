/* SPDX-License-Identifier: Apache-2.0 */
/* configs/irq_shared_halted.c - the receiver sleeps, and a neighbour keeps its core busy. */
#include "configs/irq.h"

static const struct partition_config partitions[] = {
	IRQ_GUEST(.CPUS(OWN_CORE(0), RESERVATION(1, MS(6), MS(10))), APIC_AUTO, "wait=halt"),
	{
		.name = "busy",
		.cpu = BEST_EFFORT(1, 1),
		.memory_bytes = GUEST_MEMORY,
		.image = "compute.elf",
		.args = "burn=1",
	},
};

IRQ_SYSTEM("shared_halted", 2);
