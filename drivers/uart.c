/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/uart.h"
#include "arch/machine.h"

#define COM1       0x3f8u

#define UART_THR   (COM1 + 0) /* w  "Transmitter Holding Register" */
#define UART_DLL   (COM1 + 0) /* rw "Divisor Latch (LS)", while LCR.DLAB */
#define UART_DLM   (COM1 + 1) /* rw "Divisor Latch (MS)", while LCR.DLAB */
#define UART_IER   (COM1 + 1) /* rw "Interrupt Enable Register" */
#define UART_FCR   (COM1 + 2) /* w  "FIFO Control Register" */
#define FCR_ENABLE 0x01u
#define FCR_RESET  0x06u      /* both FIFOs */
#define UART_IIR   (COM1 + 2) /* r  "Interrupt Identification Register" */
#define IIR_FIFOS  0xc0u      /* FIFOs enabled: a 16550A or later */
#define UART_LCR   (COM1 + 3) /* rw "Line Control Register" */
#define LCR_8N1    0x03u
#define LCR_DLAB   0x80u
#define UART_MCR   (COM1 + 4) /* rw "Modem Control Register" */
#define MCR_DTR    0x01u
#define MCR_RTS    0x02u
#define UART_LSR   (COM1 + 5) /* r  "Line Status Register" */
#define LSR_THRE   0x20u      /* transmitter holding register (with FIFOs: the FIFO) empty */
#define LSR_TEMT   0x40u      /* transmitter empty, shift register included */
#define UART_SCR   (COM1 + 7) /* rw "Scratch Register" */

#define DIVISOR    1u /* 1.8432 MHz / 16 / 115200 */
#define FIFO_BYTES 16u
#define PROBE_A    0x5au
#define PROBE_B    0xa5u

static bool is_present;
static size_t fifo_bytes = 1;

/* An absent port reads all ones; the scratch register exists for nothing else. */
static bool probe(uint8_t pattern)
{
	arch_pio_write8(UART_SCR, pattern);
	return arch_pio_read8(UART_SCR) == pattern;
}

bool uart_init(void)
{
	is_present = probe(PROBE_A) && probe(PROBE_B);
	if (!is_present)
		return false;
	arch_pio_write8(UART_IER, 0);
	arch_pio_write8(UART_LCR, LCR_DLAB);
	arch_pio_write8(UART_DLL, DIVISOR);
	arch_pio_write8(UART_DLM, DIVISOR >> 8);
	arch_pio_write8(UART_LCR, LCR_8N1);
	arch_pio_write8(UART_FCR, FCR_ENABLE | FCR_RESET);
	arch_pio_write8(UART_MCR, MCR_DTR | MCR_RTS);
	fifo_bytes = (arch_pio_read8(UART_IIR) & IIR_FIFOS) == IIR_FIFOS ? FIFO_BYTES : 1;
	return true;
}

bool uart_is_present(void)
{
	return is_present;
}

size_t uart_put(const char *text, size_t bytes)
{
	size_t n = 0;

	if (!is_present)
		return bytes;
	if (!(arch_pio_read8(UART_LSR) & LSR_THRE))
		return 0;
	for (; n < bytes && n < fifo_bytes; n++)
		arch_pio_write8(UART_THR, (uint8_t)text[n]);
	return n;
}

bool uart_is_idle(void)
{
	return !is_present || (arch_pio_read8(UART_LSR) & LSR_TEMT);
}
