/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/pc/vpm.h - ACPI fixed hardware: PM1 event and control registers, PM timer.
 *
 * Model    No button is ever pressed and no event happens, but the timer's carry (TMR_STS: the
 *	    timer's highest bit changed) and what the guest writes: SLP_EN with the type of \_S5
 *	    is power off. ACPI mode is on. The PM timer is 32 bits at 3.579545 MHz, computed from
 *	    the TSC.
 * Source   ACPI Specification 6.5, "PM1 Event Grouping", "PM1 Control Grouping", "Power
 *	    Management Timer".
 * Units    *_tsc: TSC ticks, absolute.
 * Sharing  Under the partition's lock.
 */
#pragma once
#include "arch/x86/pc/map.h"

struct vpm {
	uint64_t tsc_hz, epoch_tsc;
	uint64_t carries_cleared; /* carries of the timer that TMR_STS was cleared for */
	uint16_t enable;
	uint16_t control;
};

/* tsc_hz >= PC_PM_TIMER_HZ. */
void vpm_init(struct vpm *p, uint64_t tsc_hz, uint64_t epoch_tsc);
/* Ports PC_PM1_EVENT .. PC_PM_TIMER + 3, width 1, 2 or 4, not crossing a register block. */
uint32_t vpm_read(const struct vpm *p, uint16_t port, uint32_t width, uint64_t now_tsc);
/* True: the guest has switched itself off. */
bool vpm_write(struct vpm *p, uint16_t port, uint32_t width, uint32_t value, uint64_t now_tsc);
/* Level of the SCI: an enabled event is there (the timer's carry). Changes by writes and time. */
bool vpm_sci(const struct vpm *p, uint64_t now_tsc);
/* When the next carry raises the SCI; TSC_NEVER while it is not enabled, or is raised already. */
uint64_t vpm_next_tsc(const struct vpm *p, uint64_t now_tsc);
