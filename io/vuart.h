/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/vuart.h - a virtual 16550A: transmits at a fixed pace, receives what the caller pushes.
 *
 * Model    Transmit FIFO of 16 bytes and a shift register, which takes `byte_tsc` for each byte,
 *	    and `line_tsc` more for a line feed. A byte goes out (is reported) when it is written,
 *	    and THRE and TEMT follow the pace, so that a guest which waits as on hardware cannot
 *	    print faster. A byte written while the FIFO is full is lost, as on hardware (without
 *	    FIFO: the older one would be). A byte alone in the FIFO raises the THRE interrupt only
 *	    when it has left, so that there is time for a second one. Receive FIFO of 16 bytes with trigger levels and a
 *	    time-out of four bytes; a byte read at once is the next one. Interrupts in the order
 *	    of their priority: line status, receive data, time-out, THRE, modem status; the line
 *	    passes OUT2, as on a PC, and no interrupt leaves in loop-back.
 *	    Loop-back is immediate for data and modem control; breaks and errors of the line do
 *	    not exist, so that of LSR's error bits only overrun is ever set.
 *	    The divisor is stored and means nothing. Modem inputs: CTS, DSR and DCD are on.
 * Source   National Semiconductor PC16550D data sheet.
 * Units    *_tsc: TSC ticks, absolute; byte_tsc and line_tsc: a number of them.
 * Errors   None.
 * Sharing  The caller's lock.
 */
#pragma once
#include "core/lib/base.h"

#define VUART_FIFO_BYTES 16u

struct vuart {
	uint64_t byte_tsc, line_tsc;
	uint64_t empty_tsc; /* when the last byte has left */
	uint64_t next_tsc;  /* when the interrupt line may change by itself, or TSC_NEVER */
	uint64_t thre_tsc;  /* when THRE will interrupt; TSC_NEVER: it has, since the last write */
	uint64_t rx_idle_tsc; /* since when nothing was received or read */
	uint8_t rx[VUART_FIFO_BYTES];
	uint32_t rx_first, rx_count;
	uint32_t tx_count; /* bytes written since THRE was last seen set by a write */
	uint8_t ier, fcr, lcr, mcr, scr, msr;
	uint8_t lsr_errors;
	uint8_t divisor[2];
	bool thre_pending; /* its interrupt waits: cleared by reading IIR or writing THR */
	bool irq;          /* level of the line, OUT2 considered */
};

struct vuart_write {
	bool has_byte; /* a byte was transmitted */
	uint8_t byte;
};

/* As firmware leaves it: 8 bits, no parity, divisor 1. */
void vuart_init(struct vuart *u, uint64_t byte_tsc, uint64_t line_tsc);
/* reg 0..7; one byte. u->irq and u->next_tsc may have changed after these. */
uint8_t vuart_read(struct vuart *u, uint32_t reg, uint64_t now_tsc);
struct vuart_write vuart_write(struct vuart *u, uint32_t reg, uint8_t value, uint64_t now_tsc);
/* Brings it to now: u->irq and u->next_tsc. */
void vuart_expire(struct vuart *u, uint64_t now_tsc);
/* A byte arrives; false: the FIFO is full, or the line is in loop-back, and it is not taken. */
MUST_CHECK bool vuart_receive(struct vuart *u, uint8_t byte, uint64_t now_tsc);
