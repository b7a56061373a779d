/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/rt/paging.h - the guest's own page tables: its RAM, mapped one to one.
 *
 * Model    4 KiB pages below 4 MiB, where the image lies: code readable and executable,
 *	    constants readable, everything else readable and writable. 2 MiB pages above, never
 *	    executable. Not mapped: page 0, the hole [0xa0000, 0x100000), the guard page below
 *	    the main stack, anything above the RAM, devices that nobody asked for.
 * Source   SDM Vol. 3A, "4-Level Paging", "Memory Types When the PAT is Used".
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define PAGING_WINDOW  UINT64_C(0x3fe00000) /* the last 2 MiB of the first GiB */
#define PAGING_RAM_MAX PAGING_WINDOW        /* RAM above is left unused */

void paging_init(uint64_t ram_end);

/* Unmaps a page of the image: what lies below a stack. Before another CPU uses it. */
void paging_guard(const void *page);

/*
 * Maps the registers of a device one to one, uncached, by 2 MiB pages. False: not in the fourth GiB,
 * where the virtual PC has them.
 */
bool paging_map_device(uint64_t gpa, uint64_t bytes);

enum paging_use { PAGING_DATA, PAGING_CODE };

/*
 * Maps the 2 MiB around any guest-physical address, owned or not, and returns where it can
 * now be touched. One such window exists; the next call moves it. For guests that probe.
 */
uint64_t paging_window(uint64_t gpa, enum paging_use use);
