/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vtd/dmar.h - the DMAR table: which remapping units there are, and for which devices.
 *
 * Model    The table is input: a copy of its facts is made, and nothing points into it. Kept are
 *	    units (DRHD) and reserved memory (RMRR) with the PCI functions and bridges in their
 *	    scopes, as paths: bus numbers below bridges are the machine's (scope.h). Other
 *	    structures (ATSR, RHSA, ANDD, SATC, SIDP, and types yet to be defined) say nothing
 *	    that decides who reaches which memory, and are skipped; so are scopes that name no PCI
 *	    function: I/O APICs, HPETs, ACPI name space devices.
 *	    Reserved ranges are not kept: nobody may have them (arch/iommu.h), so a wrong one hurts
 *	    nobody.
 * Source   VT-d, "BIOS Considerations": "DMA Remapping Reporting Structure".
 * Errors   ERR_INVAL: malformed. ERR_NOMEM: more of something than there is room for. In both
 *	    cases `reason` is "DMAR+0x<offset>: <what>", and nothing of the table may be used.
 * Sharing  Pure.
 */
#pragma once
#include "core/lib/base.h"

#define DMAR_UNIT_MAX     16u
#define DMAR_RESERVED_MAX 32u
#define DMAR_SCOPE_MAX    160u /* of units and of reserved memory */
#define DMAR_HOP_MAX      6u
#define DMAR_REASON_BYTES 96u

struct dmar_scope {
	bool is_bridge; /* and everything below it; else this function alone */
	uint8_t start_bus;
	uint8_t hop_count;            /* at least 1 */
	uint8_t devfns[DMAR_HOP_MAX]; /* device << 3 | function; all but the last are bridges */
	uint16_t segment;
	uint32_t offset; /* in the table */
};

struct dmar_unit {
	uint64_t base; /* of its registers, 4 KiB aligned */
	uint16_t segment;
	bool has_rest; /* INCLUDE_PCI_ALL: what no other unit of the segment has */
	uint32_t first_scope, scope_count;
	uint32_t offset;
};

struct dmar_reserved {
	uint32_t first_scope, scope_count;
};

struct dmar {
	uint32_t address_bits;     /* of host-physical addresses in DMA */
	bool can_remap_interrupts; /* INTR_REMAP */
	bool is_x2apic_unwanted;   /* X2APIC_OPT_OUT */
	uint32_t unit_count;
	struct dmar_unit units[DMAR_UNIT_MAX];
	uint32_t reserved_count;
	struct dmar_reserved reserved[DMAR_RESERVED_MAX];
	uint32_t scope_count;
	struct dmar_scope scopes[DMAR_SCOPE_MAX];
};

MUST_CHECK enum err dmar_read(const uint8_t *table, uint32_t bytes, struct dmar *d,
			      char reason[DMAR_REASON_BYTES]);
