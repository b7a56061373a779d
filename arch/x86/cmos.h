/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/cmos.h - the machine's real-time clock, read once at boot.
 *
 * Source   Motorola MC146818 data sheet; ACPI Specification, FADT "CENTURY".
 */
#pragma once
#include "core/lib/base.h"

/* Seconds since 1970-01-01T00:00:00Z; 0: there is no clock, or it shows no date. */
uint64_t cmos_read_unix_time_s(void);

/* Pure: registers 0 to 0BH, and the century, as they were read. */
uint64_t cmos_to_unix_time_s(const uint8_t registers[12], uint8_t century);
