/* SPDX-License-Identifier: Apache-2.0 */
/* configs/aquosa_loaded_best_effort.c - S without a reservation, below the load: configs/aquosa.h.
 */
#include "configs/aquosa.h"

static const struct partition_config partitions[] = {
	AQUOSA_GUEST(BEST_EFFORT(0, 1)),
	AQUOSA_LOAD(BEST_EFFORT(0, 2)),
};

AQUOSA_SYSTEM("loaded_best_effort", AQUOSA_RUN_LIMIT_STARVED);
