/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_poweroff.c - a power-off that the configuration answers by a restart. */
#include "configs/linux.h"

static const struct partition_config partitions[] = {
	LINUX("linux", "cloud", "poweroff", .cpu = OWN_CORE(0), .on_power_off = LIFE_RESTART),
};

LINUX_SYSTEM("linux_poweroff", 1, SEC(30));
