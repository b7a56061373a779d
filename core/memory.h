/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/memory.h - which host memory is whose, from the firmware's map.
 *
 * Pure. The hypervisor's frame pool is cut first; what is left, above 1 MiB and apart from
 * boot files, is offered to the plan for guests.
 *	    Memory that holds boot files is never offered: it is theirs for as long as the system
 *	    runs, so that a partition can be loaded again when it restarts.
 * Errors   ERR_NOMEM: no range is large enough for the pool.
 */
#pragma once
#include "arch/boot_info.h"
#include "core/plan.h"

/*
 * Frames for tables, stacks, control structures and traces of this configuration. Runs before the
 * plan: a configuration that the plan will refuse gives some number, too.
 */
uint64_t memory_pool_bytes(const struct config *wanted);

MUST_CHECK enum err memory_choose_pool(const struct boot_info *boot, uint64_t bytes, hpa_t *pool);

/* Fills board->memory with what guests may have. */
void memory_offer(const struct boot_info *boot, hpa_t pool, uint64_t pool_bytes,
		  struct board *board);
