/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/property/vtd_machine.h - a machine with two remapping units in software, for arch/iommu.h.
 *
 * Unit 0 has 00:02.0 and the bridge 00:1c.0 with buses 1 to 3; unit 1 has the rest of segment 0.
 * 00:14.0 wants reserved memory. Everything that arch/x86/vtd/ needs of the image is here.
 */
#pragma once
#include <stdlib.h>
#include <string.h>
#include "arch/clock.h"
#include "arch/iommu.h"
#include "arch/mp.h"
#include "arch/x86/init.h"
#include "arch/x86/post.h"
#include "arch/x86/vtd/io.h"
#include "tests/model/vtd_model.h"

/* ---- Memory: what is not this array does not exist ---- */

#define RAM_PAGES 2048u
#define RAM_BASE  UINT64_C(0x5a10000000)
#define RAM_BYTES (RAM_PAGES * (uint64_t)PAGE_BYTES)

static _Alignas(4096) uint8_t ram[RAM_PAGES][4096];
static uint64_t pool_used, pool_limit;
static bool is_sealed;

void *arch_mem_at(hpa_t at)
{
	return &ram[0][0] + (at.v - RAM_BASE);
}

hpa_t arch_mem_hpa(const void *at)
{
	return (hpa_t){ RAM_BASE + (uint64_t)((const uint8_t *)at - &ram[0][0]) };
}

void *arch_mem_take_pages(uint64_t page_count)
{
	void *const at = ram[pool_used];

	if (is_sealed)
		abort();
	if (pool_used + page_count > pool_limit)
		return NULL;
	pool_used += page_count;
	return at;
}

bool arch_mem_is_sealed(void)
{
	return is_sealed;
}

static void *physical(void *context, uint64_t address, uint64_t bytes)
{
	(void)context;
	if (address < RAM_BASE || address - RAM_BASE > RAM_BYTES ||
	    bytes > RAM_BYTES - (address - RAM_BASE))
		return NULL;
	return &ram[0][0] + (address - RAM_BASE);
}

/* ---- Processors and time ---- */

#define CORES  4u
#define TSC_HZ UINT64_C(100000000) /* 10 ms are a million ticks */

static uint64_t now_tsc;
static core_id_t this_core;
static uint32_t apic_ids[CORES];
static bool host_is_x2apic;
static struct percpu percpus[CORES];
struct vcpu *vcpus[MAX_VCPUS];
static struct acpi_info acpi;

uint64_t arch_clock_now_tsc(void)
{
	return now_tsc += 1000;
}

uint64_t arch_clock_tsc_hz(void)
{
	return TSC_HZ;
}

core_id_t arch_mp_core_id(void)
{
	return this_core;
}

uint32_t arch_mp_core_count(void)
{
	return CORES;
}

void arch_mp_relax(void)
{
}

struct percpu *percpu_of(core_id_t core)
{
	percpus[core].apic_id = apic_ids[core];
	return &percpus[core];
}

bool apic_is_x2apic(void)
{
	return host_is_x2apic;
}

const struct acpi_info *acpi_facts(void)
{
	return &acpi;
}

/* ---- Configuration space: a bridge, and functions ---- */

#define BRIDGE PCI_ADDR(0u, 0u, 0x1cu, 0u)

uint32_t arch_pci_read(pci_addr_t function, uint32_t offset, uint32_t width)
{
	const uint32_t all = (uint32_t)(BIT64(8 * width) - 1);

	if (function == BRIDGE) {
		switch (offset) {
		case 0x00:
			return 0x8086;
		case 0x0e:
			return 0x81;
		case 0x19:
			return 1;
		case 0x1a:
			return 3;
		default:
			return 0;
		}
	}
	if (function == PCI_ADDR(0u, 0u, 2u, 0u) || function == PCI_ADDR(0u, 0u, 0x14u, 0u))
		return offset == 0 ? 0x8086 : 0;
	return all;
}

/* ---- Units ---- */

#define UNITS        2u
#define UNIT_BASE    UINT64_C(0xfed90000)
#define DMAR_FLAG_IR 1u

static struct vtdm *units[UNITS];

enum err vtd_io_open(uint64_t base, uint32_t bytes, struct vtd_io *io)
{
	(void)bytes;
	*io = (struct vtd_io){ vtdm_read, vtdm_write, units[(base - UNIT_BASE) / PAGE_BYTES] };
	return OK;
}

static bool forget_flushes; /* to see the tests go red */

void vtd_flush(const void *at, uint64_t bytes)
{
	for (uint32_t i = 0; i < UNITS && !forget_flushes; i++)
		vtdm_flushed(units[i], at, bytes);
}

static void put(uint8_t **at, uint32_t bytes, uint64_t value)
{
	memcpy(*at, &value, bytes);
	*at += bytes;
}

static void put_scope(uint8_t **at, uint8_t type, uint8_t bus, uint8_t device, uint8_t function)
{
	put(at, 1, type);
	put(at, 1, 8);
	put(at, 3, 0);
	put(at, 1, bus);
	put(at, 1, device);
	put(at, 1, function);
}

