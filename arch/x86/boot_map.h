/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/boot_map.h - building boot_info's memory map out of what firmware says.
 *
 * Model    Ranges are painted one after another, in any order and as overlapping as firmware
 *	    likes; where two meet, the type of higher rank wins:
 *	    USABLE < FILE < ACPI < RESERVED < IMAGE. A page that is not wholly usable is not
 *	    usable: USABLE is rounded inwards, everything else outwards. At every moment the map
 *	    is sorted, free of overlaps, page-aligned, and neighbours differ in type.
 *	    What was never painted is a hole: nobody's memory.
 * Errors   ERR_NOMEM: the map is full; it is unchanged then.
 *	    A range that wraps around or is empty changes nothing; that is no error.
 * Sharing  Boot processor only (one scratch table).
 * Pure; also part of the UEFI loader.
 */
#pragma once
#include "arch/boot_info.h"

/*
 * Where the log ring wants to be: the same place at every boot, or a reset would lose it; and
 * none that firmware writes to on the way. OVMF unpacks itself to 9..21 MiB: hence the second.
 */
#define BOOT_LOG_BYTES (KIB(64) + PAGE_BYTES)
#define BOOT_LOG_PLACES \
	{ \
		MIB(16) - BOOT_LOG_BYTES, MIB(8) - BOOT_LOG_BYTES \
	}

MUST_CHECK enum err boot_map_paint(struct boot_info *info, uint64_t base, uint64_t bytes,
				   enum boot_mem_type type);

/*
 * Chooses memory for the log ring unless info->log_base is set, and paints it IMAGE: the
 * first of BOOT_LOG_PLACES that is usable, else at the end of the first range below 4 GiB, above
 * 1 MiB, that is large enough, else none.
 */
void boot_map_place_log(struct boot_info *info);

/* True if [base, base + bytes) lies within one range of type `type`. */
bool boot_map_has(const struct boot_info *info, uint64_t base, uint64_t bytes,
		  enum boot_mem_type type);
