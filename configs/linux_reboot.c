/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_reboot.c - a reset that the configuration answers by a restart, again and again. */
#include "configs/linux.h"

static const struct partition_config partitions[] = {
	LINUX("linux", "cloud", "reboot", .cpu = OWN_CORE(0), .on_reset = LIFE_RESTART),
};

LINUX_SYSTEM("linux_reboot", 1, SEC(100));
