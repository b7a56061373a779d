/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/nested_table.h - second-level page tables, for processors (EPT, NPT) and for devices (VT-d).
 *
 * Model    Levels of 9 bits above the page offset. Leaves of 4 KiB, 2 MiB, 1 GiB, the largest that
 *	    alignment, length and hardware allow. Nothing is ever unmapped or changed:
 *	    boot builds, then the tables are constant.
 *	    NPT leaves are created accessed (and dirty, if writable), so that hardware never
 *	    writes to them; EPT has these flags off in the EPTP, VT-d's legacy mode has none.
 * Source   SDM Vol. 3C, "The Extended Page Table Mechanism (EPT)".
 *	    APM Vol. 2, "Nested Paging" and "Long-Mode Page Translation".
 *	    VT-d, "Second-Level Paging Entries".
 *	    Device registers are uncached by EPT's memory type, where a guest's PAT may still ask
 *	    for write combining; by entry 3 of the host's PAT in NPT, which nothing overrides.
 * Errors   ERR_INVAL: unaligned, empty, wrapping, mapped already, rights without READ, with EXEC and
 *	    DEVICE, (in devices' tables: with one of both), or no space.
 *	    ERR_RANGE: beyond the guest-physical or the host-physical address bits.
 *	    ERR_NOMEM: the pool is empty; part of the range may be mapped then. Boot stops.
 * Sharing  Boot core only, constant afterwards.
 */
#pragma once
#include "arch/mem.h"

enum nested_format { NESTED_NONE, NESTED_EPT, NESTED_NPT, NESTED_VTD };
enum nested_page { NESTED_4K, NESTED_2M, NESTED_1G };

#define NESTED_LEVELS_MAX 4u

struct nested_space {
	enum nested_format format;
	enum nested_page largest;
	uint32_t level_count; /* 3: 39-bit guest-physical addresses; 4: 48 */
	uint32_t physical_address_bits;
	uint64_t leaf_bits; /* set in every leaf */
	/* Called after words were stored that hardware may read past the caches; or NULL. */
	void (*written)(const void *at, uint64_t bytes);
	hpa_t root; /* 0: none yet; frame 0 is never in the pool */
};

/* Takes the root; the rest of *s is filled in. */
MUST_CHECK enum err nested_space_create(struct nested_space *s);
MUST_CHECK enum err nested_space_map(const struct nested_space *s, uint64_t gpa, uint64_t hpa,
				     uint64_t bytes, uint32_t rights);

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
bool nested_space_next(const struct nested_space *s, uint64_t from_gpa, struct nested_extent *out);
