/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_rt_software.c - the rt kernel, APIC virtualization by software only. */
#include "configs/linux.h"

LINUX_ALONE("linux_rt_software", "rt", "dmesg", 1, .cpu = OWN_CORE(0), .apic = APIC_SOFTWARE);
