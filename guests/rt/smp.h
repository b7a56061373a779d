/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/rt/smp.h - the other CPUs of a guest.
 *
 * Model    CPU 0 runs main(). It starts the others, one at a time, by INIT and two start-up IPIs;
 *	    each then runs a function on a stack of its own (a guard page below), with
 *	    interrupts on, the same page tables and the same trap handlers.
 *	    cpu_index() of guests/rt/cpu.h says which one is running.
 * Source   SDM Vol. 3A, "MP Initialization Protocol Algorithm for MP Systems".
 * Errors   false: it has not answered within a second.
 * Sharing  smp_start() from CPU 0 only. newlib belongs to CPU 0: no other may print or allocate.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* How many there are, at least 1: guest_info()->vcpu_count, of which we use CPUS_MAX at most. */
uint32_t smp_cpu_count(void);

/* `main` may return: the CPU then sleeps, and takes interrupts. 0 < cpu < smp_cpu_count(). */
bool smp_start(uint32_t cpu, void (*main)(void));
