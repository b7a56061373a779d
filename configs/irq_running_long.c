/* SPDX-License-Identifier: Apache-2.0 */
/* configs/irq_running_long.c - for the experiment. */
#define IRQ_COUNT "50000"
#include "configs/irq_running.c"
