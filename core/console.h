/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/console.h - what guests print, multiplexed line by line onto the log.
 *
 * A guest's line appears as "[part name] text". A line that begins with "@{" is for machines and
 * gets the partition's name as its first member, so that no guest can speak for another or
 * for the hypervisor; one that might name a partition itself stays a line for people. Bytes that are not printable ASCII become '.'.
 * All partitions together may print CONSOLE_BYTES_PER_SECOND, or what the configuration's board
 * carries, each its equal part of it, with
 * bursts of CONSOLE_BURST_BYTES: less than 115,200 baud carry. What we add to a line counts,
 * or guests would fill the log with empty ones. Without room in the log for
 * CONSOLE_ROOM_KEPT_BYTES more, guests print nothing.
 */
#pragma once
#include "core/partition.h"

#define CONSOLE_BYTES_PER_SECOND 10240u
#define CONSOLE_BURST_BYTES      2048u
#define CONSOLE_DRAIN_BYTES      16u
#define CONSOLE_TAKE_BYTES       128u
#define CONSOLE_FRAME_BYTES      8u /* added to a line, besides the tag */
#define CONSOLE_ROOM_KEPT_BYTES  8192u

/* At boot, before any guest prints; 0: the default above. */
void console_init(uint64_t bytes_per_second);

/*
 * For a virtual UART, which keeps the pace by itself: ticks for a byte, and for what we add to
 * this partition's lines.
 */
uint64_t console_byte_tsc(uint64_t tsc_hz);
uint64_t console_line_tsc(const struct partition *p, uint64_t tsc_hz);
/* A byte that came at that pace. */
void console_put(struct partition *p, char byte);

/*
 * Bytes taken, at most `bytes`, and no more than CONSOLE_TAKE_BYTES or to the end of a line: it is an exit that nothing
 * interrupts. 0: the partition has used up its rate, or there is no room.
 */
uint32_t console_take(struct partition *p, const char *text, uint32_t bytes, uint64_t now_tsc);
