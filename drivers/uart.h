/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/uart.h - the first serial port, output only.
 *
 * Source   PC16550D data sheet, "Registers".
 * Sharing  One caller at a time (core/log.c's drain lock).
 */
#pragma once
#include "core/lib/base.h"

/* 115200 8N1. False: there is no UART; uart_put() then swallows everything. */
bool uart_init(void);
bool uart_is_present(void);

/* Takes what the transmitter has room for, at most a FIFO's worth; never waits. */
size_t uart_put(const char *text, size_t bytes);
/* True: the last bit is on the wire. Switching a machine off before loses what is not. */
bool uart_is_idle(void);
