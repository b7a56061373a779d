/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/paging.h - the hypervisor's own page tables, for the rest of arch/x86.
 *
 * Implemented by arch/x86/mem.c, on top of arch/x86/paging_table.h. One set of tables for all
 * processors; see arch/x86/layout.h for what lies where.
 * A processor must have EFER.NXE set before it loads the root, and CR0.WP set afterwards:
 * paging_enable_rights() does both on the calling one, in the order that suits any state.
 * Sharing  Boot processor only, until arch_mem_seal(); constant afterwards.
 */
#pragma once
#include "core/lib/base.h"

/* For CR3; below 4 GiB, so that a processor may load it in 32-bit mode. */
hpa_t paging_root(void);

/* EFER.NXE, CR0.WP. */
void paging_enable_rights(void);

/*
 * For the AP trampoline: `page`, a USABLE page below 4 GiB, executable and read-only at its
 * physical address; it is written through arch_mem_at(). Take it away when all have started
 * (and have every processor that has used it reload CR3): arch_mem_seal() panics if it is left.
 */
MUST_CHECK enum err paging_map_identity(hpa_t page);
void paging_unmap_identity(hpa_t page);

/*
 * Makes the 4 KiB page at `page` (image or arch_mem_at()) fault at any access: a stack guard.
 * ERR_NOMEM: no frame for the table that splits a large page.
 */
MUST_CHECK enum err paging_guard(const void *page);
