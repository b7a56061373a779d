/* SPDX-License-Identifier: Apache-2.0 */
/* configs/rtvirtio_two.c - two guests with M and H, the default settings of bfq: disk-sim. */
#include "configs/rtvirtio.h"

static const struct partition_config partitions[] = {
	RTVIRTIO_GUEST("vm0", 0, RTVIRTIO_TASKS("500,1500", "1", "0", "20"), .queue_count = 2),
	RTVIRTIO_GUEST("vm1", 1, RTVIRTIO_TASKS("500,1500", "1", "8", "20"), .queue_count = 2),
};
RTVIRTIO_SYSTEM("rtvirtio-two", 20, SSD_TIMES(.seed = RTVIRTIO_DEVICE_SEED));
