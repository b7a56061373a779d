/* SPDX-License-Identifier: Apache-2.0 */
/* arch/x86/boot/multiboot2_start.h - from assembly to core_main(), multiboot2 path. */
#pragma once
#include "core/lib/base.h"

/* Called by boot_entry.S with what the loader left in EAX and EBX. */
NORETURN void multiboot2_enter(uint32_t magic, uint32_t info_at);
