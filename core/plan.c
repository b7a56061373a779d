/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "core/lib/assert.h"
#include "core/plan_check.h"

/* One tick a nanosecond: on the host, times are planned exactly as they are written. */
#define HOST_TSC_HZ UINT64_C(1000000000)

void plan_board_from_config(const struct config *system, struct board *board)
{
	const struct board_config *b = &system->board;

	memset(board, 0, sizeof(*board));
	board->core_count = b->core_count;
	board->tsc_hz = HOST_TSC_HZ;
	board->switch_overhead_tsc = b->switch_overhead_ns;
	board->timer_resolution_tsc = b->timer_resolution_ns;
	if (b->memory_bytes > PLAN_BOARD_TAKEN_BYTES) {
		board->memory[0] = (struct board_range){ PLAN_BOARD_TAKEN_BYTES,
							 b->memory_bytes - PLAN_BOARD_TAKEN_BYTES };
		board->memory_count = 1;
	}
}

enum err plan_build(const struct config *system, const struct board *board, struct plan *plan,
		    struct plan_refusals *refusals)
{
	struct check k = { .config = system, .board = board, .plan = plan, .refusals = refusals };

	ASSERT(board->memory_count <= ARRAY_SIZE(board->memory));
	ASSERT(board->file_count <= ARRAY_SIZE(board->files));
	memset(plan, 0, sizeof(*plan));
	refusals->count = 0;
	check_system(&k);
	check_names(&k);
	check_vcpus(&k);
	if (check_tuples)
		check_tuples(&k);
	if (check_cpu_tasks)
		check_cpu_tasks(&k);
	check_cpu(&k);
	if (grant_cpu)
		grant_cpu(&k);
	check_cores(&k);
	check_memory(&k);
	check_guests(&k);
	check_files(&k);
	if (check_devices)
		check_devices(&k);
	if (check_disks)
		check_disks(&k);
	if (refusals->count > 0) {
		memset(plan, 0, sizeof(*plan)); /* no half of a plan is of use to anybody */
		return ERR_INVAL;
	}
	plan->partition_count = k.partition_count;
	plan->vcpu_count = k.vcpu_count;
	return OK;
}
