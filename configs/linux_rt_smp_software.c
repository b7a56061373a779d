/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_rt_smp_software.c - two CPUs, APIC virtualization by software only. */
#include "configs/linux.h"

LINUX_ALONE("linux_rt_smp_software", "rt", "smp", 2, .CPUS(OWN_CORE(0), OWN_CORE(1)),
	    .apic = APIC_SOFTWARE);
