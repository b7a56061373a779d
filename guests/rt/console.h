/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/rt/console.h - text to the hypervisor's console, or to the loader's port (guests/abi.h).
 *
 * Waits, asleep, while the console is full: it takes a bounded number of bytes a second.
 * Gives up, losing the rest, when it takes nothing for CONSOLE_PATIENCE_MS.
 */
#pragma once
#include <stddef.h>

#define CONSOLE_PATIENCE_MS 2000u

void console_write(const char *text, size_t bytes);
