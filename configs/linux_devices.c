/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_devices.c - a short test of both devices, a core each. See configs/linux_devices.h. */
#include "configs/linux_devices.h"

static const struct partition_config partitions[] = {
	LINUX_DEVICES("linux0", 0, "devices,server,10.0.0.1,10.0.0.2,1000,500,0,4",
		      .cpu = RESERVATION(0, MS(40), MS(50))),
	LINUX_DEVICES("linux1", 1, "devices,client,10.0.0.2,10.0.0.1,1000,500,128,4",
		      .cpu = RESERVATION(1, MS(40), MS(50))),
};

DEVICES_SYSTEM("linux_devices", 2, RESERVATION(0, MS(1), MS(10)), 600);
