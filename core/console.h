/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/console.h - what guests print, multiplexed line by line onto the log.
 *
 * A guest's line appears as "[part name] text". A line that begins with "@{" is for machines and
 * gets the partition's name as its first member, so that no guest can speak for another or
 * for the hypervisor. Bytes that are not printable ASCII become '.'.
 * Each partition may print CONSOLE_BYTES_PER_SECOND, with bursts of CONSOLE_BURST_BYTES.
 */
#pragma once
#include "core/partition.h"

#define CONSOLE_BYTES_PER_SECOND 4096u
#define CONSOLE_BURST_BYTES	 2048u

/* Bytes taken, at most `bytes`: fewer where the partition has used up its rate. */
uint32_t console_take(struct partition *p, const char *text, uint32_t bytes, uint64_t now_tsc);
