/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/guest/multiboot.h - the file side of Multiboot: header, address fields, ELF.
 *
 * Private to arch/x86/guest/.
 * Source   Multiboot Specification version 0.6.96, "OS image format"; System V ABI, "ELF
 *	    Header", "Program Header".
 */
#pragma once
#include "arch/x86/guest/load.h"

struct multiboot_kernel {
	uint64_t end;   /* of the highest segment in memory */
	uint64_t entry; /* physical */
};

/* Finds the header, checks what it demands, takes the segments and adds their copies. */
MUST_CHECK enum err multiboot_load_kernel(struct guest_loader *l, struct multiboot_kernel *k);

/* One piece of the kernel: `file_bytes` from `offset` go to `at`, the rest is zero. */
struct multiboot_segment {
	uint64_t at, offset, file_bytes, memory_bytes;
};
MUST_CHECK enum err multiboot_add_segment(struct guest_loader *l, struct multiboot_kernel *k,
					  const struct multiboot_segment *s);

MUST_CHECK enum err multiboot_load_elf(struct guest_loader *l, struct multiboot_kernel *k);
