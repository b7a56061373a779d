/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/linux_devices_rt_traffic.c - beside rt: a million frames and datagrams from linux1 to
 * linux0, and meanwhile both write 16 MiB of the disk again and again, and read it back.
 */
#include "configs/linux_devices.h"

DEVICES_BESIDE_RT("linux_devices_rt_traffic", "devices,server,10.0.0.1,10.0.0.2,1000000,50000,0,16",
		  "devices,client,10.0.0.2,10.0.0.1,1000000,50000,128,16");
