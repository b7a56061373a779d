/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/boards.h - the boards that the configurations in this folder are written for.
 *
 * A board is what `make plan` checks against before anything is built; at boot the same rules
 * run again with the facts of the machine that is really there.
 */
#pragma once
#include "core/config.h"

/*
 * The rigs. Bochs is the slower clock of the two: 50 MHz of TSC, one tick an instruction.
 *   switch_overhead_ns   5,000 ticks at 50 MHz. Alone, Bochs' CPU needs at most 1,500 for a
 *			  server switch (docs/performance.md); with several CPUs, code of short
 *			  basic blocks, such as the hypervisor's, counts up to twice as many ticks
 *			  (docs/emulators.md). QEMU's clock is 1 GHz, where the bound holds too.
 *   timer_resolution_ns  50 ticks at 50 MHz. A preemption timer may count every 32nd tick.
 * The cores are the least that the system runs on: Bochs is started with more.
 */
#define BOARD_RIG(cores) \
	{ \
		.core_count = (cores), .memory_bytes = MIB(256), .switch_overhead_ns = US(100), \
		.timer_resolution_ns = US(1), \
	}

/*
 * The same with room for guests that nobody here wrote: give MIB(512), what the rigs are started
 * with, or what they shall be.
 *   console_bytes_per_second   1 MiB: the log's pace, not the line's. Such a guest prints its boot
 *			  messages through a UART, which is full until the byte is out: at the
 *			  pace of 115,200 baud that would be most of its boot. QEMU's UART takes a
 *			  byte as fast as it is written. Bochs' keeps to the baud rate; there the
 *			  log, which guests can fill only so far, holds what has not left yet.
 */
#define BOARD_RIG_MEMORY(cores, memory) \
	{ \
		.core_count = (cores), .memory_bytes = (memory), .switch_overhead_ns = US(100), \
		.timer_resolution_ns = US(1), .console_bytes_per_second = MIB(1), \
	}

/* Plenty for a newlib guest: code, heap, and one record per finished job. */
#define GUEST_MEMORY MIB(16)

/* Debian's kernels want 80 to 96 MiB before the first program runs. */
#define LINUX_MEMORY MIB(192)
