/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/mp.h - the logical processors.
 *
 * Model    Core 0 is the boot processor; the others are numbered in MADT order. Each has its
 *	    own stack with a guard page, GDT and TSS (the IDT is one, and constant), and runs
 *	    with interrupts off except in arch_clock_idle() and inside a guest.
 */
#pragma once
#include "core/lib/base.h"

/* From the MADT; 1 where firmware gives none. Known after arch_init(). */
uint32_t arch_mp_core_count(void);
core_id_t arch_mp_core_id(void);
/*
 * Starts every other core; when all are there, each enters fn(), which does not return.
 * ERR_TIMEOUT: core *failed did not answer. ERR_UNSUPPORTED: its TSC is provably more than
 * 1 us away from the boot core's. ERR_NODEV: no page below 640 KiB to start them through.
 * On an error no core enters fn().
 */
MUST_CHECK enum err arch_mp_start(void (*fn)(core_id_t core), core_id_t *failed);
/* Makes `core` leave its guest or its sleep; it finds out why by itself. */
void arch_mp_kick(core_id_t core);
void arch_mp_relax(void); /* inside a wait loop */
