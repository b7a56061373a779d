/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/layout.h - the hypervisor's virtual addresses; for C and assembly.
 *
 *   0000000000000000  nothing, but for the AP trampoline's page while processors start
 *   ffff800000000000  direct map: physical memory, at + its physical address
 *   ffffc00000000000  device memory, uncached, at + its physical address
 *   ffffffff80000000  the image
 */
#pragma once

#define IMAGE_VIRT  0xffffffff80000000 /* linker.ld: the same */
#define IMAGE_LOAD  0x1000000          /* linker.ld: the same */
#define IMAGE_MAX   0x1000000          /* linker.ld: the same */

#define DIRECT_BASE 0xffff800000000000
#define DEVICE_BASE 0xffffc00000000000
/* What each of the two windows holds: physical addresses of 46 bits. */
#define WINDOW_BYTES     0x0000400000000000

#define BOOT_STACK_BYTES 32768

#ifndef __ASSEMBLER__
#include "core/lib/base.h"

/* Bounds of the image's parts, from linker.ld; page-aligned. [data_start, data_end) has .bss. */
extern char image_start[], image_end[];
extern char text_start[], text_end[];
extern char rodata_start[], rodata_end[];
extern char data_start[], data_end[];

/* Page below the boot stack: an overflow must fault. */
extern char boot_stack_guard[];
#endif
