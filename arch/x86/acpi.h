/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/acpi.h - what the firmware's static tables say about the machine.
 *
 * Model    One walk at boot: RSDP -> XSDT (or RSDT) -> MADT, FADT, HPET, MCFG, DMAR, and a scan
 *	    of DSDT and SSDTs for \_S5. Nothing is interpreted beyond that: no AML runs here.
 *	    Tables are input. What is malformed is refused or skipped, never trusted in part,
 *	    and every time a note says which table, at which offset, and what was wrong.
 * Source   ACPI Specification 6.5, "Root System Description Pointer", "Multiple APIC Description
 *	    Table", "Fixed ACPI Description Table", "AML Grammar Definition"; IA-PC HPET
 *	    Specification; PCI Firmware Specification, "MCFG Table".
 * Errors   ERR_NODEV: no RSDP. ERR_INVAL: the RSDP or both root tables are unusable. A refused
 *	    table below them is as if it were absent.
 * Sharing  Pure. struct acpi_info is constant after acpi_read().
 */
#pragma once
#include "core/lib/base.h"

#define ACPI_CPU_MAX      64u
#define ACPI_IOAPIC_MAX   8u
#define ACPI_OVERRIDE_MAX 16u
#define ACPI_ECAM_MAX     4u
#define ACPI_NOTE_MAX     8u
#define ACPI_NOTE_BYTES   96u

/* How to reach physical memory: the bytes, or NULL where the range is not wholly readable. */
struct acpi_memory {
	const void *(*at)(void *context, uint64_t physical, uint64_t bytes);
	void *context;
};

struct acpi_ioapic {
	uint32_t id;
	uint32_t base;
	uint32_t gsi_base;
};

struct acpi_override { /* ISA interrupt `source` is global system interrupt `gsi` */
	uint8_t source;
	uint16_t flags;
	uint32_t gsi;
};

struct acpi_ecam { /* configuration space of buses first_bus..last_bus of one segment */
	uint64_t base;
	uint16_t segment;
	uint8_t first_bus;
	uint8_t last_bus;
};

struct acpi_info {
	bool has_madt;
	uint32_t cpu_count;    /* enabled local APICs, each ID once, in MADT order */
	uint32_t cpu_left_out; /* more than ACPI_CPU_MAX */
	uint32_t apic_ids[ACPI_CPU_MAX];
	uint32_t ioapic_count;
	struct acpi_ioapic ioapics[ACPI_IOAPIC_MAX];
	uint32_t override_count;
	struct acpi_override overrides[ACPI_OVERRIDE_MAX];
	uint32_t ecam_count;
	struct acpi_ecam ecams[ACPI_ECAM_MAX];
	uint64_t hpet_base; /* 0: none */
	uint64_t dmar;      /* where the DMAR table lies; 0: none. Only noted so far */
	uint32_t dmar_bytes;

	/* I/O ports from the FADT; 0: none. */
	uint16_t pm_timer_port;
	uint32_t pm_timer_mask; /* 24 or 32 bits count */
	uint16_t pm1a_control_port;
	uint16_t pm1b_control_port;
	uint16_t smi_command_port;
	uint8_t acpi_enable; /* written to the SMI command port, it turns ACPI mode on */
	uint16_t reset_port;
	uint8_t reset_value;

	bool has_s5;
	uint8_t s5_type_a; /* SLP_TYP of soft-off for PM1a and PM1b */
	uint8_t s5_type_b;

	uint32_t note_count; /* may exceed ACPI_NOTE_MAX: the rest is counted, not kept */
	char notes[ACPI_NOTE_MAX][ACPI_NOTE_BYTES];
};

MUST_CHECK enum err acpi_read(const struct acpi_memory *memory, uint64_t rsdp,
			      struct acpi_info *info);
