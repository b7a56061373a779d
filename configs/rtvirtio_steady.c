/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/rtvirtio_steady.c - what the software takes for a request: one guest with one task, and a disk that
 * takes the same time for all. What the guest sees beyond that is the rig's.
 */
#include "configs/rtvirtio.h"

#define STEADY \
	{ \
		.read = { US(100), 0 }, .write = { US(100), 0 }, .parallel = 1 \
	}

static const struct partition_config partitions[] = {
	RTVIRTIO_GUEST("vm0", 0, RTVIRTIO_TASKS("500", "1", "0", "4"), .queue_count = 1),
};
RTVIRTIO_SYSTEM("rtvirtio-steady", 4, STEADY);
