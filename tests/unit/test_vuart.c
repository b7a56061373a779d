/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual 16550A against one with queues and a shift register, stepped tick by tick. */
#include <stdlib.h>
#include <string.h>
#include "io/vuart.h"
#include "tests/test.h"

#define BYTE 8u /* ticks */

enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR, THR = RBR, FCR = IIR };

static uint64_t seed = 1;

static uint32_t random_below(uint32_t limit)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % limit);
}

static struct vuart u;
static uint64_t now;

/* ---- The slow one ---- */

struct chip {
	uint8_t rx[16], last, ier, lcr, mcr, msr, scr, dll, dlm, trigger, other_fcr;
	uint32_t rx_count, rx_idle, tx_count, shift, since_thre;
	bool fifos, overrun, thre, thre_wait_byte, thre_raised;
};
static struct chip c;

static uint8_t inputs_of(uint8_t mcr)
{
	if (!(mcr & 0x10))
		return 0xb0;
	return (uint8_t)((mcr & 2 ? 0x10 : 0) | (mcr & 1 ? 0x20 : 0) | (mcr & 4 ? 0x40 : 0) |
			 (mcr & 8 ? 0x80 : 0));
}

static void chip_reset(void)
{
	memset(&c, 0, sizeof(c));
	c.lcr = 3;
	c.dll = 1;
	c.msr = 0xb0;
	c.trigger = 1;
	c.thre_raised = true; /* nothing was written: no interrupt of its own */
}

static uint32_t chip_id(void)
{
	if ((c.ier & 4) && c.overrun)
		return 0x06;
	if ((c.ier & 1) && c.rx_count >= (c.fifos ? c.trigger : 1))
		return 0x04;
	if ((c.ier & 1) && c.rx_count > 0 && c.rx_idle >= 4 * BYTE)
		return 0x0c;
	if ((c.ier & 2) && c.thre)
		return 0x02;
	if ((c.ier & 8) && (c.msr & 0x0f))
		return 0x00;
	return 0x01;
}

static bool chip_irq(void)
{
	return (c.mcr & 0x18) == 0x08 && chip_id() != 1;
}

/* THR is empty; a byte that was alone has to leave first. */
static void chip_thre(void)
{
	if (c.thre_raised || c.tx_count > 0 || (c.thre_wait_byte && c.shift > 0))
		return;
	c.thre = c.thre_raised = true;
}

static void chip_shift(void)
{
	if (c.shift == 0 && c.tx_count > 0) {
		c.tx_count--;
		c.shift = BYTE;
	}
}

static void chip_tick(void)
{
	now++;
	c.rx_idle++;
	if (c.shift > 0)
		c.shift--;
	chip_shift();
	chip_thre();
}

static bool chip_put(uint8_t byte)
{
	if (c.rx_count >= (c.fifos ? 16 : 1))
		return false;
	c.rx[c.rx_count++] = byte;
	c.rx_idle = 0;
	return true;
}

static bool chip_transmit(uint8_t byte)
{
	bool taken = c.tx_count < (c.fifos ? 16 : 1);

	if (c.tx_count == 0)
		c.since_thre = 0;
	if (taken) {
		c.since_thre++;
		c.tx_count++;
		chip_shift();
		if ((c.mcr & 0x10) && !chip_put(byte)) {
			c.overrun = true;
			if (!c.fifos)
				c.rx[0] = byte;
		}
	}
	c.thre = c.thre_raised = false;
	c.thre_wait_byte = c.fifos && c.since_thre <= 1;
	chip_thre();
	return taken && !(c.mcr & 0x10);
}

static uint8_t chip_read(uint32_t reg)
{
	uint32_t v;

	switch (reg) {
	case RBR:
		if (c.lcr & 0x80)
			return c.dll;
		if (c.rx_count == 0)
			return c.last;
		c.last = c.rx[0];
		c.rx_count--;
		memmove(c.rx, c.rx + 1, 15);
		c.rx_idle = 0;
		return c.last;
	case IER:
		return c.lcr & 0x80 ? c.dlm : c.ier;
	case IIR:
		v = chip_id();
		if (v == 2)
			c.thre = false;
		return (uint8_t)(v | (c.fifos ? 0xc0 : 0));
	case LCR:
		return c.lcr;
	case MCR:
		return c.mcr;
	case LSR:
		v = (c.rx_count > 0) | (uint32_t)c.overrun << 1 | (c.tx_count == 0 ? 0x20 : 0) |
		    (c.tx_count == 0 && c.shift == 0 ? 0x40 : 0);
		c.overrun = false;
		return (uint8_t)v;
	case MSR:
		v = c.msr;
		c.msr &= 0xf0;
		return (uint8_t)v;
	default:
		return c.scr;
	}
}

static void chip_clear(bool rx, bool tx)
{
	if (rx) {
		if (c.rx_count > 0)
			c.last = c.rx[0];
		c.rx_count = 0;
	}
	if (!tx || c.tx_count == 0)
		return;
	c.tx_count = 0;
	c.shift = BYTE; /* vuart's simplification: a whole byte is left in the shift register */
	if (!c.thre_raised)
		c.thre = c.thre_raised = true;
}

