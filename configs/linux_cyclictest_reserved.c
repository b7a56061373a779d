/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_cyclictest_reserved.c - latencies of the RT kernel under a reservation, 100,000 ticks of 1 ms. */
#include "configs/linux.h"

LINUX_ALONE("linux_cyclictest_reserved", "rt", "cyclictest,100000,1000,us,20000,1", 1,
	    .cpu = RESERVATION(0, MS(8), MS(10)));
