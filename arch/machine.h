/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/machine.h - the machine as a whole: bring it up, look at it, switch it off.
 */
#pragma once
#include "core/lib/base.h"
#include "arch/boot_info.h"

/* Descriptor tables, traps, ACPI, APIC, clock. `missing` names what is absent on failure. */
MUST_CHECK enum err arch_init(const struct boot_info *boot, const char **missing);

/* One line about what was found (CPU, timers, APIC mode), into `line`. */
void arch_describe(char *line, size_t bytes);

/*
 * What bring-up found odd but not fatal, or measured: line `index`, or NULL: there are no more.
 * Grows during arch_init() and arch_mp_start(); also worth reading when they fail.
 */
const char *arch_remark(uint32_t index);

/* ACPI S5; halts all cores where firmware offers none. */
NORETURN void arch_power_off(void);
/* ACPI reset register, then 0xCF9, then a triple fault. */
NORETURN void arch_reset(void);
/* Stops this core for ever, interrupts off. */
NORETURN void arch_halt(void);
/* Tells the other cores to halt: used by panic, never waits for an answer. */
void arch_halt_others(void);

/* Port access, for drivers. */
uint8_t arch_pio_read8(uint16_t port);
void arch_pio_write8(uint16_t port, uint8_t value);
