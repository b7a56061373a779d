/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_smp_shared.c - two CPUs of one Linux share a core, each under a reservation. */
#include "configs/linux.h"

LINUX_ALONE("linux_smp_shared", "cloud", "smp", 1,
	    .CPUS(RESERVATION(0, MS(24), MS(50)), RESERVATION(0, MS(24), MS(50))));
