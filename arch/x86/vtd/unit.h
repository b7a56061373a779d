/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vtd/unit.h - one remapping unit: its registers, commands, and how it is taken over.
 *
 * Model    opened: capabilities are known and nothing has changed. started: its own root table and
 *	    interrupt table, both empty, are in force, so every request of every device behind it
 *	    is blocked; protected memory regions are off, compatibility-format interrupts too.
 *	    Firmware's translation, where it was on, is replaced without a gap.
 *	    Without queued invalidation (and then without interrupt remapping) a unit blocks DMA
 *	    only: see can_remap.
 * Source   VT-d, "Register Descriptions", "Hardware Register Programming Considerations".
 * Errors   ERR_UNSUPPORTED: a capability is missing. ERR_NOMEM: the pool is empty. ERR_TIMEOUT:
 *	    a command did not complete within VTD_WAIT_NS.
 * Sharing  Boot core until it is started; then under the lock of vtd.c, but for faults.
 */
#pragma once
#include "arch/mem.h"
#include "arch/x86/vtd/io.h"
#include "arch/x86/vtd/regs.h"

/* The specification sets no limit. Draining waits for requests on their way to memory, which is
 * microseconds; what takes a thousand times as long will never come. */
#define VTD_WAIT_NS       MS(10)

#define VTD_IRT_LOG2      9u
#define VTD_IRT_ENTRIES   (1u << VTD_IRT_LOG2)
#define VTD_QUEUE_ENTRIES (PAGE_BYTES / sizeof(struct vtd_entry))

/* Frames that a started unit holds: root table, queue and status, interrupt table. */
#define VTD_UNIT_PAGES (3u + VTD_IRT_ENTRIES * sizeof(struct vtd_entry) / PAGE_BYTES)

struct vtd_unit {
	struct vtd_io io;
	uint64_t base;
	uint64_t cap, ecap;
	uint16_t segment;
	bool can_remap;          /* interrupts: without it, devices forge what they like */
	bool has_x2apic_targets; /* destinations of 32 bits */
	struct vtd_entry *root;
	struct vtd_entry *queue;
	uint32_t queue_tail;
	uint32_t *status; /* hardware writes `sequence` here when all before it is done */
	uint32_t sequence;
	struct vtd_entry *interrupts;
	uint32_t interrupt_count; /* entries handed out */
};

enum vtd_apic_mode { VTD_XAPIC, VTD_X2APIC };

/* On failure `missing` is what it lacks. `segment` and `base` come from the DMAR table. */
MUST_CHECK enum err vtd_unit_open(struct vtd_unit *u, uint64_t base, uint16_t segment,
				  const char **missing);
/* Whether its messages will be remapped; the firmware may have said that the platform cannot. */
void vtd_unit_choose(struct vtd_unit *u, bool platform_remaps, enum vtd_apic_mode mode);
MUST_CHECK enum err vtd_unit_start(struct vtd_unit *u, const char **missing);

static inline uint64_t vtd_unit_read(const struct vtd_unit *u, uint32_t reg, uint32_t width)
{
	return u->io.read(u->io.context, reg, width);
}

static inline void vtd_unit_write(const struct vtd_unit *u, uint32_t reg, uint32_t width,
				  uint64_t value)
{
	u->io.write(u->io.context, reg, width, value);
}

static inline bool vtd_unit_is_coherent(const struct vtd_unit *u)
{
	return u->ecap & VTD_ECAP_C;
}

/* A point in time after which nobody waits any more. */
uint64_t vtd_deadline_tsc(void);
/* Waits until (register & mask) == value. */
MUST_CHECK enum err vtd_unit_wait(const struct vtd_unit *u, uint32_t reg, uint32_t width,
				  uint64_t mask, uint64_t value);
/* Sets or clears one bit of the global command register, and waits for its status. */
enum vtd_switch { VTD_OFF, VTD_ON };
MUST_CHECK enum err vtd_unit_command(const struct vtd_unit *u, uint32_t bit, enum vtd_switch to);

/*
 * Words of a table were stored: hardware will see them, if it looks. Entries that become present
 * need no more (but in caching mode); what hardware may have cached must be invalidated, too.
 */
void vtd_unit_wrote(const struct vtd_unit *u, const void *at, uint64_t bytes);
/* After the last vtd_unit_wrote() of a change. */
MUST_CHECK enum err vtd_unit_flush_writes(const struct vtd_unit *u);
