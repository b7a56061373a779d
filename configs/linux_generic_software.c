/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_generic_software.c - the generic kernel, APIC virtualization by software only. */
#include "configs/linux.h"

LINUX_ALONE("linux_generic_software", "generic", "dmesg", 1, .cpu = OWN_CORE(0),
	    .apic = APIC_SOFTWARE);
