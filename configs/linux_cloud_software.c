/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_cloud_software.c - the cloud kernel, APIC virtualization by software only. */
#include "configs/linux.h"

LINUX_ALONE("linux_cloud_software", "cloud", "dmesg", 1, .cpu = OWN_CORE(0), .apic = APIC_SOFTWARE);
