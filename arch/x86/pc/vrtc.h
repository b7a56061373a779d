/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vrtc.h - the MC146818 real-time clock and 114 bytes of CMOS memory.
 *
 * Model    Time of day from the TSC since `epoch_tsc`, 24-hour or 12-hour, BCD or binary, century
 *	    at 32H; update-in-progress for 244 us before each second; periodic, alarm and
 *	    update-ended interrupts (registers A to D). Setting the time moves an offset.
 * Source   Motorola MC146818 data sheet; ICH9 data sheet, "RTC Registers".
 * Units    *_tsc: TSC ticks, absolute; *_s: seconds since 1970-01-01T00:00:00Z.
 * Errors   None.
 * Sharing  Under the partition's lock.
 */
#pragma once
#include "arch/x86/pc/map.h"

struct vrtc {
	uint64_t tsc_hz, epoch_tsc;
	int64_t epoch_s;   /* time of day at epoch_tsc, while it runs */
	uint64_t next_tsc; /* next event that an enabled interrupt wants, or TSC_NEVER */
	uint64_t periodic_tsc, update_tsc; /* their parts of it */
	bool irq8;                         /* level of the line */
	uint8_t index; /* port 70H; bit 7 (NMI mask) is kept and means nothing */
	uint8_t ram[128];
};

void vrtc_init(struct vrtc *r, uint64_t tsc_hz, uint64_t epoch_tsc, uint64_t unix_time_s);
uint8_t vrtc_read(struct vrtc *r, uint16_t port, uint64_t now_tsc);
void vrtc_write(struct vrtc *r, uint16_t port, uint8_t value, uint64_t now_tsc);
/* Brings it to now; r->irq8 is the line's level afterwards. */
void vrtc_expire(struct vrtc *r, uint64_t now_tsc);
