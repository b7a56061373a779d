/* SPDX-License-Identifier: Apache-2.0 */
/* guests/machine/machine.h - what the files of this guest share. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

void check(bool ok, const char *what);

/*
 * QEMU's TCG (10.0) under AMD-V deviates from the manual where hardware does the work and not
 * the hypervisor: it ends with an assertion of its own when CR8 is written while a virtual
 * interrupt waits, takes CR8 values of more than four bits, and non-canonical FS.base.
 */
bool is_qemu_tcg(void);

void check_interrupts(void); /* priorities, CR8, shadows, HLT */
void check_timer(void);      /* the three modes of the virtual APIC's timer */
void check_faults(void);     /* instructions and values that must fault, and do no more */
void check_traps(void);      /* single steps and watchpoints across exits */
void check_state(void);      /* registers, MSRs and XCR0 across exits */
