/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_devices_rt_alone.c - the baseline: no Linux, no devices. See linux_devices.h. */
#include "configs/linux_devices.h"

static const struct partition_config partitions[] = { MIXED_RT(DEVICES_RT_JOBS) };

LINUX_SYSTEM("linux_devices_rt_alone", 1, SEC(DEVICES_RT_LIMIT));
