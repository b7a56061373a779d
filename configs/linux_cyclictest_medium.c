/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/linux_cyclictest_medium.c - 3,000 ticks of 1 ms on a core of its own.
 *
 * cyclictest forbids its kernel to sleep (/dev/cpu_dma_latency), and one that knows that its core is
 * its own obeys by polling: QEMU, which skips only the time that CPUs sleep, would need hours for
 * 100,000.
 */
#include "configs/linux.h"

LINUX_ALONE("linux_cyclictest_medium", "rt", "cyclictest,3000,1000,ns,400000,100", 1,
	    .cpu = OWN_CORE(0), .apic = APIC_DIRECT);
