/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_devices_rt_idle.c - beside rt: Linux boots, and lets its devices be. */
#include "configs/linux_devices.h"

DEVICES_BESIDE_RT("linux_devices_rt_idle", "idle", "idle");
