/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/pc/vpit.h - the 8254 timer, and port 61H that shows counter 2.
 *
 * Model    Three counters, modes 0 to 5, binary and BCD, latch, read-back, low/high access, as the
 *	    chip does them at each of its clock's ticks: a count is loaded by the tick after it was
 *	    written (modes 2 and 3 while they count: at the end of the cycle, of the half cycle),
 *	    and so on. Nothing is stepped: a counter's value and output are computed from the tick
 *	    at which it was loaded.
 *	    Counter 0 drives IRQ 0; counter 2 has its gate at port 61H bit 0 and its output at
 *	    bit 5; the gates of the others are high. Bit 4 of port 61H toggles with the refresh,
 *	    every 18 ticks. Only the next rise of counter 0's output is an event. Rises that
 *	    nobody was awake for are merged, and so are rises of a periodic mode within
 *	    VPIT_PERIODIC_MIN_TICKS: one interrupt, and the grid is kept.
 *	    After vpit_init() counter 0 is as firmware leaves it: mode 3, 65536 ticks, 18.2 Hz.
 * Line     irq0 rises with counter 0's output. It falls when a write by the guest makes the output
 *	    low, and otherwise not before the next rise, so that a controller which forgets
 *	    requests with their line loses none to a guest that is late. Therefore after each
 *	    vpit_write() and at next_tsc:  if (vpit_expire(t, now)) lower the line;
 *	    then set the line to t->irq0.
 * Source   Intel 8254 data sheet; ICH9 data sheet, "NMI_SC: NMI Status and Control Register".
 * Units    *_tsc: TSC ticks, absolute; other times are ticks of PC_PIT_HZ since the epoch.
 * Errors   None.
 * Sharing  Under the partition's lock.
 */
#pragma once
#include "arch/x86/pc/map.h"

/* A periodic count below this interrupts no more often than once in so many ticks: 10 kHz. */
#define VPIT_PERIODIC_MIN_TICKS 119u

struct vpit_counter {
	uint64_t start;  /* the tick that loaded the count, moved on by the time the gate was low */
	uint64_t load;   /* the tick that will load `reload`, or TSC_NEVER */
	uint64_t expiry; /* modes 0, 1, 4, 5: the tick that reaches 0; TSC_NEVER: none yet */
	uint32_t counted;       /* while halted: ticks counted before, modulo a cycle */
	uint32_t count, reload; /* at work; as written (CR): 1 .. 65536 (BCD: 10000) */
	uint16_t latched;       /* OL */
	uint8_t latched_status;
	uint8_t control; /* access, mode, BCD as written */
	uint8_t low;     /* first half of a two-byte write */
	bool has_low, reads_high, is_latched, is_status_latched;
	bool is_loaded, is_written; /* since the control word: a count is at work; is in CR */
	bool is_null;               /* what was written is not at work yet: "NULL COUNT" */
	bool is_halted, gate;
	bool starts_high; /* mode 3: output at `start` */
};

struct vpit {
	uint64_t tsc_hz, epoch_tsc;
	uint64_t next_tsc;  /* counter 0's next rise, or TSC_NEVER */
	uint64_t next_rise; /* the same in ticks */
	bool irq0;          /* level of the line */
	bool has_risen;     /* since vpit_expire() */
	uint8_t port_61;    /* bits 3:0 as written */
	struct vpit_counter counters[3];
};

/* tsc_hz >= PC_PIT_HZ. */
void vpit_init(struct vpit *t, uint64_t tsc_hz, uint64_t now_tsc);
/* Ports 40H .. 43H, 61H; one byte. */
uint8_t vpit_read(struct vpit *t, uint16_t port, uint64_t now_tsc);
void vpit_write(struct vpit *t, uint16_t port, uint8_t value, uint64_t now_tsc);
/* Brings counter 0 to now. True: IRQ 0 had a rising edge. t->irq0 is its level afterwards. */
bool vpit_expire(struct vpit *t, uint64_t now_tsc);
