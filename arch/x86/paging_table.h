/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/paging_table.h - building and checking 4-level page tables.
 *
 * Model    A tree of tables of 512 entries; leaves of 4 KiB, 2 MiB and 1 GiB. Tables are cut
 *	    from a frame range and reached at physical address + `window`, so that the same code
 *	    works on identity-mapped, direct-mapped and a test's memory.
 *	    Tables give every right; leaves alone take rights away, so a leaf's entry says all.
 * Source   SDM Vol. 3A, "4-Level Paging and 5-Level Paging".
 * Errors   ERR_INVAL: unaligned, wrapping, not canonical, beyond 46 physical bits, or mapped
 *	    already. ERR_NOMEM: out of frames; what was mapped until then stays mapped.
 * Sharing  None; the caller's. Changing a live leaf needs an INVLPG, which is the caller's too.
 * Pure.
 */
#pragma once
#include "core/lib/base.h"

/* "Paging-Structure Entries" */
#define PTE_P       BIT64(0)
#define PTE_W       BIT64(1)
#define PTE_PWT     BIT64(3)
#define PTE_PCD     BIT64(4)
#define PTE_A       BIT64(5)
#define PTE_D       BIT64(6)
#define PTE_PS      BIT64(7) /* leaf of 2 MiB or 1 GiB */
#define PTE_NX      BIT64(63)
#define PTE_ADDRESS UINT64_C(0x000ffffffffff000)

/* Rights and memory type of a mapping. There is none that is writable and executable. */
#define PAGE_CODE     UINT64_C(0)
#define PAGE_READONLY PTE_NX
#define PAGE_DATA     (PTE_W | PTE_NX)
/* PAT entry 3: uncacheable with every PAT that software has set since reset. */
#define PAGE_DEVICE   (PTE_W | PTE_NX | PTE_PCD | PTE_PWT)
#define PAGE_FIRMWARE (PTE_NX | PTE_PCD | PTE_PWT)

/* Frames are cut from the low end; contents are zeroed then. */
struct frame_range {
	uint64_t next;
	uint64_t end;
};

struct pagetable {
	uint64_t root;
	uint64_t window;
	struct frame_range *frames;
	bool has_1g; /* CPUID.80000001H:EDX.Page1GB */
};

struct page_leaf {
	uint64_t va; /* canonical */
	uint64_t pa;
	uint64_t bytes;
	uint64_t entry;
};

/* 0: there are not so many left. */
uint64_t frame_take(struct frame_range *frames, uint64_t page_count, uint64_t window);

MUST_CHECK enum err pagetable_init(struct pagetable *pt);
MUST_CHECK enum err pagetable_map(struct pagetable *pt, uint64_t va, uint64_t pa, uint64_t bytes,
				  uint64_t attributes);
/* Takes away the 4 KiB page at `va`, splitting what it is part of. ERR_INVAL: not mapped. */
MUST_CHECK enum err pagetable_unmap(struct pagetable *pt, uint64_t va);

/* The leaf that maps `va`. False: none does. */
bool pagetable_find(const struct pagetable *pt, uint64_t va, struct page_leaf *leaf);
/* The first leaf at or above canonical `va`. False: there is none. */
bool pagetable_next(const struct pagetable *pt, uint64_t va, struct page_leaf *leaf);

/*
 * Walks every leaf: true if there is one that is both writable and executable, or that lets
 * write what another lets execute; or more separate executable ranges than there ever are.
 */
bool pagetable_breaks_wx(const struct pagetable *pt, struct page_leaf *culprit);
