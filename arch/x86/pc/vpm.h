/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vpm.h - ACPI fixed hardware: PM1 event and control registers, PM timer.
 *
 * Model    No button is ever pressed and no event happens, but the timer's carry (TMR_STS) and
 *	    what the guest writes: SLP_EN with the type of \_S5 is power off. ACPI mode is on.
 *	    The PM timer is 32 bits at 3.579545 MHz, computed from the TSC.
 * Source   ACPI Specification 6.5, "Fixed Hardware Registers", "Power Management Timer".
 * Units    *_tsc: TSC ticks, absolute.
 * Sharing  Under the partition's lock.
 */
#pragma once
#include "arch/x86/pc/map.h"

struct vpm {
	uint64_t tsc_hz, epoch_tsc;
	uint16_t status_cleared; /* not kept: see vpm.c */
	uint16_t enable;
	uint16_t control;
	uint64_t carry_seen; /* half periods of the timer that TMR_STS has been cleared for */
};

void vpm_init(struct vpm *p, uint64_t tsc_hz, uint64_t epoch_tsc);
/* Ports PC_PM1_EVENT .. PC_PM_TIMER + 3, width 1, 2 or 4, not crossing a register block. */
uint32_t vpm_read(struct vpm *p, uint16_t port, uint32_t width, uint64_t now_tsc);
/* True: the guest has switched itself off. */
bool vpm_write(struct vpm *p, uint16_t port, uint32_t width, uint32_t value, uint64_t now_tsc);
/* Level of the SCI: an enabled event is there (the timer's carry). */
bool vpm_sci(struct vpm *p, uint64_t now_tsc);
/* When the next carry raises the SCI; TSC_NEVER while it is not enabled. */
uint64_t vpm_next_tsc(const struct vpm *p, uint64_t now_tsc);
