/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_cyclictest_owned.c - latencies of the RT kernel on a core of its own, 100,000 ticks of 1 ms. */
#include "configs/linux.h"

LINUX_ALONE("linux_cyclictest_owned", "rt", "cyclictest,100000,1000,ns,400000,100", 1,
	    .cpu = OWN_CORE(0), .apic = APIC_DIRECT);
