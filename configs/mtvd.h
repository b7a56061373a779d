/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/mtvd.h - a guest with cores of its own, a thread on each, and one network interface that gets more
 * frames than they can handle: paper 003, section 5.5, in Bochs at 50 million instructions a second. A
 * frame takes 4,800 instructions: the cycles that the paper's CPU of 2.27 GHz has for one where it is
 * saturated by 5.6 Gbit/s of 1,472 bytes.
 *
 * One more virtual CPU counts rounds: with several cores, Bochs' clock depends on what they execute
 * (guests/rt/work.h); rounds do not.
 *
 * Before the header: MTVD_NAME, MTVD_THREADS, MTVD_CPUS (claims of the cores 0 to MTVD_THREADS), MTVD_WORDS (a
 * text: more arguments of the receiver), MTVD_SIZE (a text).
 */
#pragma once
#include "configs/traffic.h"

#define MTVD_RATE "60000"

static const struct partition_config partitions[] = {
	TRAFFIC_GUEST("mtvd", .CPUS(MTVD_CPUS), 0, 1,
		      "mode=sink work_insns=4800 clock=rounds from_ms=300 to_ms=500 " MTVD_WORDS),
	TRAFFIC_GUEST("gen", .cpu = OWN_CORE(MTVD_THREADS + 1), 1, 2,
		      "mode=generate poll=1 to=02:00:00:00:00:01 start_ms=250 stop_ms=520 flows=16"
		      " rate=" MTVD_RATE " size=" MTVD_SIZE),
};

TRAFFIC_MEMORY(MTVD_NAME, MTVD_THREADS + 3, 50, UINT64_C(1250000000), 2, 2000);
