/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/rtvirtio_four.c - four guests with H, slice_idle 1 ms and timeout_sync 32 ms: disk-sim. It is what
 * the disk can do just about.
 */
#include "configs/rtvirtio.h"

static const struct partition_config partitions[] = {
	RTVIRTIO_GUEST("vm0", 0, RTVIRTIO_TASKS("1500", "1", "0", "20"), .queue_count = 1),
	RTVIRTIO_GUEST("vm1", 1, RTVIRTIO_TASKS("1500", "1", "8", "20"), .queue_count = 1),
	RTVIRTIO_GUEST("vm2", 2, RTVIRTIO_TASKS("1500", "1", "16", "20"), .queue_count = 1),
	RTVIRTIO_GUEST("vm3", 3, RTVIRTIO_TASKS("1500", "1", "24", "20"), .queue_count = 1),
};
RTVIRTIO_SYSTEM("rtvirtio-four", 20, SSD_TIMES(.seed = RTVIRTIO_DEVICE_SEED),
		.slice_idle_ns = MS(1), .timeout_sync_ns = MS(32));
