/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/pc.h - the virtual PC around a partition's vCPUs: ports, device registers, their clocks.
 *
 * Devices  I/O APIC, two 8259, 8254 with port 61H, MC146818 RTC, ACPI PM1 registers, PM timer
 *	    and reset register, 16550 UART at COM1, PCI host bridge (CF8/CFC and ECAM), exit port
 *	    F4H where the configuration allows it. docs/platform.md has every register.
 *	    What is not there reads as all ones, and writes to it are lost, as on a PC.
 * Model    One per partition that wants it, used by all of its vCPUs from their cores under the
 *	    partition's lock. All calls take bounded time. What it sends to vCPUs is posted (see
 *	    arch/vcpu.h): receivers come back in `posted`.
 * Clock    arch_pc_timer_tsc() is the next time at which a device has something to do by itself;
 *	    the core of the partition's first vCPU calls arch_pc_timer_expire() then. A call that
 *	    may have brought it forward says so by `timer_changed`.
 * Units    *_tsc: host TSC ticks, absolute.
 */
#pragma once
#include "arch/guest.h"
#include "arch/vcpu.h"

struct pc_setup {
	part_id_t part;
	struct guest_ram ram;
	vcpu_id_t first;
	uint32_t vcpu_count;
	bool has_exit_port;
	uint64_t epoch_tsc;     /* its devices' time 0 */
	uint64_t unix_time_s;   /* what its clock shows then */
	uint64_t uart_byte_tsc; /* how long COM1 takes for a byte: the partition's share */
	uint64_t uart_line_tsc; /* and more for a line feed: what the console adds to a line */
};

enum pc_event {
	PC_NOTHING,
	PC_OUTPUT,    /* COM1 sent the byte `value` */
	PC_RESET,     /* 0CF9H, the ACPI reset register, or port 64H */
	PC_POWER_OFF, /* ACPI S5 */
	PC_EXIT       /* exit port: `value` was written */
};

struct pc_effect {
	enum pc_event event;
	uint32_t value; /* of the event */
	bool timer_changed;
	bool apic_changed; /* the vCPU's own, in memory: see arch_vcpu_timer_tsc() */
	vcpu_set_t posted;
};

/* How a memory access ended. */
enum pc_access {
	PC_DONE,    /* the instruction was carried out: RIP is behind it */
	PC_FAULTED, /* a fault was injected: go on */
	PC_AGAIN,   /* one element of a string instruction was, or nothing: RIP stays */
	PC_UNKNOWN  /* an instruction that the decoder does not have */
};

MUST_CHECK enum err arch_pc_create(const struct pc_setup *setup);
/* As after power-on. */
void arch_pc_restart(part_id_t part, uint64_t epoch_tsc);

/* EXIT_PIO. The guest finds what it reads in AL, AX or EAX. */
void arch_pc_port(vcpu_id_t vcpu, const struct exit_info *e, struct pc_effect *effect);
/* EXIT_PIO_STRING: one element. */
enum pc_access arch_pc_port_string(vcpu_id_t vcpu, const struct exit_info *e,
				   struct pc_effect *effect);
/* EXIT_MEMORY: decodes the instruction at RIP and carries it out on the devices. */
enum pc_access arch_pc_memory(vcpu_id_t vcpu, const struct exit_info *e, struct pc_effect *effect);

uint64_t arch_pc_timer_tsc(part_id_t part);
void arch_pc_timer_expire(part_id_t part, uint64_t now_tsc, struct pc_effect *effect);
