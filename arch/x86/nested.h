/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/nested.h - nested translations: EPT or NPT, one per partition. See arch/mem.h.
 *
 * Model    Four levels, 48-bit guest-physical addresses. Leaves of 4 KiB, 2 MiB, 1 GiB, the
 *	    largest that alignment, length and hardware allow. All memory is write-back.
 *	    Nothing is ever unmapped or changed: boot builds, then the tables are constant.
 *	    NPT leaves are created accessed (and dirty, if writable), so that hardware never
 *	    writes to them; EPT has these flags off in the EPTP.
 * Source   SDM Vol. 3C, "The Extended Page Table Mechanism (EPT)".
 *	    APM Vol. 2, "Nested Paging" and "Long-Mode Page Translation".
 * Errors   ERR_INVAL: unaligned, empty, wrapping, mapped already, rights without READ, or
 *	    a partition that has a space already (create) or none yet (map).
 *	    ERR_RANGE: beyond 48 guest or the CPU's physical address bits.
 *	    ERR_NOMEM: the pool is empty; part of the range may be mapped then. Boot stops.
 *	    ERR_UNSUPPORTED: nested_configure() was not called.
 * Sharing  Boot core only, constant afterwards.
 */
#pragma once
#include "arch/mem.h"

enum nested_format { NESTED_NONE, NESTED_EPT, NESTED_NPT };
enum nested_page { NESTED_4K, NESTED_2M, NESTED_1G };

/* By the back-end's probe(), before the first space: its format and largest page. */
void nested_configure(enum nested_format format, enum nested_page largest,
		      uint32_t physical_address_bits);

/* The root of a partition's tables; 0: it has none. */
hpa_t nested_root(part_id_t part);

/* Table words, pure. A table entry permits everything: rights are those of the leaf. */
uint64_t nested_encode_table(enum nested_format format, uint64_t hpa);
uint64_t nested_encode_leaf(enum nested_format format, enum nested_page page, uint64_t hpa,
			    uint32_t rights);

/* A maximal run of guest-physical memory that is mapped linearly with the same rights. */
struct nested_extent {
	uint64_t gpa;
	uint64_t hpa;
	uint64_t bytes;
	uint32_t rights;
};

/* Reads the tables: the first extent at or above `from_gpa`. False: there is none. */
bool nested_next(part_id_t part, uint64_t from_gpa, struct nested_extent *out);
