/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/nested.h - the partitions' nested translations: EPT or NPT. See arch/mem.h.
 *
 * Model    One space a partition (nested_table.h): four levels, 48-bit guest-physical addresses.
 *	    All memory is write-back.
 * Errors   As nested_table.h has them, and ERR_INVAL: a partition that has a space already
 *	    (create) or none yet (map). ERR_UNSUPPORTED: nested_configure() was not called.
 * Sharing  Boot core only, constant afterwards.
 */
#pragma once
#include "arch/x86/nested_table.h"

/* By the back-end's probe(), before the first space: its format and largest page. */
void nested_configure(enum nested_format format, enum nested_page largest,
		      uint32_t physical_address_bits);

/* The root of a partition's tables; 0: it has none. */
hpa_t nested_root(part_id_t part);

/* Reads the tables: the first extent at or above `from_gpa`. False: there is none. */
bool nested_next(part_id_t part, uint64_t from_gpa, struct nested_extent *out);
