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
 *   switch_overhead_ns   1,500 ticks for one server switch (the target of the design) are
 *			  30 us at 50 MHz. QEMU's clock is 1 GHz, where the same instructions
 *			  take less time, so the bound holds there too.
 *   timer_resolution_ns  50 ticks at 50 MHz. A preemption timer may count every 32nd tick.
 * The cores are the least that the system runs on: Bochs is started with more.
 */
#define BOARD_RIG(cores) \
	{ \
		.core_count = (cores), .memory_bytes = MIB(256), .switch_overhead_ns = US(30), \
		.timer_resolution_ns = US(1), \
	}

/* Plenty for a newlib guest: code, heap, and one record per finished job. */
#define GUEST_MEMORY MIB(16)
