/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/pc/map.h - where the virtual PC has what: ports, addresses, interrupt lines.
 *
 * Shared by the device models, the ACPI tables and docs/platform.md.
 */
#pragma once
#include "core/lib/base.h"

/* Ports. */
#define PC_PIC_MASTER     0x20u  /* 2 ports */
#define PC_PIT            0x40u  /* 4 ports: counters 0 to 2, control word */
#define PC_PORT_61        0x61u  /* "NMI Status and Control": counter 2's gate and output */
#define PC_KEYBOARD       0x64u  /* no controller; the reset pulse FEH is heard */
#define PC_RTC            0x70u  /* 2 ports: index, data */
#define PC_KEYBOARD_RESET 0xfeu  /* "pulse output line 0" */
#define PC_POST           0x80u  /* writes are lost */
#define PC_PORT_92        0x92u  /* "Port 92": A20 (always on), fast reset (bit 0) */
#define PC_PIC_SLAVE      0xa0u  /* 2 ports */
#define PC_EXIT_PORT      0xf4u  /* isa-debug-exit */
#define PC_COM1           0x3f8u /* 8 ports */
#define PC_ELCR           0x4d0u /* 2 ports: edge or level of the PIC's lines */
#define PC_PM1_EVENT      0x600u /* 4 ports: status, enable */
#define PC_PM1_CONTROL    0x604u /* 2 ports */
#define PC_PM_TIMER       0x608u /* 4 ports */
#define PC_PCI_ADDRESS    0xcf8u /* 4 ports */
#define PC_RESET_PORT     0xcf9u /* within them: 1 byte */
#define PC_PCI_DATA       0xcfcu /* 4 ports */

#define PC_RESET_SYSTEM   0x02u /* 0CF9H: bit 1 system reset, bit 2 does it */
#define PC_RESET_CPU      0x04u
#define PC_RESET_VALUE    0x06u /* what the FADT tells guests to write */

/* Guest-physical addresses. */
#define PC_ECAM         UINT64_C(0xe0000000) /* bus 0 only: 1 MiB */
#define PC_ECAM_BYTES   MIB(1)
#define PC_MMIO         UINT64_C(0xe0100000) /* window of the host bridge for BARs */
#define PC_MMIO_END     UINT64_C(0xfec00000)
#define PC_IOAPIC       UINT64_C(0xfec00000)
#define PC_IOAPIC_BYTES PAGE_BYTES
#define PC_LAPIC        UINT64_C(0xfee00000)
#define PC_LAPIC_BYTES  PAGE_BYTES

#define PC_IOAPIC_ID    0u /* its own number space in the MADT; CPUs have theirs */
#define PC_IOAPIC_PINS  24u

/* ISA interrupts; the I/O APIC has the PIT at pin 2 (MADT: source override 0 -> 2). */
#define PC_IRQ_PIT  0u
#define PC_PIN_PIT  2u
#define PC_IRQ_COM1 4u
#define PC_IRQ_RTC  8u
#define PC_IRQ_SCI  9u /* level, active high (MADT: source override) */

/* ACPI PM1 control: "PM1 Control Registers". */
#define PC_S5_TYPE     5u /* SLP_TYP of \_S5 */

#define PC_PIT_HZ      1193182u
#define PC_PM_TIMER_HZ 3579545u
