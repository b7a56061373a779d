/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/init.h - the parts of bring-up, as arch_init() and arch_mp_start() call them.
 *
 * Private to init.c, gdt.c, trap.c, apic*.c, clock.c, mp.c, power.c, and
 * vmx/direct.c for percpu_of().
 * Sharing  Boot core only, but for core_*(), which each core calls for itself.
 */
#pragma once
#include "arch/boot_info.h"
#include "arch/x86/acpi.h"
#include "arch/x86/percpu.h"

/* One line for arch_remark(): something odd that does not stop the boot. */
void remark(const char *format, ...) PRINTF(1, 2);

/* What the tables said; all zero where firmware gave none. Constant after arch_init(). */
const struct acpi_info *acpi_facts(void);

/* gdt.c: per-core data, GDT, TSS. Stacks first: the IST's, and the core's but for core 0. */
struct percpu *percpu_of(core_id_t core);
MUST_CHECK enum err core_take_stacks(struct percpu *p);
void core_load_descriptors(struct percpu *p);

/* trap.c */
void trap_init(void);       /* builds the one IDT */
void core_load_traps(void); /* IDTR, machine checks on */
/* Takes and forgets all that is pending in the local APIC, in x2APIC mode. */
void trap_discard_interrupts(void);
/* STI, HLT, CLI: returns after an interrupt was served. No wake-up is lost (trap.S). */
void cpu_idle(void);

/* apic.c: apic_init() begins in xAPIC mode if the timer must be measured there. */
MUST_CHECK enum err apic_init(const char **missing);
void apic_enter_final_mode(void);
void core_enable_apic(void);
uint32_t apic_id(void);
bool apic_is_x2apic(void);
/* Largest APIC ID that the mode in use can address. */
uint32_t apic_id_limit(void);
void apic_stop_others(void); /* INIT to every other processor, known or not */
void apic_send_init(uint32_t to);
void apic_send_startup(uint32_t to, uint8_t page);
void apic_send_nmi(uint32_t to);
void apic_send_fixed(uint32_t to, uint8_t vector);
/* From now on every NMI stops the core that gets it. */
bool machine_is_halting(void);

/* apic_timer.c: needs the clock; ends in apic_enter_final_mode(). Then it can be tried. */
bool apic_timer_has_deadline(void);
MUST_CHECK enum err apic_timer_init(const char **missing);
MUST_CHECK enum err apic_timer_check(const char **missing);
void core_enable_timer(void);
const char *apic_timer_name(void);
uint64_t apic_timer_resolution_tsc(void);

/* clock.c */
MUST_CHECK enum err clock_init(const char **missing);
const char *clock_reference_name(void);
void clock_wait_ns(uint64_t ns);
void clock_wait_until(uint64_t tsc);

/* mp.c: percpu() holds from here on, on this core. */
void mp_boot_core_is_ready(void);
/* Stops and counts the others, takes their stacks and chooses the trampoline's page. */
MUST_CHECK enum err mp_init(const struct boot_info *boot, const char **missing);
/* It has percpu(), traps and APIC: it can be interrupted. */
bool mp_core_is_online(core_id_t core);
