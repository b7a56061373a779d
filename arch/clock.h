/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/clock.h - the one clock, and waiting for it.
 *
 * Model    The TSC, synchronous over the cores, calibrated at boot against a timer of known
 *	    frequency (ACPI PM timer, HPET or PIT). It is the only time the hypervisor knows.
 * Errors   ERR_UNSUPPORTED: no reference timer, or two measurements disagree.
 */
#pragma once
#include "core/lib/base.h"

uint64_t arch_clock_now_tsc(void);
uint64_t arch_clock_tsc_hz(void);
/* The largest lateness of a deadline due to timer granularity, in TSC ticks. */
uint64_t arch_clock_resolution_tsc(void);

/* What the machine's real-time clock showed at arch_init(), carried on by the TSC; 0: none. */
uint64_t arch_clock_unix_time_s(void);

/* Sleeps until `until_tsc`, an interrupt or a kick, whichever is first. TSC_NEVER: no limit. */
void arch_clock_idle(uint64_t until_tsc);
