/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_mixed_alone.c - the baseline: no Linux. See configs/linux_mixed.h. */
#include "configs/linux_mixed.h"

static const struct partition_config partitions[] = { MIXED_RT("3200") };

LINUX_SYSTEM("linux_mixed_alone", 1, SEC(642));
