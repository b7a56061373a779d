/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/pc/state.h - one virtual PC, for pc.c and memory.c only.
 *
 * Sharing  [I] constant after creation, [L] under `lock`; next_tsc is written under it and read
 *	    by the first vCPU's core without.
 */
#pragma once
#include "arch/pc.h"
#include "arch/x86/pc/vioapic.h"
#include "arch/x86/pc/vpic.h"
#include "arch/x86/pc/vpit.h"
#include "arch/x86/pc/vpm.h"
#include "arch/x86/pc/vrtc.h"
#include "core/lib/lock.h"
#include "io/vpci.h"
#include "io/vuart.h"

struct pc_device;
struct pc_slot;

struct pc {
	struct pc_setup setup; /* [I] */
	struct lock lock;
	uint64_t next_tsc;     /* [L] the devices' next own event */
	uint32_t irqs;         /* [L] levels of the ISA lines */
	bool pic_output;       /* [L] as the first vCPU was told */
	struct vioapic ioapic; /* [L], as are all below */
	struct vpic pic;
	struct vpit pit;
	struct vrtc rtc;
	struct vpm pm;
	struct vuart uart;
	struct vpci pci;
	/* [I] by index in `pci`: one of the two; [0] is none */
	struct pc_device *devices[VPCI_FUNCTION_MAX]; /* of the machine */
	struct pc_slot *slots[VPCI_FUNCTION_MAX];     /* made by software */
};

struct pc *pc_of(part_id_t part);

/*
 * Around every use of [L] at run time. With one vCPU there is one core that uses the devices, timers
 * included, and it does so with interrupts off: nobody is to be locked out, but by functions that
 * are reset beside their guest.
 */
static inline bool pc_is_shared(const struct pc *pc)
{
	return pc->setup.vcpu_count > 1 || pc->pci.function_count > 1;
}

static inline void pc_take(struct pc *pc)
{
	if (pc_is_shared(pc))
		lock_take(&pc->lock);
}

static inline void pc_give(struct pc *pc)
{
	if (pc_is_shared(pc))
		lock_give(&pc->lock);
}

/* An access to a port, OUT with `value`. What IN reads. */
uint32_t pc_access_port(struct pc *pc, const struct exit_info *e, uint32_t value,
			struct pc_effect *effect);

/* Under the lock, after the I/O APIC or the 8259 was touched: what they have to send. */
vcpu_set_t pc_after_interrupts(struct pc *pc);
/*
 * Under the lock, before an interrupt controller is written: while none listens to counter 0 its
 * edges are nobody's event, and are lost here, as on the chips.
 */
vcpu_set_t pc_expire_pit(struct pc *pc, uint64_t now_tsc);

/* Under the lock, after a device's own event may have moved. */
void pc_note_next(struct pc *pc, uint64_t now_tsc, struct pc_effect *effect);

/* ---- model.c, under the lock: any function ---- */

/* Configuration space, by offset into the ECAM region, and by port: 1, 2, 4 bytes. */
uint32_t pc_ecam_read(struct pc *pc, uint64_t offset, uint32_t width);
vcpu_set_t pc_ecam_write(struct pc *pc, uint64_t offset, uint32_t width, uint32_t value);
uint32_t pc_config_read(struct pc *pc, uint16_t port, uint32_t width);
vcpu_set_t pc_config_write(struct pc *pc, uint16_t port, uint32_t width, uint32_t value);
/* The window of the host bridge: what is not mapped there. */
uint64_t pc_window_read(struct pc *pc, uint64_t gpa, uint32_t width);
/* I/O BARs: ports from VPCI_IO_FIRST on. They read as nothing does. *again: PC_REPEAT. */
vcpu_set_t pc_ports_write(struct pc *pc, uint16_t port, uint32_t width, uint32_t value,
			  bool *again);
vcpu_set_t pc_window_write(struct pc *pc, uint64_t gpa, uint32_t width, uint64_t value);
/* The guest starts over. */
void pc_restart_functions(struct pc *pc);
/* Memory that a model shares with the guest. Boot only. */
MUST_CHECK enum err pc_map_model(const struct pc *pc, uint32_t function);

/* ---- device.c, likewise: those of the machine ---- */

/* The real function follows. */
void pc_device_configured(struct pc *pc, struct vpci_effect effect);
uint64_t pc_device_read(struct pc *pc, uint64_t gpa, uint32_t width);
void pc_device_write(struct pc *pc, uint64_t gpa, uint32_t width, uint64_t value);
void pc_device_restart(struct pc *pc);
