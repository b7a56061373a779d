/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/rt/smp_entry.h - what guests/rt/smp_entry.S needs to bring up a CPU.
 *
 * smp_trampoline .. smp_trampoline_end is copied to a page below 640 KiB, where a CPU begins in
 * real mode; it goes through protected mode to smp_entered(), on smp_stack_top.
 * Sharing  Written by CPU 0 before it sends the start-up IPI.
 */
#pragma once
#include <stdint.h>

extern const uint8_t smp_trampoline[], smp_trampoline_end[];
extern uint32_t smp_page_table; /* below 4 GiB: loaded in 32-bit mode */
extern uint64_t smp_stack_top;

__attribute__((noreturn)) void smp_entered(void);
