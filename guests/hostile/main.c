/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/hostile/main.c - a guest that misbehaves: what the hypervisor must contain.
 *
 *   mode=spin	    interrupts off, JMP to itself
 *   mode=halt	    interrupts off, HLT: nothing can ever wake it
 *   mode=triple    an empty IDT and an undefined instruction
 *   mode=memory    touches memory it does not own; expects to be stopped
 *		      at=beyond (default), hole, 4g, lapic, high
 *		      op=write (default), read, exec
 *   mode=msr	    reads and writes MSRs 0..0x1fff, 0xc0000000..0xc0001fff, and the hypervisor
 *		    range 0x40000000..0x400000ff with junk, over and over
 *   mode=ports     IN and OUT of 1, 2, 4 bytes, and string forms, on all 64 Ki ports, over and over
 *   mode=cr	    reserved and forbidden bits of control registers, EFER, XCR0, DR7, and
 *		    instructions of virtualization: each must be refused; over and over
 *   mode=calls     hypercalls with random numbers and hostile buffers; seed=N
 *   mode=console   prints without end, whether or not there is room
 *   mode=line	    the longest lines there are, and as many empty ones as a call or a port takes, when its share of
 *		    the console has filled up again; uart=PORT
 *   mode=overrun   the end of the longest line just before its budget ends, each time: budget_us=N (1000),
 *		    margin_us=N (20) before it
 *   mode=timer     deadlines in the past and just ahead, without end
 *   mode=tick	    a periodic timer of one tick, which leaves no time for anything else
 *   mode=fault     exceptions without end
 *
 * Those which survive run until the hypervisor's run limit. The sweeps print one machine line
 * for the first round: what was tried, and what was refused with a fault.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "guests/hostile/modes.h"
#include "guests/hostile/probe.h"
#include "guests/rt/args.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"

#define MODE_BYTES 16

static void mode_spin(void)
{
	cpu_irq_off();
	for (;;)
		__asm__ volatile("jmp .");
}

static void mode_halt(void)
{
	cpu_irq_off();
	for (;;)
		__asm__ volatile("hlt");
}

static void mode_triple(void)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) empty = { 0, 0 };

	__asm__ volatile("lidt %0; ud2" ::"m"(empty));
}

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{ "spin", mode_spin },     { "halt", mode_halt },       { "triple", mode_triple },
	{ "memory", mode_memory }, { "msr", mode_msr },         { "ports", mode_ports },
	{ "cr", mode_cr },         { "calls", mode_calls },     { "console", mode_console },
	{ "line", mode_line },     { "overrun", mode_overrun }, { "timer", mode_timer },
	{ "tick", mode_tick },     { "fault", mode_fault },
};

int main(void)
{
	char mode[MODE_BYTES];

	args_find(guest_info()->args, "mode", mode, sizeof(mode));
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(mode, modes[i].name) != 0)
			continue;
		probe_init();
		modes[i].run();
	}
	printf("hostile: no mode '%s', or a bad argument of it\n", mode);
	return EXIT_FAILURE;
}
