/* SPDX-License-Identifier: Apache-2.0 */
/* configs/aquosa_alone.c - S without a reservation and without load: configs/aquosa.h. */
#include "configs/aquosa.h"

static const struct partition_config partitions[] = {
	AQUOSA_GUEST(BEST_EFFORT(0, 1)),
};

AQUOSA_SYSTEM("alone", AQUOSA_RUN_LIMIT);
