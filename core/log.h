/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/log.h - the log: a ring in memory that survives a warm reset, drained to the consoles.
 *
 * Model    log_line() formats one line and appends it whole to the ring; it never waits.
 *	    log_drain() moves a bounded number of bytes to UART and frame buffer, when nothing
 *	    better is to be done. When the ring is full the line is dropped and counted, and
 *	    the count is printed later. log_flush() waits; for boot, the end and panics only.
 * Sharing  Any core; a spin lock held for one line's copy at most (LOG_LINE_MAX bytes).
 */
#pragma once
#include "core/lib/base.h"
#include "arch/boot_info.h"

#define LOG_LINE_MAX 512u

/* First of all: finds the UART. Lines go to a small ring in the image for now. */
void log_init(const struct boot_info *boot);
/*
 * After arch_mem_init(): the ring that survives, and the frame buffer. What the ring holds of
 * the boot before is repeated once, its last lines, marked "[previous]".
 */
void log_use_memory(const struct boot_info *boot);

void log_line(const char *source, const char *format, ...) PRINTF(2, 3); /* "[source] text" */
void log_machine(const char *format, ...) PRINTF(1, 2);                  /* "@{...}" */
void log_raw(const char *text, size_t bytes);                            /* as is */
/* At most `byte_count` bytes go out. True: there is more. */
bool log_drain(uint32_t byte_count);
bool log_is_empty(void);
size_t log_room_bytes(void);
void log_flush(void);
