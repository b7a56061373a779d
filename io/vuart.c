/* SPDX-License-Identifier: Apache-2.0 */
#include "io/vuart.h"

enum vuart_register {
	REG_DATA, /* RBR, THR; DLL with DLAB */
	REG_IER,  /* DLM with DLAB */
	REG_IIR,  /* w: FCR */
	REG_LCR,
	REG_MCR,
	REG_LSR,
	REG_MSR,
	REG_SCR
};

#define IER_RX          0x01u
#define IER_THRE        0x02u
#define IER_LINE        0x04u
#define IER_MODEM       0x08u
#define IER_WRITABLE    0x0fu

#define IIR_NONE        0x01u
#define IIR_MODEM       0x00u
#define IIR_THRE        0x02u
#define IIR_RX          0x04u
#define IIR_LINE        0x06u
#define IIR_TIMEOUT     0x0cu
#define IIR_FIFOS       0xc0u

#define FCR_ENABLE      0x01u
#define FCR_CLEAR_RX    0x02u
#define FCR_CLEAR_TX    0x04u
#define FCR_KEPT        0xc9u /* trigger level, DMA mode, enable */
#define FCR_TRIGGER_BIT 6

#define LCR_DLAB        0x80u

#define MCR_DTR         0x01u
#define MCR_RTS         0x02u
#define MCR_OUT1        0x04u
#define MCR_OUT2        0x08u
#define MCR_LOOP        0x10u
#define MCR_WRITABLE    0x1fu

#define LSR_DR          0x01u
#define LSR_OVERRUN     0x02u
#define LSR_THRE        0x20u
#define LSR_TEMT        0x40u

#define MSR_DELTAS      0x0fu
#define MSR_TERI        0x04u /* RI went off; the others: changed */
#define MSR_CTS         0x10u
#define MSR_DSR         0x20u
#define MSR_RI          0x40u
#define MSR_DCD         0x80u
#define MSR_CONNECTED   (MSR_CTS | MSR_DSR | MSR_DCD)

#define TIMEOUT_BYTES   4u

static bool has_fifos(const struct vuart *u)
{
	return u->fcr & FCR_ENABLE;
}

/* The transmit FIFO is empty: the shift register holds the last byte, if any. */
static bool is_thre(const struct vuart *u, uint64_t now_tsc)
{
	return now_tsc + u->byte_tsc >= u->empty_tsc;
}

static uint32_t rx_trigger(const struct vuart *u)
{
	static const uint8_t triggers[4] = { 1, 4, 8, 14 };

	return has_fifos(u) ? triggers[u->fcr >> FCR_TRIGGER_BIT] : 1;
}

/* "FIFO Interrupt Mode Operation": nothing received or read for four bytes' time. */
static uint64_t timeout_tsc(const struct vuart *u)
{
	return u->rx_idle_tsc + TIMEOUT_BYTES * u->byte_tsc;
}

/* "Interrupt Control Functions": the pending interrupt of highest priority. */
static uint8_t interrupt_id(const struct vuart *u, uint64_t now_tsc)
{
	if ((u->ier & IER_LINE) && u->lsr_errors)
		return IIR_LINE;
	if ((u->ier & IER_RX) && u->rx_count != 0) {
		if (u->rx_count >= rx_trigger(u))
			return IIR_RX;
		if (now_tsc >= timeout_tsc(u))
			return IIR_TIMEOUT;
	}
	if ((u->ier & IER_THRE) && u->thre_pending)
		return IIR_THRE;
	if ((u->ier & IER_MODEM) && (u->msr & MSR_DELTAS))
		return IIR_MODEM;
	return IIR_NONE;
}

/* When a time-out or an empty transmitter will make an interrupt out of none. */
static uint64_t next_tsc(const struct vuart *u)
{
	uint64_t next = TSC_NEVER;

	if (u->ier & IER_THRE)
		next = u->thre_tsc;
	if ((u->ier & IER_RX) && u->rx_count != 0)
		next = min_u64(next, timeout_tsc(u));
	return next;
}

static void settle_thre(struct vuart *u, uint64_t now_tsc)
{
	if (now_tsc >= u->thre_tsc) {
		u->thre_tsc = TSC_NEVER;
		u->thre_pending = true;
	}
}