static void put_unit(uint8_t **at, uint32_t scopes, uint8_t flags, uint64_t base)
{
	put(at, 2, 0);
	put(at, 2, 16 + 8 * scopes);
	put(at, 1, flags);
	put(at, 3, 0);
	put(at, 8, base);
}

static void make_dmar(uint32_t host_bits, uint32_t flags)
{
	uint8_t *const table = arch_mem_take_pages(1);
	uint8_t *at = table + 36, sum = 0;

	memcpy(table, "DMAR", 4);
	put(&at, 1, host_bits - 1);
	put(&at, 1, flags);
	at = table + 48;
	put_unit(&at, 2, 0, UNIT_BASE);
	put_scope(&at, 1, 0, 2, 0);
	put_scope(&at, 2, 0, 0x1c, 0);
	put_unit(&at, 0, 1, UNIT_BASE + PAGE_BYTES);
	put(&at, 2, 1); /* RMRR */
	put(&at, 2, 32);
	put(&at, 4, 0);
	put(&at, 8, 0x7f000000);
	put(&at, 8, 0x7f0fffff);
	put_scope(&at, 1, 0, 0x14, 0);
	memcpy(table + 4, &(uint32_t){ (uint32_t)(at - table) }, 4);
	for (const uint8_t *b = table; b < at; b++)
		sum = (uint8_t)(sum + *b);
	table[9] = (uint8_t)-sum;
	acpi = (struct acpi_info){ .dmar = arch_mem_hpa(table).v,
				   .dmar_bytes = (uint32_t)(at - table) };
}

/* ---- The machine ---- */

/* Power-on; firmware may still do something before arch_iommu_init(). */
static void make_machine(const struct vtdm_caps *caps, uint32_t flags)
{
	const struct vtdm_platform platform = { .memory = physical };

	for (uint32_t i = 0; i < UNITS; i++) {
		if (units[i])
			vtdm_destroy(units[i]);
		units[i] = vtdm_create(caps, &platform);
		vtdm_track(units[i], RAM_BASE, RAM_BYTES);
	}
	memset(ram, 0, sizeof(ram));
	pool_used = 0;
	pool_limit = RAM_PAGES;
	is_sealed = false;
	this_core = 0;
	for (core_id_t i = 0; i < CORES; i++)
		apic_ids[i] = host_is_x2apic ? 0x1000 + i : 3 + 2 * i;
	make_dmar(caps->host_bits, flags);
}

static enum err start(const struct vtdm_caps *caps)
{
	const char *missing = NULL;

	make_machine(caps, DMAR_FLAG_IR);
	return arch_iommu_init(&missing);
}

/* NULL, or what the units had to complain of. */
static const char *complaint(void)
{
	const char *first = vtdm_complaint(units[0]);

	return first ? first : vtdm_complaint(units[1]);
}

/* The unit that hardware sends the function's requests through: wiring, not firmware's table. */
static struct vtdm *unit_of(pci_addr_t f)
{
	const uint32_t bus = PCI_BUS(f);
	const bool is_first = (bus >= 1 && bus <= 3) || PCI_REQUESTER(f) == 0x10 ||
			      PCI_REQUESTER(f) == PCI_REQUESTER(BRIDGE);

	return units[is_first ? 0 : 1];
}

static struct vtdm_dma dma(pci_addr_t f, uint64_t address, enum vtdm_access access)
{
	return vtdm_dma(unit_of(f), PCI_REQUESTER(f), address, 4, access);
}

static inline bool can_reach(pci_addr_t f, uint64_t address, uint64_t host)
{
	const struct vtdm_dma d = dma(f, address, VTDM_READ);

	return d.fault == VTDM_OK && d.host == host;
}

static inline enum vtdm_fault blocked_by(pci_addr_t f, uint64_t address)
{
	return dma(f, address, VTDM_READ).fault;
}

static inline struct vtdm_interrupt message(pci_addr_t f, struct irq_msi m, uint32_t number)
{
	return vtdm_interrupt(unit_of(f), PCI_REQUESTER(f), m.address, m.data + number);
}

/* ---- Kinds of units ---- */

#define KINDS 10u

static struct vtdm_caps kind_of_unit(uint32_t kind)
{
	struct vtdm_caps c = vtdm_caps_full();

	switch (kind) {
	case 1: /* as QEMU's */
		c.coherent = c.posting = c.snoop = false;
		break;
	case 2:
		c.caching_mode = true;
		break;
	case 3:
		c.coherent = false;
		c.caching_mode = c.write_buffer = true;
		c.latency = 7;
		break;
	case 4:
		c.level4 = false;
		c.level3 = true;
		c.guest_bits = 39;
		c.page_1g = false;
		break;
	case 5:
		c = vtdm_caps_least();
		break;
	case 6:
		c = vtdm_caps_least();
		c.caching_mode = true;
		c.latency = 3;
		break;
	case 7:
		c.domain_bits = 4;
		c.page_2m = c.page_1g = false;
		c.fault_records = 8;
		break;
	case 8:
		c.extended = c.posting = false;
		c.latency = 50;
		break;
	case 9:
		c.write_buffer = true;
		break;
	default:
		break;
	}
	return c;
}
