/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/mem.h - host memory as the hypervisor sees it, and guests' address spaces.
 *
 * Model    At boot the core gives one range to the frame pool; tables and stacks are cut from
 *	    it. arch_mem_seal() ends that: from then on nothing is allocated.
 *	    A space is one nested translation (EPT or NPT) per partition, built at boot.
 *	    Invariant: what is not mapped by arch_space_map() does not exist for the guest.
 * Errors   ERR_NOMEM: the pool is empty. ERR_INVAL: unaligned, wrapping, or mapped already.
 * Sharing  Boot core only, until sealed; constant afterwards.
 */
#pragma once
#include "core/lib/base.h"
#include "arch/boot_info.h"

/* Builds the hypervisor's own W^X tables (4 KiB, 2 MiB or 1 GiB pages) and enters them. */
MUST_CHECK enum err arch_mem_init(const struct boot_info *boot, hpa_t pool, uint64_t pool_bytes);

/* Physical memory through the direct map; the range must be RAM or a table of the firmware. */
void *arch_mem_at(hpa_t at);
hpa_t arch_mem_hpa(const void *at);

/* Makes what was written there survive a reset that forgets the caches. */
void arch_mem_write_back(const void *at, uint64_t bytes);

/* Device memory, uncached; mapped at boot only. NULL: the pool is empty. */
void *arch_mem_map_device(hpa_t at, uint64_t bytes);

/* Zeroed, contiguous, page-aligned frames from the pool; NULL: it is empty. Boot only. */
void *arch_mem_take_pages(uint64_t page_count);
void arch_mem_seal(void);
bool arch_mem_is_sealed(void);
uint64_t arch_mem_pool_used_bytes(void);

/* DEVICE: registers, uncached; nothing is executed there. */
enum space_rights { SPACE_READ = 1, SPACE_WRITE = 2, SPACE_EXEC = 4, SPACE_DEVICE = 8 };

MUST_CHECK enum err arch_space_create(part_id_t part);
/* All three 4 KiB aligned; larger pages are used where alignment and hardware allow. */
MUST_CHECK enum err arch_space_map(part_id_t part, gpa_t gpa, hpa_t hpa, uint64_t bytes,
				   uint32_t rights);
