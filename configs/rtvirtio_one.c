/* SPDX-License-Identifier: Apache-2.0 */
/* configs/rtvirtio_one.c - one guest with L, M and H, the default settings of bfq: disk-sim. */
#include "configs/rtvirtio.h"

static const struct partition_config partitions[] = {
	RTVIRTIO_GUEST("vm0", 0, RTVIRTIO_TASKS("100,500,1500", "1", "0", "20"), .queue_count = 3),
};
RTVIRTIO_SYSTEM("rtvirtio-one", 20, SSD_TIMES(.seed = RTVIRTIO_DEVICE_SEED));
