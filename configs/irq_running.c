/* SPDX-License-Identifier: Apache-2.0 */
/* configs/irq_running.c - the receiver computes on a core of its own. */
#include "configs/irq.h"

static const struct partition_config partitions[] = {
	IRQ_GUEST(.CPUS(OWN_CORE(0), OWN_CORE(1)), APIC_AUTO, ""),
};

IRQ_SYSTEM("running", 2);
