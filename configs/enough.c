/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/enough.c - the tasks of paper 002 (configs/aquosa.h) in the reservation that the planner finds
 * for them, beside a load that takes whatever else there is.
 */
#include "configs/aquosa.h"

static const struct partition_config partitions[] = {
	AQUOSA_GUEST(ENOUGH_FOR_TASKS(0), AQUOSA_TASKS),
	AQUOSA_LOAD(BEST_EFFORT(0, 1)),
};

AQUOSA_SYSTEM("enough", AQUOSA_RUN_LIMIT);
