/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/boot_start.h - from assembly to core_main(), common part.
 *
 * Sharing  boot_info is written here only, before core_main(); constant afterwards.
 */
#pragma once
#include "arch/boot_info.h"

extern struct boot_info boot_info;

/* Called by boot_entry.S; the UEFI loader made `made_by_loader`, below 4 GiB. */
NORETURN void boot_enter(const struct boot_info *made_by_loader);

/* Too early for the log: the reason goes to COM1, and the machine stops. */
NORETURN void boot_fail(const char *why);
