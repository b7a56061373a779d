/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_cloud_smp.c - the cloud kernel with two CPUs on two cores of its own. */
#include "configs/linux.h"

LINUX_ALONE("linux_cloud_smp", "cloud", "smp", 2, .CPUS(OWN_CORE(0), OWN_CORE(1)));
