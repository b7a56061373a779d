/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/vuart.h - a virtual 16550A: transmits at a fixed pace, receives what the caller pushes.
 *
 * Model    Transmit FIFO of 16 bytes that empties one byte every `byte_tsc`; a byte goes out (is
 *	    reported) when it is written, and THRE and TEMT follow the pace, so that a guest
 *	    which waits as on hardware cannot print faster. A byte written while the FIFO is full
 *	    is lost, as on hardware. Receive FIFO of 16 bytes with trigger levels. Interrupts:
 *	    THRE, receive data, line status, character time-out; IER, IIR, FCR, LCR, MCR (with
 *	    loop-back and OUT2 as interrupt gate), LSR, MSR, SCR, divisor latch.
 * Source   National Semiconductor PC16550D data sheet.
 * Units    *_tsc: TSC ticks, absolute.
 * Errors   None.
 * Sharing  The caller's lock.
 */
#pragma once
#include "core/lib/base.h"

#define VUART_FIFO_BYTES 16u

struct vuart {
	uint64_t byte_tsc;
	uint64_t empty_tsc; /* when the last byte has left */
	uint64_t next_tsc;  /* when the interrupt line may change by itself, or TSC_NEVER */
	uint8_t rx[VUART_FIFO_BYTES];
	uint32_t rx_first, rx_count;
	uint8_t ier, fcr, lcr, mcr, scr, lsr_errors, msr_delta;
	uint8_t divisor[2];
	bool thre_pending; /* THRE interrupt waits: cleared by reading IIR or writing THR */
	bool irq;          /* level of the line, OUT2 considered */
};

struct vuart_write {
	bool has_byte; /* a byte was transmitted */
	uint8_t byte;
};

void vuart_init(struct vuart *u, uint64_t byte_tsc);
/* reg 0..7; one byte. */
uint8_t vuart_read(struct vuart *u, uint32_t reg, uint64_t now_tsc);
struct vuart_write vuart_write(struct vuart *u, uint32_t reg, uint8_t value, uint64_t now_tsc);
/* Brings it to now: u->irq and u->next_tsc. */
void vuart_expire(struct vuart *u, uint64_t now_tsc);
/* A byte arrives; false: the FIFO is full, and it is not taken. */
MUST_CHECK bool vuart_receive(struct vuart *u, uint8_t byte, uint64_t now_tsc);
