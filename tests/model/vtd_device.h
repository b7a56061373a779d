/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/model/vtd_device.h - a PCI function behind the VT-d model: DMA, and MSI-X.
 *
 * Model    Whoever owns it programs its MSI-X table and tells it what to do; a hostile owner, or
 *	    vtdd_random(), has it do anything. Its requests carry its requester ID, which only
 *	    the fabric sets; DMA is cut at 4 KiB as PCI Express demands. What is written to
 *	    FEEx_xxxxH is a message, as on the bus: MSI-X is nothing else.
 * Source   PCI Local Bus Specification 3.0, "MSI-X Capability and Table Structures";
 *	    PCI Express Base Specification, "Memory, I/O and Configuration Request Rules".
 */
#pragma once
#include "tests/model/vtd_model.h"

#define VTDD_VECTORS 64u

struct vtdd_entry { /* of the MSI-X table */
	uint64_t address;
	uint32_t data;
	uint32_t control; /* bit 0: masked */
};

struct vtdd {
	struct vtdm *unit;
	uint16_t requester;
	uint32_t vector_count;
	bool is_enabled, is_masked, is_master; /* MSI-X Enable, Function Mask, Bus Master Enable */
	uint64_t pending;
	struct vtdd_entry table[VTDD_VECTORS];
	uint64_t seed;
	/* Every message that it sent, with what became of it. May be NULL. */
	void (*message)(void *context, struct vtdd *d, struct vtdm_interrupt what);
	void *context;
};

/* All vectors masked, MSI-X off, bus mastering off: as after a reset. */
void vtdd_init(struct vtdd *d, struct vtdm *unit, uint16_t requester, uint32_t vectors,
	       uint64_t seed);

/* --- configuration --------------------------------------------------------------------------- */

/* A doubleword of the MSI-X table, and of the pending bits at VTDD_PBA. Others read 0. */
#define VTDD_PBA 0x800u
uint32_t vtdd_table_read(const struct vtdd *d, uint32_t offset);
void vtdd_table_write(struct vtdd *d, uint32_t offset, uint32_t value);
void vtdd_enable(struct vtdd *d, bool is_enabled, bool is_masked);

/* --- what it does ---------------------------------------------------------------------------- */

struct vtdd_transfer {
	uint32_t bytes; /* that arrived: up to the first request that was blocked */
	enum vtdm_fault fault;
	uint64_t fault_at; /* device address of that request */
};

/* Moves `bytes` between the device's `data` and memory, in requests of at most 4 KiB. Host
 * addresses without memory swallow writes and read as ones. */
struct vtdd_transfer vtdd_read(struct vtdd *d, uint64_t at, void *data, uint32_t bytes);
struct vtdd_transfer vtdd_write(struct vtdd *d, uint64_t at, const void *data, uint32_t bytes);
/* The event of vector n: a message now, or its pending bit. */
void vtdd_signal(struct vtdd *d, uint32_t vector);
/* A message that no table entry has: what a device with a hostile owner may send. */
void vtdd_forge(struct vtdd *d, uint64_t address, uint32_t data);

struct vtdd_step {
	enum { VTDD_READ, VTDD_WRITE, VTDD_SIGNAL, VTDD_FORGE } kind;
	uint64_t at; /* device address, message address; or the vector */
	uint32_t bytes, data;
	struct vtdd_transfer transfer;
};
/*
 * One random act. Addresses: half of them within [0, reach), the others anywhere, some of these
 * just beside powers of two. Writes fill with `fill`. Messages: table vectors, and forged ones
 * of both formats.
 */
struct vtdd_step vtdd_random(struct vtdd *d, uint64_t reach, uint8_t fill);
