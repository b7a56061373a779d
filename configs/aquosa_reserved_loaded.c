/* SPDX-License-Identifier: Apache-2.0 */
/* configs/aquosa_reserved_loaded.c - S in (28 ms, 50 ms) beside the load: configs/aquosa.h. */
#include "configs/aquosa.h"

static const struct partition_config partitions[] = {
	AQUOSA_GUEST(RESERVATION(0, MS(28), MS(50)), AQUOSA_TASKS, .task_supply = TASKS_FROM_IDLE),
	AQUOSA_LOAD(BEST_EFFORT(0, 1)),
};

AQUOSA_SYSTEM("reserved_loaded", AQUOSA_RUN_LIMIT);
