/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mode=hog: wants more interrupts than it may have, by turns in each of these ways.
 *
 *   order	its VF's throttle registers are written to 0, and an interrupt ordered (VTEICS), again and again
 *   deaf	the same, and what comes is received, but interrupts are off: none is acknowledged
 *   order, deaf: with what others send it meanwhile
 *
 *   turn_ms=N	  each of them (250)
 *   honest=1	  computes instead: what its neighbours see then is what they should see always
 *
 * Output  @{"net":"hog",..}, a line for each turn: interrupts is what it took, orders what it asked for.
 */
#include <stdio.h>
#include "guests/net/modes.h"
#include "guests/net/igbvf_regs.h"
#include "guests/rt/apic.h"
#include "guests/rt/args.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/ticks.h"
#include "guests/rt/trap.h"

#define HOG_VECTOR      0x60u                /* of port 0: guests/net/port.c */
#define VTEITR(n)       (0x1680u + 4u * (n)) /* rw "VF Interrupt Throttle" */
#define ENTRY_COUNT     3u
#define DEFAULT_TURN_MS 250u

enum turn { TURN_ORDER, TURN_DEAF, TURN_COUNT };

static volatile uint64_t taken;

/* It does not rearm: its own loop does, all the time. */
static struct trap_frame *on_interrupt(struct trap_frame *frame)
{
	taken++;
	apic_eoi();
	return frame;
}

static void write(const struct port *p, uint32_t reg, uint32_t value)
{
	p->vf.io.write(p->vf.io.context, reg, value);
}

static void order(const struct port *p)
{
	for (uint32_t i = 0; i < ENTRY_COUNT; i++)
		write(p, VTEITR(i), 0);
	write(p, IGBVF_EIMS, IGBVF_BIT(0));
	write(p, IGBVF_EICS, IGBVF_BIT(0));
}

/* Room for what others send. */
static void drain(struct port *p)
{
	uint32_t bytes;

	while (igbvf_receive(&p->vf, &bytes))
		igbvf_receive_done(&p->vf);
}

static void take_turn(struct port *p, enum turn turn, uint64_t ticks, bool is_honest)
{
	static const char *const names[] = { [TURN_ORDER] = "order", [TURN_DEAF] = "deaf" };
	const uint64_t begin_tsc = cpu_rdtsc(), until_tsc = begin_tsc + ticks;
	const uint64_t before = taken;
	uint64_t orders = 0;

	if (turn == TURN_DEAF)
		cpu_irq_off();
	while (cpu_rdtsc() < until_tsc) {
		if (is_honest)
			continue;
		order(p);
		orders++;
		drain(p);
	}
	printf("@{\"net\":\"hog\",\"turn\":\"%s\",\"interrupts\":%lu,\"orders\":%lu,\"us\":%lu}\n",
	       names[turn], (taken - before), orders,
	       (ticks_to_tenth_us(cpu_rdtsc() - begin_tsc, guest_info()->tsc_hz) / 10));
	if (turn == TURN_DEAF)
		cpu_irq_on();
}

int mode_hog(struct port *port, const char *args)
{
	const uint64_t ticks = port_ticks_from_ms(args_number(args, "turn_ms", DEFAULT_TURN_MS));
	const bool is_honest = args_is(args, "honest", "1");

	trap_set_handler(HOG_VECTOR, on_interrupt);
	for (uint32_t turn = 0;; turn = (turn + 1) % TURN_COUNT)
		take_turn(port, (enum turn)turn, ticks, is_honest);
}