void vuart_expire(struct vuart *u, uint64_t now_tsc)
{
	const bool is_connected = (u->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;

	settle_thre(u, now_tsc);
	u->irq = is_connected && interrupt_id(u, now_tsc) != IIR_NONE;
	u->next_tsc = u->irq || !is_connected ? TSC_NEVER : next_tsc(u);
}

void vuart_init(struct vuart *u, uint64_t byte_tsc, uint64_t line_tsc)
{
	*u = (struct vuart){
		.byte_tsc = byte_tsc,
		.line_tsc = line_tsc,
		.next_tsc = TSC_NEVER,
		.thre_tsc = TSC_NEVER,
		.lcr = 3,
		.msr = MSR_CONNECTED,
		.divisor = { 1, 0 },
	};
}

/* ---- Receiver ---- */

static bool is_rx_full(const struct vuart *u)
{
	return u->rx_count >= (has_fifos(u) ? VUART_FIFO_BYTES : 1);
}

static void put_byte(struct vuart *u, uint8_t byte, uint64_t now_tsc)
{
	u->rx[(u->rx_first + u->rx_count++) % VUART_FIFO_BYTES] = byte;
	u->rx_idle_tsc = now_tsc;
}

static uint8_t take_byte(struct vuart *u, uint64_t now_tsc)
{
	const uint8_t byte = u->rx[u->rx_first];

	if (u->rx_count == 0)
		return byte; /* what was there last */
	u->rx_count--;
	if (u->rx_count != 0)
		u->rx_first = (u->rx_first + 1) % VUART_FIFO_BYTES;
	u->rx_idle_tsc = now_tsc;
	return byte;
}

bool vuart_receive(struct vuart *u, uint8_t byte, uint64_t now_tsc)
{
	if (is_rx_full(u) || (u->mcr & MCR_LOOP))
		return false;
	put_byte(u, byte, now_tsc);
	vuart_expire(u, now_tsc);
	return true;
}

/* "Line Status Register", OE: a full FIFO keeps what it has, a full RBR is overwritten. */
static void loop_byte(struct vuart *u, uint8_t byte, uint64_t now_tsc)
{
	if (!is_rx_full(u)) {
		put_byte(u, byte, now_tsc);
		return;
	}
	u->lsr_errors |= LSR_OVERRUN;
	if (!has_fifos(u))
		u->rx[u->rx_first] = byte;
}

/* ---- Transmitter ---- */

static bool is_tx_full(const struct vuart *u, uint64_t now_tsc)
{
	const uint32_t capacity = has_fifos(u) ? VUART_FIFO_BYTES : 1;

	return u->tx_count >= capacity && u->empty_tsc > now_tsc + capacity * u->byte_tsc;
}

/* "FIFO Interrupt Mode Operation": delayed by a byte until two were in the FIFO together. */
static uint64_t thre_interrupt_tsc(const struct vuart *u)
{
	return u->empty_tsc - (has_fifos(u) && u->tx_count <= 1 ? 0 : u->byte_tsc);
}

static struct vuart_write transmit(struct vuart *u, uint8_t byte, uint64_t now_tsc)
{
	struct vuart_write out = { 0 };

	if (is_thre(u, now_tsc))
		u->tx_count = 0;
	if (!is_tx_full(u, now_tsc)) {
		u->tx_count++;
		u->empty_tsc = max_u64(u->empty_tsc, now_tsc) + u->byte_tsc;
		if (u->mcr & MCR_LOOP)
			loop_byte(u, byte, now_tsc);
		else
			out = (struct vuart_write){ .has_byte = true, .byte = byte };
		if (out.has_byte && byte == '\n')
			u->empty_tsc += u->line_tsc;
	}
	u->thre_pending = false;
	u->thre_tsc = thre_interrupt_tsc(u);
	if (u->ier != 0) /* a console that polls needs no more */
		vuart_expire(u, now_tsc);
	return out;
}

/* ---- Registers ---- */

static uint8_t read_iir(struct vuart *u, uint64_t now_tsc)
{
	uint8_t id;

	settle_thre(u, now_tsc);
	id = interrupt_id(u, now_tsc);
	if (id == IIR_THRE)
		u->thre_pending = false;
	vuart_expire(u, now_tsc);
	return (uint8_t)(id | (has_fifos(u) ? IIR_FIFOS : 0));
}

static uint8_t read_lsr(struct vuart *u, uint64_t now_tsc)
{
	uint32_t value = u->rx_count != 0 ? LSR_DR : 0;

	if (is_thre(u, now_tsc))
		value |= now_tsc >= u->empty_tsc ? LSR_THRE | LSR_TEMT : LSR_THRE;
	if (u->lsr_errors) {
		value |= u->lsr_errors;
		u->lsr_errors = 0;
		vuart_expire(u, now_tsc);
	}
	return (uint8_t)value;
}

static uint8_t read_data(struct vuart *u, uint64_t now_tsc)
{
	const uint8_t byte = take_byte(u, now_tsc);

	vuart_expire(u, now_tsc);
	return byte;
}

static uint8_t read_msr(struct vuart *u, uint64_t now_tsc)
{
	const uint8_t value = u->msr;

	u->msr &= (uint8_t)~MSR_DELTAS;
	vuart_expire(u, now_tsc);
	return value;
}

uint8_t vuart_read(struct vuart *u, uint32_t reg, uint64_t now_tsc)
{
	switch (reg & 7) {
	case REG_DATA:
		return u->lcr & LCR_DLAB ? u->divisor[0] : read_data(u, now_tsc);
	case REG_IER:
		return u->lcr & LCR_DLAB ? u->divisor[1] : u->ier;
	case REG_IIR:
		return read_iir(u, now_tsc);
	case REG_LCR:
		return u->lcr;
	case REG_MCR:
		return u->mcr;
	case REG_LSR:
		return read_lsr(u, now_tsc);
	case REG_MSR:
		return read_msr(u, now_tsc);
	default:
		return u->scr;
	}
}

/* Enabling the THRE interrupt while THR is empty raises it. */
static void write_ier(struct vuart *u, uint8_t value, uint64_t now_tsc)
{
	const uint8_t rises = value & (uint8_t)~u->ier;

	u->ier = value & IER_WRITABLE;
	if (rises & IER_THRE)
		u->thre_tsc = min_u64(u->thre_tsc, is_thre(u, now_tsc) ? now_tsc : TSC_NEVER);
}

/* What was in the transmit FIFO is gone; what is in the shift register goes on. */
static void clear_tx(struct vuart *u, uint64_t now_tsc)
{
	if (is_thre(u, now_tsc))
		return;
	u->empty_tsc = now_tsc + u->byte_tsc;
	u->thre_tsc = now_tsc;
}

/* "FIFO Control Register": a change of the enable bit clears both FIFOs. */
static void write_fcr(struct vuart *u, uint8_t value, uint64_t now_tsc)
{
	const bool changes = (u->fcr ^ value) & FCR_ENABLE;

	u->fcr = value & FCR_KEPT;
	if (changes || (value & FCR_CLEAR_RX))
		u->rx_count = 0;
	if (changes || (value & FCR_CLEAR_TX))
		clear_tx(u, now_tsc);
}

/* Loop-back: "the four modem control outputs are connected to the four modem control inputs". */
static uint8_t modem_inputs(uint32_t mcr)
{
	uint32_t inputs = 0;

	if (!(mcr & MCR_LOOP))
		return MSR_CONNECTED;
	inputs |= mcr & MCR_RTS ? MSR_CTS : 0;
	inputs |= mcr & MCR_DTR ? MSR_DSR : 0;
	inputs |= mcr & MCR_OUT1 ? MSR_RI : 0;
	inputs |= mcr & MCR_OUT2 ? MSR_DCD : 0;
	return (uint8_t)inputs;
}

static void write_mcr(struct vuart *u, uint8_t value)
{
	const uint32_t inputs = modem_inputs(value);
	uint32_t changed = (u->msr ^ inputs) & (uint32_t)~MSR_DELTAS;

	if (inputs & MSR_RI) /* only its trailing edge counts */
		changed &= ~MSR_RI;
	u->mcr = value & MCR_WRITABLE;
	u->msr = (uint8_t)(inputs | (u->msr & MSR_DELTAS) | changed >> 4);
}

static void write_register(struct vuart *u, uint32_t reg, uint8_t value, uint64_t now_tsc)
{
	switch (reg) {
	case REG_IER:
		write_ier(u, value, now_tsc);
		break;
	case REG_IIR:
		write_fcr(u, value, now_tsc);
		break;
	case REG_LCR:
		u->lcr = value;
		break;
	case REG_MCR:
		write_mcr(u, value);
		break;
	case REG_SCR:
		u->scr = value;
		break;
	default: /* LSR, MSR: "the factory test" of the one; the other's bits are inputs */
		break;
	}
	vuart_expire(u, now_tsc);
}

struct vuart_write vuart_write(struct vuart *u, uint32_t reg, uint8_t value, uint64_t now_tsc)
{
	reg &= 7;
	if (reg <= REG_IER && (u->lcr & LCR_DLAB))
		u->divisor[reg] = value;
	else if (reg == REG_DATA)
		return transmit(u, value, now_tsc);
	else
		write_register(u, reg, value, now_tsc);
	return (struct vuart_write){ 0 };
}
