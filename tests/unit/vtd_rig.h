/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/vtd_rig.h - a machine around the VT-d model: 8 MiB of memory, one device.
 *
 * Every constant here and in the tests was worked out by hand from the specification's figures;
 * nothing is shared with the model but its interface.
 */
#pragma once
#include <string.h>
#include "tests/model/vtd_model.h"

#define RAM_AT    UINT64_C(0x10000000)
#define RAM_BYTES 0x800000u
#define AT(n)     (RAM_AT + (n)*0x1000u)
#define ROOT      AT(0)
#define CONTEXT   AT(1)
#define L4        AT(2)
#define L3        AT(3)
#define L2        AT(4)
#define L1        AT(5)
#define IRT       AT(6)
#define QUEUE     AT(7)
#define STATUS    AT(8)
#define POSTED    AT(9)
#define PAGE      AT(16)
#define NOWHERE   UINT64_C(0x20000000) /* no memory there */

#define DEVICE    0x1234 /* bus 12H, device 6, function 4 */
#define DOMAIN    5u

static _Alignas(4096) uint8_t ram[RAM_BYTES];
static struct vtdm *unit;
static struct {
	uint64_t address;
	uint32_t data, count;
} sent; /* by the unit itself */

static void *rig_memory(void *context, uint64_t address, uint64_t bytes)
{
	(void)context;
	if (address < RAM_AT || bytes > RAM_BYTES || address - RAM_AT > RAM_BYTES - bytes)
		return NULL;
	return ram + (address - RAM_AT);
}

static void rig_message(void *context, uint64_t address, uint32_t data)
{
	(void)context;
	sent.address = address;
	sent.data = data;
	sent.count++;
}

static inline void put(uint64_t address, uint64_t value)
{
	memcpy(rig_memory(NULL, address, 8), &value, 8);
}

static inline uint64_t get(uint64_t address)
{
	uint64_t value;

	memcpy(&value, rig_memory(NULL, address, 8), 8);
	return value;
}

static inline void put2(uint64_t address, uint64_t low, uint64_t high)
{
	put(address, low);
	put(address + 8, high);
}

static inline uint32_t r32(uint32_t reg)
{
	return (uint32_t)vtdm_read(unit, reg, 4);
}

static inline uint64_t r64(uint32_t reg)
{
	return vtdm_read(unit, reg, 8);
}

static inline void w32(uint32_t reg, uint32_t value)
{
	vtdm_write(unit, reg, 4, value);
}

static inline void w64(uint32_t reg, uint64_t value)
{
	vtdm_write(unit, reg, 8, value);
}

/* GCMD: what is on stays on. */
static inline void command(uint32_t bit)
{
	w32(0x18, (r32(0x1c) & 0x96ffffff) | bit);
}

static inline void command_off(uint32_t bit)
{
	w32(0x18, r32(0x1c) & 0x96ffffff & ~bit);
}

/* One descriptor; the queue is one page of 256. */
static inline void submit(uint64_t low, uint64_t high)
{
	const uint64_t tail = r64(0x88);

	put2(QUEUE + tail, low, high);
	w64(0x88, (tail + 16) % 4096);
}

#define INVALIDATE_CONTEXTS submit(0x11, 0)
#define INVALIDATE_IOTLB    submit(0x12, 0)
#define INVALIDATE_ENTRIES  submit(0x04, 0)

/* Device 12:06.4 in domain 5: one page, 7000H -> PAGE, readable and writable, by 4 levels. */
static inline void tables_of_one_page(void)
{
	memset(ram, 0, sizeof(ram));
	put2(ROOT + 16 * 0x12, CONTEXT | 1, 0);
	put2(CONTEXT + 16 * 0x34, L4 | 1, DOMAIN << 8 | 2);
	put(L4, L3 | 3);
	put(L3, L2 | 3);
	put(L2, L1 | 3);
	put(L1 + 8 * 7, PAGE | 3);
}

/* A unit that is off, above memory as it is. */
static inline void rig_unit(const struct vtdm_caps *caps)
{
	static const struct vtdm_platform platform = { rig_memory, rig_message, NULL };

	if (unit)
		vtdm_destroy(unit);
	memset(&sent, 0, sizeof(sent));
	unit = vtdm_create(caps, &platform);
}

static inline void rig_end(void)
{
	vtdm_destroy(unit);
	unit = NULL;
}

/* By the protocol: queue, root table, invalidation, translation. */
static inline void rig_enable(const struct vtdm_caps *caps)
{
	w64(0x20, ROOT);
	if (caps->queue) {
		w64(0x90, QUEUE);
		command(0x04000000);
	}
	command(0x40000000);
	if (caps->queue) {
		INVALIDATE_CONTEXTS;
		INVALIDATE_IOTLB;
	} else {
		w64(0x28, 0xa000000000000000);
		w64(caps->iotlb_offset + 8, 0x9000000000000000);
	}
	command(0x80000000);
}

/* Tables of one page, and a unit that is on. */
static inline void rig_start(const struct vtdm_caps *caps)
{
	tables_of_one_page();
	rig_unit(caps);
	rig_enable(caps);
}

static inline enum vtdm_fault dma_fault(uint64_t address, enum vtdm_access access)
{
	return vtdm_dma(unit, DEVICE, address, 8, access).fault;
}

/* What a change of a table makes of a read of 7000H, with empty caches. */
static inline enum vtdm_fault fresh_read(void)
{
	INVALIDATE_CONTEXTS;
	INVALIDATE_IOTLB;
	return dma_fault(0x7000, VTDM_READ);
}

/* Clears all fault records and status. */
static inline void service_faults(const struct vtdm_caps *caps)
{
	for (uint32_t i = 0; i < caps->fault_records; i++)
		w32(caps->fault_offset + 16 * i + 12, 0x80000000);
	w32(0x34, 0x71);
}