static void chip_write(uint32_t reg, uint8_t v)
{
	static const uint8_t triggers[] = { 1, 4, 8, 14 };
	uint8_t old;

	switch (reg) {
	case IER:
		if (c.lcr & 0x80) {
			c.dlm = v;
			break;
		}
		if ((v & 2) && !(c.ier & 2) && c.tx_count == 0)
			c.thre = c.thre_raised = true;
		c.ier = v & 0x0f;
		break;
	case FCR:
		chip_clear((v & 2) || (v & 1) != c.fifos, (v & 4) || (v & 1) != c.fifos);
		c.fifos = v & 1;
		c.trigger = triggers[v >> 6];
		break;
	case LCR:
		c.lcr = v;
		break;
	case MCR:
		old = c.msr & 0xf0;
		c.mcr = v & 0x1f;
		c.msr = (uint8_t)((c.msr & 0x0f) | inputs_of(v));
		for (int i = 0; i < 4; i++) {
			const bool was = old >> (4 + i) & 1, is = c.msr >> (4 + i) & 1;

			if (i == 2 ? was && !is : was != is)
				c.msr |= (uint8_t)(1 << i);
		}
		break;
	case SCR:
		c.scr = v;
		break;
	default:
		break;
	}
}

/* ---- Both ---- */

static void both_write(uint32_t reg, uint8_t v)
{
	const struct vuart_write w = vuart_write(&u, reg, v, now);
	bool sent = false;

	if (reg == THR && (c.lcr & 0x80))
		c.dll = v;
	else if (reg == THR)
		sent = chip_transmit(v);
	else
		chip_write(reg, v);
	CHECK(w.has_byte == sent);
	if (sent)
		CHECK(w.byte == v);
}

/* Time passes; the line changes when next_tsc says so and not before. */
static void both_wait(uint32_t ticks)
{
	for (uint32_t i = 0; i < ticks; i++) {
		chip_tick();
		if (u.next_tsc <= now)
			vuart_expire(&u, now);
		CHECK(u.irq == chip_irq());
	}
}

static void both_receive(uint8_t byte)
{
	const bool taken = vuart_receive(&u, byte, now);

	CHECK(taken == (!(c.mcr & 0x10) && chip_put(byte)));
}

static void random_operation(void)
{
	static const uint8_t weights[16] = { THR, THR, THR, THR, THR, THR, IER, IER,
					     FCR, LCR, MCR, MCR, SCR, LSR, MSR, THR };
	const uint32_t reg = weights[random_below(16)];
	uint32_t v = random_below(256);

	switch (random_below(8)) {
	case 0:
	case 1:
	case 2:
		if (reg == LCR && random_below(3))
			v &= 0x7f;
		if (reg == FCR && random_below(4))
			v |= 1;
		if (reg == FCR && random_below(2))
			v &= 0xc1;
		if (reg == MCR && random_below(4))
			v = (v & 0x0f) | 8;
		both_write(reg, (uint8_t)v);
		break;
	case 3:
		both_receive((uint8_t)v);
		break;
	case 4:
		for (uint32_t n = random_below(20); n > 0; n--)
			both_write(THR, (uint8_t)(v + n));
		break;
	default:
		CHECK(vuart_read(&u, v % 8, now) == chip_read(v % 8));
		break;
	}
	CHECK(u.irq == chip_irq());
}

static void random_programs_agree_with_the_stepped_chip(void)
{
	for (uint32_t run = 0; run < 1500 && !test_failed; run++) {
		now = random_below(1000);
		vuart_init(&u, BYTE, 0);
		chip_reset();
		for (uint32_t i = 0; i < 400 && !test_failed; i++) {
			random_operation();
			if (random_below(2))
				both_wait(random_below(random_below(4) ? 6 : 100));
		}
	}
}

/* ---- What drivers do ---- */

static uint8_t get(uint32_t reg)
{
	return vuart_read(&u, reg, now);
}

static void set(uint32_t reg, uint8_t v)
{
	(void)vuart_write(&u, reg, v, now);
}

/* Linux, autoconfig(): is it there, does loop-back work, has it FIFOs, is it nothing better? */
static void linux_takes_it_for_a_16550a(void)
{
	uint8_t status;

	now = 1000;
	vuart_init(&u, 100, 0);
	set(IER, 0);
	CHECK((get(IER) & 0x0f) == 0);
	set(IER, 0x0f);
	CHECK((get(IER) & 0x0f) == 0x0f);
	set(IER, 0x40);
	CHECK(get(IER) == 0); /* no XScale */
	set(MCR, 0x1a);
	CHECK((get(MSR) & 0xf0) == 0x90);
	set(MCR, 0);
	set(LCR, 0xbf);
	set(FCR, 0);
	set(LCR, 0);
	set(FCR, 1);
	CHECK(get(IIR) >> 6 == 3);
	set(LCR, 0xbf);
	CHECK(get(FCR) != 0); /* no EFR */
	set(LCR, 0);
	status = get(MCR);
	set(LCR, 0xe0);
	set(MCR, status ^ 0x10);
	CHECK(!((get(FCR) ^ status) & 0x10)); /* no EXCR */
	set(LCR, 0);
	set(MCR, status);
	set(FCR, 0x21);
	CHECK(get(IIR) >> 5 == 6); /* no 16750 */
}

