/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/pc/vrtc.h - the MC146818 real-time clock and 114 bytes of CMOS memory.
 *
 * Model    The time of day is what the registers say, as they were written, plus the seconds that
 *	    the divider chain has counted since; they are brought up to date when somebody looks.
 *	    24-hour or 12-hour, BCD or binary, century at 32H; Gregorian calendar. A second begins
 *	    at the chain's boundary; update-in-progress is shown for 244 us before each. SET and
 *	    a divider held in reset stop the time; out of reset the first second is half a one.
 *	    Periodic, alarm (with don't-care codes) and update-ended flags and interrupts
 *	    (registers A to D). The line stays high until register C is read; until then
 *	    nothing else is an event.
 *	    Register contents that are no time of day are shown until the next second, and then
 *	    carried over into the next larger unit.
 * Source   Motorola MC146818 data sheet; ICH9 data sheet, "RTC I/O Registers".
 * Units    *_tsc: TSC ticks, absolute; *_s: seconds since 1970-01-01T00:00:00Z.
 * Errors   None.
 * Sharing  Under the partition's lock.
 */
#pragma once
#include "arch/x86/pc/map.h"

struct vrtc {
	uint64_t tsc_hz;
	uint64_t epoch_tsc;     /* when the divider chain began */
	uint64_t second;        /* of the chain, for which the registers show the time */
	uint64_t periodic_seen; /* periods since epoch_tsc that PF was set for */
	uint64_t next_tsc;      /* next event that an enabled interrupt wants, or TSC_NEVER */
	bool irq8;              /* level of the line */
	uint8_t index;          /* port 70H; bit 7 (NMI mask) means nothing */
	uint8_t ram[128];
};

/* tsc_hz >= 32768. */
void vrtc_init(struct vrtc *r, uint64_t tsc_hz, uint64_t epoch_tsc, uint64_t unix_time_s);
/* Ports 70H, 71H; one byte. Reading register C lowers the line. */
uint8_t vrtc_read(struct vrtc *r, uint16_t port, uint64_t now_tsc);
void vrtc_write(struct vrtc *r, uint16_t port, uint8_t value, uint64_t now_tsc);
/* Brings it to now; r->irq8 is the line's level afterwards. */
void vrtc_expire(struct vrtc *r, uint64_t now_tsc);
