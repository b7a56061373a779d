/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_cyclictest_short.c - 1,000 ticks of 1 ms, as the numbers of other systems. */
#include "configs/linux.h"

LINUX_ALONE("linux_cyclictest_short", "rt", "cyclictest,1000,1000,ns,400000,100", 1,
	    .cpu = OWN_CORE(0), .apic = APIC_DIRECT);
