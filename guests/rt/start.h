/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/rt/start.h - the first C that runs in a guest; and where its image and RAM end.
 *
 * guests/rt/crt0.S calls rt_start() on the main stack, with interrupts off; it calls main()
 * with them on, and never returns.
 */
#pragma once

#define START_MAGIC 0x424b4744 /* GUEST_BOOT_MAGIC, in the assembler's notation */

#ifndef __ASSEMBLER__
#include <stdint.h>
#include "guests/abi.h"

_Static_assert(START_MAGIC == GUEST_BOOT_MAGIC, "guests/abi.h has another one");

__attribute__((noreturn)) void rt_start(const struct guest_info *info);

/* The first byte above the RAM that this runtime maps and uses. */
uint64_t rt_ram_end(void);
#endif
