/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/pc.h - the virtual PC around a partition's vCPUs: ports, device registers, their clocks.
 *
 * Devices  I/O APIC, two 8259, 8254 with port 61H, MC146818 RTC, ACPI PM1 registers, PM timer
 *	    and reset register, 16550 UART at COM1, PCI host bridge (CF8/CFC and ECAM), exit port
 *	    F4H where the configuration allows it. docs/platform.md has every register.
 *	    What is not there reads as all ones, and writes to it are lost, as on a PC.
 * Functions  of the machine that the guest owns are on its PCI bus: configuration space by io/vpci.h,
 *	    BARs mapped where this PC's firmware placed them, but for the pages that hold an
 *	    MSI-X table or its pending bits: those come here, and what else lies in them reads as
 *	    all ones. BARs stay there: a guest that moves one, or turns decoding off, finds
 *	    nothing at the new place, and its own device at the old one.
 *	    Bus mastering, MSI and MSI-X of the real function follow the virtual one; each
 *	    message goes to one virtual CPU, by its route in the IOMMU: fixed or of lowest
 *	    priority, to the first that its destination names. Others are never sent.
 * Models   are functions made by software. Their registers are BAR 0, of which the MSI-X table and
 *	    pending bits are the PC's own matter. Or BAR 0 is memory that model and guest share, and
 *	    another BAR has the rest.
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
#include "arch/iommu.h"
#include "arch/vcpu.h"
#include "io/vpci.h"

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
	PC_EXIT,      /* exit port: `value` was written */
	PC_REPEAT /* part of what a write to a port asks for is done: the guest is to make it again */
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

/* A function of the machine that goes into the PC. It is attached to the partition's domain. */
struct pc_function {
	pci_addr_t addr;
	struct vpci_facts facts;       /* at most one of MSI, with one message, and MSI-X */
	uint64_t bars[VPCI_BAR_COUNT]; /* host-physical */
	uint16_t msi, msix;            /* offsets of its capabilities, 0: none */
	uint16_t table_count; /* entries of the real MSI-X table: not fewer than in `facts` */
};
/*
 * Boot only, before arch_pc_place_functions(), which is called once for all of a partition's.
 * ERR_NOMEM: frames, interrupts, or places. ERR_INVAL: facts of nothing that can be shown.
 * ERR_UNSUPPORTED: interrupts cannot be remapped.
 */
MUST_CHECK enum err arch_pc_add_function(part_id_t part, const struct pc_function *function);
MUST_CHECK enum err arch_pc_place_functions(part_id_t part);

/*
 * A function that is made by software. Its operations are called under the PC's lock, on the core of
 * the vCPU whose access it is; `offset` is within `bar`, width 1, 2, 4 or 8.
 */
struct pc_model_ops {
	uint64_t (*read)(void *context, uint64_t offset, uint32_t width);
	/* Returns the MSI-X vectors that it sends, a bit each. */
	uint64_t (*write)(void *context, uint64_t offset, uint32_t width, uint64_t value);
	/*
	 * `offset` within `io_bar`. *again becomes true: it asks for more than is done at a time, and the guest
	 * is to make it again. NULL: it will not be made again.
	 */
	uint64_t (*write_port)(void *context, uint64_t offset, uint32_t width, uint64_t value,
			       bool *again);
	/* The guest lets it reach memory, or not any more: "Bus Master Enable". Off after a reset. */
	void (*set_master)(void *context, bool is_master);
	void (*reset)(void *context); /* the guest starts over */
};
struct pc_model {
	struct vpci_facts facts; /* with MSI-X, in this BAR: */
	uint32_t bar;            /* .. accesses to it come here. 0; or another, and BAR 0 is */
	hpa_t memory; /* .. this: the guest reads and writes it, all of it, without asking */
	const struct pc_model_ops *ops;
	void *context;
	uint32_t io_bar; /* an I/O BAR, 0: none. Its ports read as all ones */
};
/* As arch_pc_add_function(). */
MUST_CHECK enum err arch_pc_add_model(part_id_t part, const struct pc_model *model,
				      uint32_t *index);
/*
 * The model sends these MSI-X vectors: those of masked entries wait. Any core, but not from its
 * operations. Who is to be notified.
 */
vcpu_set_t arch_pc_send(part_id_t part, uint32_t index, uint64_t vectors);
/*
 * It was reset beside its guest, who goes on: what the guest has set up is set up again. `index` is 0
 * for the first that was added. Any core.
 */
void arch_pc_function_was_reset(part_id_t part, uint32_t index);

/* As after power-on. Functions have been reset, and do no DMA. */
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
