/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/acpi_table.h - one checked ACPI table, and reading it. Private to acpi*.c.
 *
 * A struct acpi_table exists only for a table whose whole length is readable and whose checksum
 * is right; field readers need an offset that the caller has checked against `bytes`.
 */
#pragma once
#include <string.h>
#include "arch/x86/acpi.h"

#define ACPI_HEADER_BYTES 36u    /* "System Description Table Header" */
#define ACPI_TABLE_MAX    MIB(1) /* far above any real table: a larger length is a broken one */

struct acpi_table {
	char signature[5];
	uint32_t bytes;
	uint64_t physical;
	const uint8_t *data;
};

static inline uint16_t acpi_get16(const uint8_t *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v)); /* tables are packed: nothing is aligned */
	return v;
}

static inline uint32_t acpi_get32(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static inline uint64_t acpi_get64(const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

/* "TABL+0x2c: what": kept for the log while there is room. */
void acpi_note(struct acpi_info *info, const char *table, uint64_t offset, const char *what);

/* Opens and checks the table at `physical`; on refusal a note says why. */
MUST_CHECK enum err acpi_table_open(const struct acpi_memory *memory, uint64_t physical,
				    struct acpi_info *info, struct acpi_table *table);

/* Readers of single tables (acpi_tables.c): they fill `info` and never fail as a whole. */
void acpi_read_madt(struct acpi_info *info, const struct acpi_table *t);
void acpi_read_hpet(struct acpi_info *info, const struct acpi_table *t);
void acpi_read_mcfg(struct acpi_info *info, const struct acpi_table *t);
/* Returns the DSDT's address, 0 if the FADT names none. */
uint64_t acpi_read_fadt(struct acpi_info *info, const struct acpi_table *t);
/* Looks for Name (\_S5, Package (...)) in a DSDT or SSDT. */
void acpi_scan_s5(struct acpi_info *info, const struct acpi_table *t);
