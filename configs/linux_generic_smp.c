/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_generic_smp.c - the generic kernel with two CPUs on two cores of its own. */
#include "configs/linux.h"

LINUX_ALONE("linux_generic_smp", "generic", "smp", 2, .CPUS(OWN_CORE(0), OWN_CORE(1)));
