/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_cloud_direct.c - the cloud kernel with two CPUs and their cores' own APICs. */
#include "configs/linux.h"

LINUX_ALONE("linux_cloud_direct", "cloud", "smp", 2, .CPUS(OWN_CORE(0), OWN_CORE(1)),
	    .apic = APIC_DIRECT);