/* Linux, serial8250_do_startup(): enabling THRE raises it, reading IIR clears it, twice. */
static void the_thre_tests_of_linux_pass(void)
{
	now = 1000;
	vuart_init(&u, 100, 0);
	set(FCR, 1);
	for (uint32_t i = 0; i < 2; i++) {
		set(IER, 2);
		CHECK(!(get(IIR) & 1));
		CHECK(get(IIR) & 1);
		set(IER, 0);
		CHECK(get(IIR) & 1);
	}
	set(IER, 2);
	CHECK((get(LSR) & 0x60) == 0x60);
	CHECK((get(IIR) & 0x0f) == 2);
}

static void a_loop_back_test_reads_what_it_wrote(void)
{
	now = 1000;
	vuart_init(&u, 100, 0);
	set(FCR, 0xc7);
	set(MCR, 0x1e);
	CHECK(!vuart_write(&u, THR, 0xae, now).has_byte);
	CHECK(get(LSR) & 1);
	CHECK(get(RBR) == 0xae && !(get(LSR) & 1));
	set(MCR, 0x0f);
	CHECK(vuart_write(&u, THR, 0xae, now).has_byte && !(get(LSR) & 1));
}

/* One who waits for THRE prints at the pace, and loses nothing, long lines or short. */
static void waiting_for_thre_loses_nothing_and_keeps_the_pace(void)
{
	for (uint32_t burst = 1; burst <= 16; burst++) {
		for (uint32_t line = 0; line < 2000; line += 499) {
			uint32_t sent = 0, lines = 0;

			now = 5000;
			vuart_init(&u, 100, line);
			set(FCR, 1);
			while (sent < 1000) {
				while (!(get(LSR) & 0x20))
					now++;
				for (uint32_t i = 0; i < burst; i++, sent++) {
					const uint8_t byte = sent % 7 == 3 ? '\n' : 'x';

					CHECK(vuart_write(&u, THR, byte, now).has_byte);
					lines += byte == '\n';
				}
			}
			while (!(get(LSR) & 0x40))
				now++;
			CHECK(now - 5000 == sent * 100 + lines * line);
		}
	}
}

static void a_console_by_interrupt_keeps_the_pace(void)
{
	uint32_t sent = 0, interrupts = 0;

	now = 5000;
	vuart_init(&u, 100, 0);
	set(FCR, 1);
	set(MCR, 0x0b);
	set(IER, 2);
	while (sent < 1600) {
		if (!u.irq) {
			CHECK(u.next_tsc > now && u.next_tsc != TSC_NEVER);
			now = u.next_tsc;
			vuart_expire(&u, now);
			CHECK(u.irq);
		}
		interrupts++;
		CHECK((get(IIR) & 0x0f) == 2 && !u.irq);
		for (uint32_t i = 0; i < 16; i++, sent++)
			CHECK(vuart_write(&u, THR, 'x', now).has_byte);
		CHECK(!u.irq); /* not before they have left the FIFO */
	}
	CHECK(interrupts == 100 && now == 5000 + 100 * (15 + 98 * 16));
}

static void a_lost_byte_is_the_seventeenth(void)
{
	now = 5000;
	vuart_init(&u, 100, 0);
	set(FCR, 1);
	for (uint32_t i = 0; i < 17; i++) /* one of them is in the shift register */
		CHECK(vuart_write(&u, THR, 'x', now).has_byte);
	CHECK(!vuart_write(&u, THR, 'x', now).has_byte);
	now += 100;
	CHECK(vuart_write(&u, THR, 'x', now).has_byte);
	CHECK(!vuart_write(&u, THR, 'x', now).has_byte);
}

static void a_pace_of_zero_is_no_pace(void)
{
	now = 5000;
	vuart_init(&u, 0, 0);
	for (uint32_t i = 0; i < 100; i++) {
		CHECK(vuart_write(&u, THR, 'x', now).has_byte);
		CHECK((get(LSR) & 0x60) == 0x60);
	}
}

int main(void)
{
	RUN(linux_takes_it_for_a_16550a);
	RUN(the_thre_tests_of_linux_pass);
	RUN(a_loop_back_test_reads_what_it_wrote);
	RUN(waiting_for_thre_loses_nothing_and_keeps_the_pace);
	RUN(a_console_by_interrupt_keeps_the_pace);
	RUN(a_lost_byte_is_the_seventeenth);
	RUN(a_pace_of_zero_is_no_pace);
	RUN(random_programs_agree_with_the_stepped_chip);
	return test_failed;
}
