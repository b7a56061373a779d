/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/apic_regs.h - the host's local APIC registers. Private to apic*.c.
 *
 * Registers are named by their x2APIC MSRs. In xAPIC mode the same
 * register lies at 16 * (msr - 800H) in the 4 KiB page that IA32_APIC_BASE names; only ICR
 * differs (two halves there, one MSR here).
 * Source   SDM Vol. 3A, "Advanced Programmable Interrupt Controller (APIC)":
 *	    "x2APIC Register Address Space".
 */
#pragma once
#include "arch/x86/cpu.h"

#define X2APIC_ID            0x802u /* r */
#define X2APIC_TPR           0x808u /* rw */
#define X2APIC_EOI           0x80bu /* w, 0 only */
#define X2APIC_SVR           0x80fu /* rw */
#define X2APIC_ISR           0x810u /* r, 8 of them */
#define X2APIC_IRR           0x820u /* r, 8 of them */
#define X2APIC_ESR           0x828u /* rw; a write shows what was collected */
#define X2APIC_ICR           0x830u /* rw, 64 bits */
#define X2APIC_LVT_TIMER     0x832u /* rw */
#define X2APIC_LVT_LINT0     0x835u /* rw */
#define X2APIC_LVT_LINT1     0x836u /* rw */
#define X2APIC_LVT_ERROR     0x837u /* rw */
#define X2APIC_INITIAL_COUNT 0x838u /* rw */
#define X2APIC_CURRENT_COUNT 0x839u /* r */
#define X2APIC_DIVIDE_CONFIG 0x83eu /* rw */
#define X2APIC_SELF_IPI      0x83fu /* w */

#define XAPIC_ICR_HIGH       0x831u /* xAPIC only: offset 310H */

/* "Spurious Interrupt Vector Register" */
#define SVR_ENABLE BIT32(8)
/* "Local Vector Table" */
#define LVT_MASKED         BIT32(16)
#define LVT_TIMER_DEADLINE BIT32(18) /* 18:17 = 10b */
/* "Divide Configuration Register": divide by 1 */
#define DIVIDE_BY_1 0xbu
/* "Interrupt Command Register (ICR)" */
#define ICR_INIT         (5u << 8)
#define ICR_STARTUP      (6u << 8)
#define ICR_NMI          (4u << 8)
#define ICR_PENDING      BIT32(12) /* delivery status; xAPIC only */
#define ICR_ASSERT       BIT32(14)
#define ICR_ALL_BUT_SELF (3u << 18)

/* NULL: x2APIC mode. Changes on the boot core only, before there are others. */
extern volatile uint8_t *xapic_page;

static inline size_t xapic_offset(uint32_t msr)
{
	return (size_t)(msr - MSR_X2APIC_FIRST) * 16;
}

static inline uint32_t apic_read(uint32_t msr)
{
	if (xapic_page == NULL)
		return (uint32_t)cpu_rdmsr(msr);
	return *(volatile uint32_t *)(xapic_page + xapic_offset(msr));
}

static inline void apic_write(uint32_t msr, uint32_t value)
{
	if (xapic_page == NULL)
		cpu_wrmsr(msr, value);
	else
		*(volatile uint32_t *)(xapic_page + xapic_offset(msr)) = value;
}

/* The bit of `vector` in one of the three 256-bit registers: ISR, TMR, IRR. */
static inline bool apic_vector_bit(uint32_t first_msr, uint32_t vector)
{
	return (apic_read(first_msr + vector / 32) >> (vector % 32) & 1) != 0;
}
