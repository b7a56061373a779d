/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vpit.h - the 8254 timer, and port 61H that shows counter 2.
 *
 * Model    Three counters, modes 0 to 5, binary and BCD, latch, read-back, low/high access.
 *	    Counter 0 drives IRQ 0; counter 2 has its gate at port 61H bit 0 and its output at
 *	    bit 5. Bit 4 of port 61H toggles with the refresh, every 15.085 us. A counter's value
 *	    is computed from the time since it was loaded; only counter 0's next edge is an event.
 *	    Edges that nobody was awake for are merged: one interrupt, and the grid is kept.
 * Source   Intel 8254 data sheet; ICH9 data sheet, "NMI_SC: NMI Status and Control Register".
 * Units    *_tsc: TSC ticks, absolute; the input clock is PC_PIT_HZ.
 * Errors   None.
 * Sharing  Under the partition's lock.
 */
#pragma once
#include "arch/x86/pc/map.h"

struct vpit_counter {
	uint64_t start_tsc; /* when the count at hand began */
	uint32_t reload;    /* 1 .. 65536 (BCD: 10000) */
	uint16_t latched;   /* OL */
	uint8_t latched_status;
	uint8_t control; /* access, mode, BCD as written */
	uint8_t low;     /* first half of a two-byte write */
	bool has_low, reads_high, is_latched, is_status_latched, is_loaded, gate, is_null;
};

struct vpit {
	uint64_t tsc_hz;
	uint64_t next_tsc; /* counter 0's next change of output that raises IRQ 0, or TSC_NEVER */
	bool irq0;         /* level of the line */
	uint8_t port_61;   /* bits 1:0 as written */
	struct vpit_counter counters[3];
};

void vpit_init(struct vpit *t, uint64_t tsc_hz, uint64_t now_tsc);
uint8_t vpit_read(struct vpit *t, uint16_t port, uint64_t now_tsc);
void vpit_write(struct vpit *t, uint16_t port, uint8_t value, uint64_t now_tsc);
/* Brings counter 0 to now. True: IRQ 0 had a rising edge. t->irq0 is its level afterwards. */
bool vpit_expire(struct vpit *t, uint64_t now_tsc);
