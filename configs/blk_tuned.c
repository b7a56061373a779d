/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/blk_tuned.c - three guests with latency targets on one disk (docs/latency.md): the settings of its
 * scheduler are found by the optimizer when the plan is made. `make plan` shows what each task may
 * expect. The last one has no targets; the second asks for what it cannot get, and is told so.
 */
#include "configs/rtvirtio.h"

static const struct partition_config partitions[] = {
	RTVIRTIO_GUEST("brake", 0, RTVIRTIO_TASKS("100,500", "1", "0", "5"), .is_critical = true,
		       .TASKS({ .iops = 100, .target_ns = MS(250) },
			      { .iops = 500, .target_ns = MS(250) })),
	RTVIRTIO_GUEST("camera", 1, RTVIRTIO_TASKS("1500", "1", "8", "5"),
		       .TASKS({ .iops = 1500, .target_ns = MS(20) })),
	RTVIRTIO_GUEST("log", 2, RTVIRTIO_TASKS("500", "1", "16", "5"), .TASKS({ .iops = 500 })),
};

RTVIRTIO_SYSTEM("blk_tuned", 5, SSD_TIMES(.seed = 1), .tuning = DISK_TUNE_ANALYTIC);
