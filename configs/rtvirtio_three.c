/* SPDX-License-Identifier: Apache-2.0 */
/* configs/rtvirtio_three.c - three guests with L and M, weights 1:2:4: disk-sim. */
#include "configs/rtvirtio.h"

static const struct partition_config partitions[] = {
	RTVIRTIO_GUEST("vm0", 0, RTVIRTIO_TASKS("100,500", "1", "0", "20"), .queue_count = 2,
		       .weight = 100),
	RTVIRTIO_GUEST("vm1", 1, RTVIRTIO_TASKS("100,500", "1", "8", "20"), .queue_count = 2,
		       .weight = 200),
	RTVIRTIO_GUEST("vm2", 2, RTVIRTIO_TASKS("100,500", "1", "16", "20"), .queue_count = 2,
		       .weight = 400),
};
RTVIRTIO_SYSTEM("rtvirtio-three", 20, SSD_TIMES(.seed = RTVIRTIO_DEVICE_SEED));
