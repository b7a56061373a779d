/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/irq.h - interrupts that one virtual CPU sends to another (guests/irq), in the ways that they
 * may be delivered. IRQ_COUNT is a string: how many one by one, and as many in bursts. Those
 * of the experiment, configs/irq_*_long.c, are these with another count.
 *
 * With a neighbour, who computes for ever, the run limit ends the run.
 */
#pragma once
#include "configs/boards.h"

#ifndef IRQ_COUNT
#define IRQ_COUNT    "1000"
#define IRQ_NAME(x)  "irq_" x
#define IRQ_LIMIT_NS SEC(3)
#else
#define IRQ_NAME(x)  "irq_" x "_long"
#define IRQ_LIMIT_NS SEC(90)
#endif

#define IRQ_GUEST(claims, how, words) \
	{ \
		.name = "irq", claims, .memory_bytes = GUEST_MEMORY, .apic = (how), \
		.image = "irq.elf", .args = "n=" IRQ_COUNT " " words, \
	}

#define IRQ_SYSTEM(word, cores) \
	const struct config config = { \
		.name = IRQ_NAME(word), \
		.board = BOARD_RIG(cores), \
		.partitions = partitions, \
		.partition_count = ARRAY_SIZE(partitions), \
		.run_limit_ns = IRQ_LIMIT_NS, \
	}
